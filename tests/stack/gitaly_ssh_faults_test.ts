/**
 * gitaly-ssh under real git when the server dies, over every kind of address,
 * and with a fetch that is large.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import {
  type Devstack,
  type Door,
  startDevstack,
} from "../../src/devstack/stack.ts";
import {
  type ProgramOutcome,
  programPath,
  runProgram,
} from "../support/dist.ts";
import { MemoryWatch } from "../support/memory_watch.ts";
import { testOnStand } from "../support/shell_stand.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";

/** 1024 when a whole GiB is wanted. */
const BULK_MIB = Number(Deno.env.get("GITALY_SSH_FETCH_MIB") ?? "192");
const SMALL_MIB = 16;
const BULK_PROJECT = "tanuki/whale";
const SMALL_PROJECT = "tanuki/krill";
const KILLS = 50;
/** Some die so early that the call is made again, or so late that all is sent. */
const FAILURES_MIN = 25;
const PEAK_RSS_MIB_MAX = 100;
const MEASURE = new URL("../bench/measure_child.ts", import.meta.url).pathname;
const TLS_FOLDER = new URL("../testdata/tls/", import.meta.url).pathname;

let stack: Devstack;
let folder: TempDir;
let memory: MemoryWatch;
let count = 0;
/** Accepts and says nothing. */
let silentServer: Deno.TcpListener;
let silentOutcome: Promise<ProgramOutcome>;

const FETCH = [
  "fetch",
  "--no-write-fetch-head",
  "ssh://gitaly/internal.git",
  "+refs/*:refs/*",
];

Deno.test.beforeAll(async () => {
  folder = makeTempDir();
  const own = programPath("gitaly-ssh");
  memory = new MemoryWatch(({ words }) => words.includes(own));
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  const bulk = (id: number, path: string, sizeMib: number) => ({
    ...first,
    id,
    path,
    content: { kind: "bulk", sizeMib } as const,
  });
  stack = await startDevstack({
    gitaly: { gitConfigOptions: ["pack.window=0"] },
    projects: [
      ...SAMPLE_PROJECTS,
      bulk(301, SMALL_PROJECT, SMALL_MIB),
      bulk(302, BULK_PROJECT, BULK_MIB),
    ],
  });
  silentServer = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // It takes 20 seconds to give up, in which the other tests run.
  silentOutcome = runProgram("gitaly-ssh", {
    args: ["receive-pack", "gitaly", "git-receive-pack '/internal.git'"],
    env: {
      GITALY_ADDRESS: `tcp://127.0.0.1:${silentServer.addr.port}`,
      GITALY_PAYLOAD: '{"glId":"user-1"}',
    },
  });
});
Deno.test.afterAll(async () => {
  memory[Symbol.dispose]();
  silentServer.close();
  await stack[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Source {
  readonly from: Devstack;
  readonly project: string;
  readonly address?: string;
}

function startFetch(
  source: Source,
  env: Record<string, string> = {},
): { child: Deno.ChildProcess; target: string } {
  const { from, project, address = from.gitalyAddress } = source;
  const path = from.repositoryPath(project);
  const target = `${folder.path}/target-${++count}.git`;
  const payload = {
    repository: {
      storageName: "default",
      relativePath: path.slice(from.storage.length + 1),
    },
    gitProtocol: "version=2",
  };
  const script = `git init -q --bare "$0" && exec git -C "$0" "$@"`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, target, ...FETCH],
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: folder.path,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_SSH_COMMAND: `${programPath("gitaly-ssh")} upload-pack`,
      GIT_SSH_VARIANT: "simple",
      GITALY_ADDRESS: address,
      GITALY_TOKEN: from.gitalyToken,
      GITALY_PAYLOAD: JSON.stringify(payload),
      ...env,
    },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).spawn();
  return { child, target };
}

async function finish(
  { child }: { child: Deno.ChildProcess },
): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await child.output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/** Processes that were started with a token which nobody else knows. */
async function countProcesses(token: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const path = `/proc/${name}/environ`;
    const text = await Deno.readTextFile(path).catch(() => "");
    count += text.includes(`GITALY_TOKEN=${token}`) ? 1 : 0;
  }
  return count;
}

async function assertWhole(target: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("git", {
    args: ["-C", target, "fsck", "--full", "--connectivity-only"],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

testOnStand(
  `a server that dies at ${KILLS} random moments is git's error each time`,
  async () => {
    let failures = 0;
    for (let round = 0; round < KILLS; round++) {
      const mark = stack.gitaly.calls.all.length;
      const fetch = startFetch({ from: stack, project: SMALL_PROJECT });
      const share = (round + Math.random()) / KILLS;
      const call = await stack.gitaly.calls.until((call) =>
        stack.gitaly.calls.all.indexOf(call) >= mark &&
        call.outputBytes >= share * SMALL_MIB * 1_000_000
      );
      call.connection.cut();
      const { code, stderr } = await finish(fetch);
      await call.ended;
      // A call that had not begun is made again, and the last bytes may all have
      // been on their way: the fetch is whole then.
      if (code === 0) await assertWhole(fetch.target);
      else assert(stderr.includes("fatal:"), stderr);
      failures += code === 0 ? 0 : 1;
      await Deno.remove(fetch.target, { recursive: true });
    }
    assert(failures >= FAILURES_MIN, `only ${failures} failed`);
    assertEquals(stack.gitaly.gitCount, 0);
    assertEquals(await countProcesses(stack.gitalyToken), 0);
  },
);

/** Lists, clones, pushes and archives, which a fetch is not. */
async function assertAllServices(
  from: Devstack,
  local: string,
  env: Record<string, string>,
): Promise<void> {
  const path = from.repositoryPath(SAMPLE.project);
  const repository = {
    storageName: "default",
    relativePath: path.slice(from.storage.length + 1),
  };
  const url = "ssh://gitaly/internal.git";
  const clone = `${folder.path}/clone-${++count}.git`;
  const uploads = { repository, gitProtocol: "version=2" };
  const runs = [
    ["upload-pack", { ...uploads, gitProtocol: "version=1" }, [
      "ls-remote",
      url,
    ]],
    ["upload-pack", uploads, ["clone", "--bare", "--depth=1", url, clone]],
    ["upload-pack", uploads, [
      "clone",
      "--bare",
      "--filter=blob:none",
      url,
      `${clone}-partial`,
    ]],
    ["receive-pack", { repository, glId: "user-1" }, [
      "-C",
      local,
      "push",
      url,
      "main:refs/heads/pushed",
    ]],
    ["upload-archive", { repository }, [
      "archive",
      "--remote=git@localhost:x",
      `--output=${clone}.tar`,
      "main",
    ]],
  ] as const;
  for (const [service, payload, args] of runs) {
    const { code, stderr } = await new Deno.Command("git", {
      args: [...args],
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: folder.path,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_SSH_COMMAND: `${programPath("gitaly-ssh")} ${service}`,
        GIT_SSH_VARIANT: "simple",
        GITALY_ADDRESS: from.gitalyAddress,
        GITALY_TOKEN: from.gitalyToken,
        GITALY_PAYLOAD: JSON.stringify(payload),
        ...env,
      },
      clearEnv: true,
      stdin: "null",
      signal: AbortSignal.timeout(120_000),
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  }
}

for (const door of ["tcp", "tls"] satisfies Door[]) {
  testOnStand(`every service over ${door}`, async () => {
    const [cert, key] = await Promise.all([
      Deno.readTextFile(`${TLS_FOLDER}localhost.pem`),
      Deno.readTextFile(`${TLS_FOLDER}localhost.key`),
    ]);
    const caFile = `${TLS_FOLDER}ca.pem`;
    await using other = await startDevstack({
      gitalyDoor: door,
      tls: { cert, key, caFile },
    });
    const dead = "http://127.0.0.1:1";
    const source = { from: other, project: SAMPLE.project };
    const fetch = startFetch(source, {
      SSL_CERT_FILE: caFile,
      http_proxy: dead,
      HTTP_PROXY: dead,
      https_proxy: dead,
    });
    const good = { ...await finish(fetch), target: fetch.target };
    assertEquals(good.code, 0, good.stderr);
    await assertAllServices(other, good.target, { SSL_CERT_FILE: caFile });
    if (door === "tcp") return;
    const checks = await Promise.all(
      [caFile, "/nonexistent"].map((file) =>
        runProgram("gitaly-ssh", {
          args: ["check"],
          env: {
            GITALY_ADDRESS: other.gitalyAddress,
            GITALY_TOKEN: other.gitalyToken,
            SSL_CERT_FILE: file,
            SSL_CERT_DIR: "/nonexistent",
          },
        })
      ),
    );
    const [trusted, doubted] = checks.map(({ stdout, exitStatus }) =>
      `${exitStatus} ${stdout.split("\n")[1]}`
    );
    assertMatch(trusted ?? "", /^0 connect +ok .*, TLS verified$/);
    assertMatch(doubted ?? "", /^1 connect +FAILED .*certificate/i);
    const untrusted = await finish(startFetch(source, { SSL_CERT_DIR: "" }));
    assertEquals(untrusted.code, 128);
    assert(untrusted.stderr.includes("code = Unavailable"), untrusted.stderr);
  });
}

testOnStand(
  `memory does not grow with the fetch: ${SMALL_MIB} and ${BULK_MIB} MiB`,
  async () => {
    const peaks: number[] = [];
    for (const project of [SMALL_PROJECT, BULK_PROJECT]) {
      const result = `${folder.path}/usage.json`;
      const measured = [Deno.execPath(), "run", "-q", "-A", MEASURE, result];
      const command = [...measured, programPath("gitaly-ssh"), "upload-pack"];
      const fetch = startFetch({ from: stack, project }, {
        GIT_SSH_COMMAND: command.join(" "),
      });
      const { code, stderr } = await finish(fetch);
      assertEquals(code, 0, stderr);
      peaks.push(JSON.parse(await Deno.readTextFile(result)).peakRssMib);
    }
    const [small = 0, bulk = Infinity] = peaks;
    assert(bulk < PEAK_RSS_MIB_MAX, `${bulk} MiB`);
    assert(bulk - small < 32, `${small} MiB, then ${bulk} MiB`);
  },
);

/** What a client sends that wants everything below `id`, in version 2. */
function fetchRequest(id: string): string {
  const pkt = (text: string) =>
    (text.length + 4).toString(16).padStart(4, "0") + text;
  return `${pkt("command=fetch\n")}0001${pkt(`want ${id}\n`)}` +
    `${pkt("done\n")}0000`;
}

for (const program of ["gitlab-shell", "gitaly-ssh"] as const) {
  testOnStand(
    `gitaly.md case 77: ${program} ends when nobody reads, and so does the server's git`,
    async () => {
      const path = stack.repositoryPath(SMALL_PROJECT);
      const { stdout } = await new Deno.Command("git", {
        args: ["-C", path, "rev-parse", "HEAD"],
      }).output();
      const mark = stack.gitaly.calls.all.length;
      const relativePath = path.slice(stack.storage.length + 1);
      const { stderr } = await runProgram(program, {
        // The reader leaves in the middle of the pack, which is 16 MiB.
        shell: `{ "$0" ${
          program === "gitlab-shell" ? "key-1" : "upload-pack a b"
        }; echo $? >&2; } | head -c 100000 >/dev/null`,
        stdin: fetchRequest(new TextDecoder().decode(stdout).trim()),
        env: {
          GITLAB_SHELL_DIR: stack.shellRoot.path,
          SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
          SSH_ORIGINAL_COMMAND: `git-upload-pack '${SMALL_PROJECT}'`,
          GIT_PROTOCOL: "version=2",
          GITALY_ADDRESS: stack.gitalyAddress,
          GITALY_TOKEN: stack.gitalyToken,
          GITALY_PAYLOAD: JSON.stringify({
            repository: { storageName: "default", relativePath },
            gitProtocol: "version=2",
          }),
        },
      });
      assertEquals(stderr, "141\n");
      const call = stack.gitaly.calls.all[mark];
      await call?.ended;
      assert((call?.outputBytes ?? 0) < SMALL_MIB * 1024 * 1024);
      assertEquals(stack.gitaly.gitCount, 0);
    },
  );
}

// The last: what it waits for began with the first.
testOnStand("a server that says nothing is given up", async () => {
  const { stderr, exitStatus } = await silentOutcome;
  assertEquals([exitStatus, stderr.split("\n").length], [1, 2], stderr);
  assert(
    stderr.includes(
      'error="rpc error: code = Unavailable desc = connection error: ' +
        'desc = \\"error reading server preface: EOF\\""',
    ),
    stderr,
  );
});

testOnStand("no gitaly-ssh took more memory than it may", () => {
  memory.assertBounded("gitaly-ssh");
  return Promise.resolve();
});
