/**
 * gitaly-ssh as git starts it: two Gitaly servers with tokens of their own,
 * one of which a fetch reads. Cases are numbered as in the specification of
 * Gitaly.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CallFault } from "../../src/devstack/gitaly/faults.ts";
import { StatusError } from "../../src/devstack/gitaly/status.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import {
  type ProgramOutcome,
  programPath,
  runProgram,
} from "../support/dist.ts";
import { testOnStand } from "../support/shell_stand.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";

const SHA256_PROJECT = "tanuki/shell";
/** What git appends in its `simple` form. */
const GIT_WORDS = ["gitaly", "git-upload-pack '/internal.git'"];

let stack: Devstack;
let folder: TempDir;
let count = 0;
let nextFault: CallFault | undefined;

Deno.test.beforeAll(async () => {
  folder = makeTempDir();
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  const call = () => {
    const fault = nextFault;
    nextFault = undefined;
    return fault;
  };
  stack = await startDevstack({
    gitaly: { faults: { call } },
    projects: [...SAMPLE_PROJECTS, {
      ...first,
      id: 202,
      path: SHA256_PROJECT,
      objectFormat: "sha256",
    }],
  });
});
Deno.test.afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function repositoryOf(project: string): Record<string, string> {
  const path = stack.repositoryPath(project);
  return {
    storageName: "default",
    relativePath: path.slice(stack.storage.length + 1),
    glRepository: "project-1",
  };
}

function environment(
  payload: unknown,
  over: Record<string, string> = {},
): Record<string, string> {
  return {
    GITALY_ADDRESS: stack.gitalyAddress,
    GITALY_TOKEN: stack.gitalyToken,
    GITALY_PAYLOAD: typeof payload === "string"
      ? payload
      : JSON.stringify(payload),
    ...over,
  };
}

const fetchPayload = (project: string = SAMPLE.project, more = {}) => ({
  repository: repositoryOf(project),
  gitProtocol: "version=2",
  gitConfigOptions: ["uploadpack.allowAnySHA1InWant=true"],
  ...more,
});

function runGitalySsh(
  args: readonly string[],
  env: Record<string, string> = {},
  stdin = "0000",
): Promise<ProgramOutcome> {
  return runProgram("gitaly-ssh", { args, env, stdin });
}

/** Text of `error` in the one line that gitaly-ssh prints. */
function errorOf({ stderr }: ProgramOutcome): string {
  const [, quoted = ""] =
    /msg="command returned error" command\.name=\S+ error=(.*) pid=\d+\n$/
      .exec(stderr) ?? [];
  return quoted.startsWith('"') ? JSON.parse(quoted) : quoted;
}

/** A server that hands each connection to `serve`, and nothing more. */
function listenOn(serve: (conn: Deno.TcpConn) => unknown): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) serve(conn);
  })().catch(() => {});
  return listener;
}

function addressOf({ addr }: Deno.TcpListener): string {
  return `tcp://127.0.0.1:${addr.port}`;
}

async function git(
  args: readonly string[],
  env: Record<string, string>,
): Promise<ProgramOutcome> {
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: [...args],
    cwd: folder.path,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: folder.path,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      ...env,
    },
    clearEnv: true,
    stdin: "null",
    signal: AbortSignal.timeout(60_000),
  }).output();
  const decoder = new TextDecoder();
  return {
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    exitStatus: code,
  };
}

/** Runs git with gitaly-ssh for its ssh. */
function gitBy(
  service: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<ProgramOutcome> {
  return git(args, {
    GIT_SSH_COMMAND: `${programPath("gitaly-ssh")} ${service}`,
    GIT_SSH_VARIANT: "simple",
    ...env,
  });
}

async function makeBareRepository(format = "sha1"): Promise<string> {
  const path = `${folder.path}/repository-${++count}.git`;
  const { exitStatus, stderr } = await git(
    ["init", "-q", "--bare", `--object-format=${format}`, path],
    {},
  );
  assertEquals(exitStatus, 0, stderr);
  return path;
}

const FETCH_ALL = [
  "fetch",
  "--no-write-fetch-head",
  "ssh://gitaly/internal.git",
  "+refs/*:refs/*",
];

const USAGE = [
  [
    ["upload-pack", "x"],
    "invalid number of arguments, expected at least 1, got 2",
  ],
  [["foo", "a", "b"], 'invalid pack command: \\"foo\\"'],
] as const;
for (const [args, text] of USAGE) {
  testOnStand(`gitaly.md case 65: ${JSON.stringify(args)}`, async () => {
    const { stdout, stderr, exitStatus } = await runGitalySsh(args);
    assertEquals([stdout, exitStatus], ["", 1]);
    assertMatch(stderr, /^time="[^"]+Z" level=error msg="/);
    assert(stderr.includes(`msg="${text}"`), stderr);
  });
}

const BAD_INPUT = [
  ["no address", { GITALY_ADDRESS: "" }, "gitaly address can not be empty"],
  [
    "a bad scheme",
    { GITALY_ADDRESS: "http://x" },
    'invalid connection string: "http://x"',
  ],
  ["an address before a payload", {
    GITALY_ADDRESS: "localhost:9999",
    GITALY_PAYLOAD: "",
  }, 'invalid connection string: "localhost:9999"'],
  [
    "a missing folder",
    { GITALY_WD: "/nonexistent/folder" },
    "unable to chdir to /nonexistent/folder",
  ],
] as const;
for (const [name, env, text] of BAD_INPUT) {
  testOnStand(`gitaly.md cases 2, 68: ${name}`, async () => {
    const outcome = await runGitalySsh(
      ["upload-pack", ...GIT_WORDS],
      environment(fetchPayload(), env),
    );
    assertEquals([errorOf(outcome), outcome.exitStatus], [text, 1]);
  });
}

const BAD_PAYLOADS = [
  ["empty", ""],
  ["no JSON", "nonsense"],
  ["an unknown field", '{"surprise":1}'],
  ["a field twice", '{"gitProtocol":"","git_protocol":""}'],
  ["trailing data", "{} {}"],
  ["a wrong type", '{"gitProtocol":1}'],
  // As long as Linux lets a variable be.
  ["long", `{"gitProtocol":"${"x".repeat(131_000)}"`],
] as const;
for (const [name, payload] of BAD_PAYLOADS) {
  testOnStand(`gitaly.md case 66: a payload that is ${name}`, async () => {
    const outcome = await runGitalySsh(
      ["upload-pack", ...GIT_WORDS],
      environment(payload),
    );
    assertMatch(errorOf(outcome), /^json unmarshal: proto:/);
    assertEquals(outcome.exitStatus, 1);
  });
}

testOnStand(
  "a payload without a repository is Gitaly's to refuse",
  async () => {
    const texts = [
      ["upload-pack", "{}", "repository not set"],
      ["receive-pack", "{}", "empty GlId"],
      ["receive-pack", '{"glId":"user-1"}', "repository not set"],
      ["upload-archive", "{}", "repository not set"],
    ] as const;
    for (const [service, payload, text] of texts) {
      const outcome = await runGitalySsh(
        [service, ...GIT_WORDS],
        environment(payload),
      );
      assertEquals([outcome.exitStatus, outcome.stderr.split("\n").length], [
        1,
        2,
      ]);
      assertEquals(
        errorOf(outcome),
        `rpc error: code = InvalidArgument desc = ${text}`,
      );
    }
  },
);

testOnStand(
  "gitaly.md case 66: both spellings of a payload are the same request",
  async () => {
    const { storageName, relativePath } = repositoryOf(SAMPLE.project);
    const snake = {
      repository: { storage_name: storageName, relative_path: relativePath },
      git_protocol: "version=2",
    };
    const camel = {
      repository: { storageName, relativePath },
      gitProtocol: "version=2",
    };
    const requests = [];
    for (const payload of [snake, camel]) {
      const args = ["upload-pack", ...GIT_WORDS];
      const { exitStatus, stderr } = await runGitalySsh(
        args,
        environment(payload),
      );
      assertEquals(exitStatus, 0, stderr);
      requests.push(stack.gitaly.calls.all.at(-1)?.request);
    }
    assertEquals(requests[0], requests[1]);
  },
);

testOnStand(
  "gitaly.md case 67: the payload's own options count, and hide again",
  async () => {
    const list = async (options: string[]) => {
      const { stdout } = await gitBy(
        "upload-pack",
        ["ls-remote", "ssh://gitaly/internal.git"],
        environment(
          fetchPayload(SAMPLE.project, { gitConfigOptions: options }),
        ),
      );
      return stdout.includes("\trefs/heads/main\n");
    };
    assertEquals(await list([]), true);
    assertEquals(await list(["transfer.hideRefs=refs/heads/main"]), false);
  },
);

testOnStand("gitaly.md case 67: every hidden ref is shown first", async () => {
  await runGitalySsh(
    ["upload-pack", ...GIT_WORDS],
    environment(fetchPayload()),
  );
  assertEquals(stack.gitaly.calls.all.at(-1)?.request?.gitConfigOptions, [
    "transfer.hideRefs=!refs",
    "uploadpack.allowAnySHA1InWant=true",
  ]);
});

testOnStand(
  "gitaly.md case 69, 4.2: feature flags and correlation id are metadata",
  async () => {
    await runGitalySsh(
      ["upload-pack", ...GIT_WORDS],
      environment(fetchPayload(), {
        GITALY_FEATUREFLAGS: "a_b:true,c:maybe,d,e:0",
        CORRELATION_ID: "abc",
      }),
    );
    const { metadata = {} } = stack.gitaly.calls.all.at(-1) ?? {};
    const flags = Object.entries(metadata).filter(([name]) =>
      name.startsWith("gitaly-feature-")
    );
    assertEquals(Object.fromEntries(flags), {
      "gitaly-feature-a-b": "true",
      "gitaly-feature-e": "false",
    });
    assertEquals(metadata["x-gitlab-correlation-id"], "abc");
    for (const name of ["x-gitlab-client-name", "username", "key_id"]) {
      assertEquals(metadata[name], undefined);
    }
  },
);

testOnStand(
  "gitaly.md case 68: a relative socket is looked for in GITALY_WD",
  async () => {
    const path = stack.gitalyAddress.slice("unix:".length);
    const slash = path.lastIndexOf("/");
    const { exitStatus, stderr } = await runGitalySsh(
      ["upload-pack", ...GIT_WORDS],
      environment(fetchPayload(), {
        GITALY_WD: path.slice(0, slash),
        GITALY_ADDRESS: `unix:${path.slice(slash + 1)}`,
      }),
    );
    assertEquals([exitStatus, stderr], [0, ""]);
  },
);

testOnStand(
  "gitaly.md case 71: an unknown storage is git's error",
  async () => {
    const target = await makeBareRepository();
    const payload = fetchPayload();
    const { stderr, exitStatus } = await gitBy(
      "upload-pack",
      ["-C", target, ...FETCH_ALL],
      environment({
        ...payload,
        repository: { ...payload.repository, storageName: "nowhere" },
      }),
    );
    assertEquals(exitStatus, 128);
    assert(
      stderr.includes(
        "rpc error: code = InvalidArgument desc = storage name not found",
      ),
      stderr,
    );
  },
);

testOnStand("a wrong token is git's error, and not printed", async () => {
  const target = await makeBareRepository();
  const { stderr, exitStatus } = await gitBy(
    "upload-pack",
    ["-C", target, ...FETCH_ALL],
    environment(fetchPayload(), { GITALY_TOKEN: "no-such-token" }),
  );
  assertEquals(exitStatus, 128);
  assertMatch(stderr, /code = PermissionDenied desc = permission denied/);
  assert(!stderr.includes("no-such-token"));
});

for (const variant of ["simple", "ssh", ""]) {
  testOnStand(
    `gitaly.md case 70: a fetch with GIT_SSH_VARIANT "${variant}"`,
    async () => {
      const target = await makeBareRepository();
      const env = environment(fetchPayload(), { GIT_SSH_VARIANT: variant });
      if (variant === "") delete env["GIT_SSH_VARIANT"];
      const args = ["-C", target, ...FETCH_ALL];
      const outcome = variant === ""
        ? await git(args, {
          ...env,
          GIT_SSH_COMMAND: `${programPath("gitaly-ssh")} upload-pack`,
        })
        : await gitBy("upload-pack", args, env);
      assertEquals(outcome.exitStatus, 0, outcome.stderr);
      assertEquals(
        (await git(["-C", target, "fsck", "--full"], {})).exitStatus,
        0,
      );
      const refs = await git(["-C", target, "for-each-ref"], {});
      assert(refs.stdout.includes("refs/heads/main"), refs.stdout);
    },
  );
}

for (const protocol of ["", "version=1", "version=2"]) {
  testOnStand(
    `ls-remote, shallow and partial fetches with protocol "${protocol}"`,
    async () => {
      const env = environment(
        fetchPayload(SAMPLE.project, { gitProtocol: protocol }),
      );
      const list = await gitBy("upload-pack", [
        "ls-remote",
        "ssh://gitaly/internal.git",
      ], env);
      assertEquals(list.exitStatus, 0, list.stderr);
      assert(list.stdout.includes("refs/heads/main"), list.stdout);
      for (const option of ["--depth=1", "--filter=blob:none"]) {
        const path = `${folder.path}/clone-${++count}`;
        const clone = await gitBy(
          "upload-pack",
          ["clone", "--bare", option, "ssh://gitaly/internal.git", path],
          env,
        );
        assertEquals(clone.exitStatus, 0, clone.stderr);
      }
    },
  );
}

testOnStand("a fetch from a repository of SHA-256 objects", async () => {
  const target = await makeBareRepository("sha256");
  const { exitStatus, stderr } = await gitBy(
    "upload-pack",
    ["-C", target, ...FETCH_ALL],
    environment(fetchPayload(SHA256_PROJECT)),
  );
  assertEquals(exitStatus, 0, stderr);
  assertEquals((await git(["-C", target, "fsck"], {})).exitStatus, 0);
});

testOnStand("a fetch of objects that stand in an alternate", async () => {
  const source = stack.repositoryPath(SAMPLE.project);
  const hollow = `${source.slice(0, source.lastIndexOf("/"))}/hollow.git`;
  const made = await git(["init", "-q", "--bare", hollow], {});
  assertEquals(made.exitStatus, 0, made.stderr);
  const refs = await git([
    "-C",
    source,
    "for-each-ref",
    "--format=%(objectname) %(refname)",
    "refs/heads",
  ], {});
  await Deno.writeTextFile(`${hollow}/packed-refs`, refs.stdout);
  const objects = `../${source.slice(source.lastIndexOf("/") + 1)}/objects`;
  const fetch = async (more: Record<string, unknown>) => {
    const target = await makeBareRepository();
    const { exitStatus } = await gitBy(
      "upload-pack",
      ["-C", target, ...FETCH_ALL],
      environment(fetchPayload(SAMPLE.project, {
        repository: {
          storageName: "default",
          relativePath: hollow.slice(stack.storage.length + 1),
          ...more,
        },
      })),
    );
    const { stdout } = await git(["-C", target, "fsck", "--full"], {});
    return [exitStatus, stdout];
  };
  assertEquals((await fetch({}))[0], 128);
  const more = { gitAlternateObjectDirectories: [objects] };
  assertEquals(await fetch(more), [0, ""]);
  await Deno.remove(hollow, { recursive: true });
});

testOnStand("a push to a repository of SHA-256 objects", async () => {
  const source = await makeBareRepository("sha256");
  const fetched = await gitBy(
    "upload-pack",
    ["-C", source, ...FETCH_ALL],
    environment(fetchPayload(SHA256_PROJECT)),
  );
  assertEquals(fetched.exitStatus, 0, fetched.stderr);
  const pushed = await gitBy(
    "receive-pack",
    ["-C", source, "push", "ssh://gitaly/internal.git", "main:refs/heads/new"],
    environment({ repository: repositoryOf(SHA256_PROJECT), glId: "user-1" }),
  );
  assertEquals(pushed.exitStatus, 0, pushed.stderr);
  const there = stack.repositoryPath(SHA256_PROJECT);
  const { stdout } = await git(["-C", there, "rev-parse", "new"], {});
  assertEquals(stdout.length, 65);
  const fsck = await git(["-C", there, "fsck", "--full"], {});
  assertEquals(fsck.exitStatus, 0, fsck.stderr);
});

testOnStand(
  "one Gitaly fetches from another, each with its own token",
  async () => {
    await using other = await startDevstack();
    const path = other.repositoryPath(SAMPLE.project);
    const target = await makeBareRepository();
    const { exitStatus, stderr } = await gitBy(
      "upload-pack",
      ["-C", target, ...FETCH_ALL],
      environment({
        ...fetchPayload(),
        repository: {
          storageName: "default",
          relativePath: path.slice(other.storage.length + 1),
        },
      }, {
        GITALY_ADDRESS: other.gitalyAddress,
        GITALY_TOKEN: other.gitalyToken,
      }),
    );
    assertEquals(exitStatus, 0, stderr);
    assert(other.gitalyToken !== stack.gitalyToken);
  },
);

testOnStand("a push and an archive", async () => {
  const source = await makeBareRepository();
  const fetched = await gitBy(
    "upload-pack",
    ["-C", source, ...FETCH_ALL],
    environment(fetchPayload()),
  );
  assertEquals(fetched.exitStatus, 0, fetched.stderr);
  const pushed = await gitBy(
    "receive-pack",
    [
      "-C",
      source,
      "push",
      "ssh://gitaly/internal.git",
      "main:refs/heads/pushed",
    ],
    environment({
      repository: repositoryOf(SAMPLE.project),
      glId: "user-1",
      glUsername: "alice",
      glRepository: "project-1",
    }),
  );
  assertEquals(pushed.exitStatus, 0, pushed.stderr);
  const archive = `${folder.path}/archive.tar`;
  const archived = await gitBy(
    "upload-archive",
    ["archive", "--remote=git@localhost:x", `--output=${archive}`, "main"],
    environment({ repository: repositoryOf(SAMPLE.project) }),
  );
  assertEquals(archived.exitStatus, 0, archived.stderr);
  assert((await Deno.stat(archive)).size > 1024);
});

testOnStand(
  "gitaly.md case 52: Internal is reported in gitaly-ssh's line",
  async () => {
    nextFault = { refusal: new StatusError(13, "cmd wait: exit status 128") };
    const outcome = await runGitalySsh(
      ["receive-pack", ...GIT_WORDS],
      environment({ repository: repositoryOf(SAMPLE.project), glId: "user-1" }),
    );
    assertEquals(outcome.exitStatus, 1);
    assertEquals(
      errorOf(outcome),
      "rpc error: code = Internal desc = cmd wait: exit status 128",
    );
  },
);

testOnStand(
  "a stdin in the payload is refused as Gitaly refuses it",
  async () => {
    const outcome = await runGitalySsh(
      ["receive-pack", ...GIT_WORDS],
      environment({
        repository: repositoryOf(SAMPLE.project),
        glId: "user-1",
        stdin: "MDAwMA==",
      }),
    );
    assertEquals(outcome.exitStatus, 1);
    assertEquals(
      errorOf(outcome),
      "rpc error: code = InvalidArgument desc = non-empty data in first request",
    );
  },
);

testOnStand(
  "proxies of the environment are not used for a socket",
  async () => {
    const dead = "http://127.0.0.1:1";
    const { exitStatus, stderr } = await runGitalySsh(
      ["upload-pack", ...GIT_WORDS],
      environment(fetchPayload(), {
        http_proxy: dead,
        https_proxy: dead,
        HTTP_PROXY: dead,
        HTTPS_PROXY: dead,
      }),
    );
    assertEquals([exitStatus, stderr], [0, ""]);
  },
);

testOnStand(
  "gitaly-ssh check: every step of a server that serves",
  async () => {
    const { stdout, stderr, exitStatus } = await runGitalySsh(
      ["check"],
      environment(""),
    );
    assertEquals([stderr, exitStatus], ["", 0]);
    const steps = stdout.trimEnd().split("\n");
    assertEquals(steps.map((line) => line.split(/\s+/).slice(0, 2)), [
      ["address", "ok"],
      ["connect", "ok"],
      ["protocol", "ok"],
      ["token", "ok"],
      ["fetch", "ok"],
    ]);
    assertMatch(steps[4] ?? "", / ms {2}SSHUploadPackWithSidechannel$/);
  },
);

const OLD_SERVERS = [
  ["gitaly_17", "gRPC on yamux", "SSHUploadPackWithSidechannel"],
  ["gitaly_14", "gRPC on yamux", "SSHUploadPack (a server before 14.7)"],
  ["praefect_14", "gRPC on yamux", "SSHUploadPack (a server before 14.7)"],
  [
    "gitaly_13",
    "plain gRPC: no sidechannels",
    "SSHUploadPack (a server before 14.7)",
  ],
] as const;
for (const [era, protocol, method] of OLD_SERVERS) {
  testOnStand(
    `gitaly.md 10: ${era} is checked, and fetched from`,
    async () => {
      await using old = await startDevstack({ gitaly: { era } });
      const path = old.repositoryPath(SAMPLE.project);
      const env = environment(
        fetchPayload(SAMPLE.project, {
          repository: {
            storageName: "default",
            relativePath: path.slice(old.storage.length + 1),
          },
        }),
        { GITALY_ADDRESS: old.gitalyAddress, GITALY_TOKEN: old.gitalyToken },
      );
      const check = await runGitalySsh(["check"], env);
      assertEquals(check.exitStatus, 0, check.stdout);
      const found = check.stdout.trimEnd().split("\n")
        .map((line) => line.split(" ms  ")[1]);
      assertEquals([found[2], found[4]], [protocol, method]);
      const target = await makeBareRepository();
      const args = ["-C", target, ...FETCH_ALL];
      const fetched = await gitBy("upload-pack", args, env);
      assertEquals(fetched.exitStatus, 0, fetched.stderr);
      const fsck = await git(["-C", target, "fsck", "--full"], {});
      assertEquals(fsck.exitStatus, 0, fsck.stderr);
    },
  );
}

const CHECK_FAILURES = [
  [
    "address",
    { GITALY_ADDRESS: "nonsense" },
    'invalid connection string: "nonsense"',
  ],
  [
    "connect",
    { GITALY_ADDRESS: "unix:/nonexistent/socket" },
    "no such file or directory",
  ],
  ["token", { GITALY_TOKEN: "wrong" }, "permission denied"],
] as const;
for (const [step, env, text] of CHECK_FAILURES) {
  testOnStand(
    `gitaly-ssh check: a fault of the ${step} is named and ends it`,
    async () => {
      const { stdout, exitStatus } = await runGitalySsh(
        ["check"],
        environment("", env),
      );
      const last = stdout.trimEnd().split("\n").at(-1) ?? "";
      assertEquals(exitStatus, 1);
      assertMatch(last, new RegExp(`^${step} +FAILED `));
      assert(last.includes(text), last);
    },
  );
}

testOnStand("a server that speaks HTTP/1 is an error of one line", async () => {
  const page = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n" +
    "Connection: close\r\n\r\nBad";
  const server = listenOn(async (conn) => {
    await conn.read(new Uint8Array(4096)).catch(() => null);
    await conn.write(new TextEncoder().encode(page)).catch(() => 0);
    conn.close();
  });
  const outcome = await runGitalySsh(
    ["receive-pack", ...GIT_WORDS],
    environment({ repository: repositoryOf(SAMPLE.project), glId: "user-1" }, {
      GITALY_ADDRESS: addressOf(server),
    }),
  );
  server.close();
  assertEquals(outcome.exitStatus, 1);
  assertEquals(outcome.stderr.split("\n").length, 2, outcome.stderr);
  assertMatch(errorOf(outcome), /^rpc error: code = Unavailable desc = /);
});

testOnStand("-version alone prints one line", async () => {
  const { stdout, stderr, exitStatus } = await runGitalySsh(["-version"]);
  assertMatch(stdout, /^gitaly-ssh \S.*-\d{8}\.\d{6}\n$/);
  assertEquals([stderr, exitStatus], ["", 0]);
});
