/**
 * SIGUSR1 ends every program and opens no debugger, however long it has run:
 * Deno listens for the signal from half a second after its start on.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeSshKeys } from "../../src/cli/ssh_front_door.ts";
import { SAMPLE_PUBLIC_KEY } from "../../src/devstack/sample.ts";
import { programPath } from "../support/dist.ts";
import { RootDir } from "../support/root_dir.ts";
import { configOf, RunningSshd } from "../support/sshd_process.ts";
import { makeTempDir } from "../support/temp_dir.ts";

/** When Deno would long since have begun to listen. */
const LATE_MS = 1_500;
/** When ours is there, and Deno's is not yet. */
const EARLY_MS = 100;
/** What a shell says of a program that SIGUSR1 has killed. */
const KILLED_BY_SIGUSR1 = 138;
/** Nothing, or what Deno says when the port is taken or no descriptor left. */
const NO_DEBUGGER = /^(Failed to start inspector server: .*\n)?$/;
const TIMEOUT_MS = 20_000;
const KEY = SAMPLE_PUBLIC_KEY.split(" ")[1] ?? "";

interface Waiting {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function session(command: string): Waiting {
  return {
    program: "gitlab-shell",
    args: ["key-1"],
    env: {
      SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
      SSH_ORIGINAL_COMMAND: command,
    },
  };
}

function gitalySsh(listenerPath: string): Waiting {
  const repository = { storageName: "default", relativePath: "a.git" };
  return {
    program: "gitaly-ssh",
    args: ["upload-pack", "git@localhost", "git-upload-pack", "a.git"],
    env: {
      GITALY_ADDRESS: `unix:${listenerPath}`,
      GITALY_PAYLOAD: JSON.stringify({ repository }),
      GITALY_WD: "/",
    },
  };
}

/** What each of them waits for is a peer that says nothing. */
const WAITING: readonly ((listenerPath: string) => Waiting)[] = [
  () => session(""),
  () => session("git-upload-pack 'a/b.git'"),
  () => session("git-receive-pack 'a/b.git'"),
  () => ({
    program: "gitlab-shell-authorized-keys-check",
    args: ["git", "git", KEY],
    env: {},
  }),
  () => ({ program: "gitlab-shell-check", args: [], env: {} }),
  gitalySsh,
];

for (const makeWaiting of WAITING) {
  const { program, env } = makeWaiting("");
  const what = `${program} ${env["SSH_ORIGINAL_COMMAND"] ?? ""}`.trim();
  Deno.test(`${what}: SIGUSR1 ends it and opens no debugger`, async () => {
    await assertEnds(makeWaiting, () => sleep(LATE_MS));
  });
}

Deno.test("SIGUSR1 opens no debugger in a session that stood still until it came", async () => {
  const makeSession = () => session("git-upload-pack 'a/b.git'");
  await assertEnds(makeSession, async (child) => {
    await sleep(EARLY_MS);
    // Both timers are over when it goes on.
    child.kill("SIGSTOP");
    await sleep(LATE_MS);
    child.kill("SIGCONT");
    await sleep(EARLY_MS);
  });
});

/** From the fewest with which Deno starts to more than the program needs. */
for (const descriptors of [24, 25, 26, 28, 40]) {
  Deno.test(`with ${descriptors} descriptors a session that waits fails with a reason, or ends by SIGUSR1`, async () => {
    using folder = makeTempDir();
    const path = `${folder.path}/silent.sock`;
    using listener = Deno.listen({ transport: "unix", path });
    using root = new RootDir({
      gitlabUrl: `http+unix://${encodeURIComponent(path)}`,
    });
    const child = startWaiting(session("git-upload-pack 'a/b.git'"), {
      root,
      limit: `ulimit -n ${descriptors}`,
    });
    const told = new Response(child.stderr).text();
    const connected = listener.accept().catch(() => undefined);
    await sleep(LATE_MS);
    try {
      child.kill("SIGUSR1");
    } catch {
      // It has ended for want of descriptors.
    }
    const { code } = await child.status;
    await child.stdin.close().catch(() => {});
    listener.close();
    (await connected)?.close();
    if (code === KILLED_BY_SIGUSR1) assertMatch(await told, NO_DEBUGGER);
    else assertMatch(await told, /too many open files|Internal API/i);
    assert(code === KILLED_BY_SIGUSR1 || descriptors < 40, await told);
  });
}

/** @param beforeSignal What happens between the program's question and the signal. */
async function assertEnds(
  makeWaiting: (listenerPath: string) => Waiting,
  beforeSignal: (child: Deno.ChildProcess) => Promise<void>,
): Promise<void> {
  using folder = makeTempDir();
  const path = `${folder.path}/silent.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  using root = new RootDir({
    gitlabUrl: `http+unix://${encodeURIComponent(path)}`,
  });
  const waiting = makeWaiting(path);
  const child = startWaiting(waiting, { root });
  const told = new Response(child.stderr).text();
  using _connection = await Promise.race([
    listener.accept(),
    child.status.then(async () => {
      throw new Error(`${waiting.program} asks nobody: ${await told}`);
    }),
  ]);
  await beforeSignal(child);
  child.kill("SIGUSR1");
  const { code, signal } = await child.status;
  await child.stdin.close().catch(() => {});
  assertMatch(await told, NO_DEBUGGER);
  assertEquals({ code, signal }, { code: KILLED_BY_SIGUSR1, signal: null });
}

/** @param limit What a shell does to itself before it becomes the program. */
function startWaiting(
  { program, args, env }: Waiting,
  { root, limit = ":" }: { root: RootDir; limit?: string },
): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", `${limit}; exec "$0" "$@"`, programPath(program), ...args],
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      GITLAB_SHELL_DIR: root.path,
      ...env,
    },
    clearEnv: true,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).spawn();
}

for (const workers of [1, 2]) {
  Deno.test(`gitlab-sshd with ${workers} workers: SIGUSR1 ends it and opens no debugger`, async () => {
    using dir = makeTempDir();
    const { hostKeyFile: hostKey } = await makeSshKeys(dir.path);
    const sshd = [`workers: ${workers}`];
    await using server = await RunningSshd.start(configOf({ hostKey, sshd }));
    await sleep(LATE_MS);
    server.signal("SIGUSR1");
    const timer = setTimeout(() => server.signal("SIGKILL"), TIMEOUT_MS);
    const { code, signal } = await server.status;
    clearTimeout(timer);
    assertEquals({ code, signal }, { code: KILLED_BY_SIGUSR1, signal: null });
  });
}

function sleep(timeMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeMs));
}
