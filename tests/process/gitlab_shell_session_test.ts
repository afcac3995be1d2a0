/**
 * gitlab-shell between an internal API and a Gitaly that answer as told: what
 * the user reads, what the operator finds in the log, and the exit status.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ScriptedAnswer } from "../../src/devstack/api/script.ts";
import type { CallFault } from "../../src/devstack/gitaly/faults.ts";
import { StatusError } from "../../src/devstack/gitaly/status.ts";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { info, ShellStand, testOnStand, warn } from "../support/shell_stand.ts";

const FETCH = `git-upload-pack '${SAMPLE.project}'`;
const PUSH = `git-receive-pack '${SAMPLE.project}'`;
const UNREACHABLE = "Internal API unreachable";
const GITALY_DOWN = "rpc error: code = Unavailable desc = The git server, " +
  "Gitaly, is not available at this time. Please contact your administrator.";

/** What the next call to Gitaly does wrong. */
let nextFault: CallFault | undefined;

let stand: ShellStand;

Deno.test.beforeAll(async () => {
  const call = () => {
    const fault = nextFault;
    nextFault = undefined;
    return fault;
  };
  stand = await ShellStand.start({ gitaly: { faults: { call } } });
});
Deno.test.afterAll(() => stand[Symbol.asyncDispose]());

const json = (value: unknown, status = 200): ScriptedAnswer => ({
  status,
  headers: [["Content-Type", "application/json"]],
  body: JSON.stringify(value),
});

interface ApiRow {
  readonly name: string;
  readonly path: "/discover" | "/allowed";
  readonly answers: readonly ScriptedAnswer[];
  readonly stdout?: string;
  readonly stderr: string;
  readonly exitStatus?: number;
}

const repeat = (answer: ScriptedAnswer) => [answer, answer, answer];
const username = (text: string) => warn(`Failed to get username: ${text}`);

const API_ROWS: readonly ApiRow[] = [
  {
    name: "shell.md case 83: nobody is greeted as anonymous",
    path: "/discover",
    answers: [json(null)],
    stdout: "Welcome to GitLab, Anonymous!\n",
    stderr: "",
    exitStatus: 0,
  },
  {
    name: "shell.md case 84: a name with id 0 is nobody",
    path: "/discover",
    answers: [json({ id: 0, username: "x" })],
    stdout: "Welcome to GitLab, Anonymous!\n",
    stderr: "",
    exitStatus: 0,
  },
  {
    name: "shell.md case 86: a refusal's text is shown",
    path: "/discover",
    answers: [json({ message: "Forbidden!" }, 403)],
    stderr: username("Forbidden!"),
  },
  {
    name: "shell.md case 87: three failures make the API unreachable",
    path: "/discover",
    answers: repeat({ status: 500 }),
    stderr: username(UNREACHABLE),
  },
  {
    name: "shell.md case 88: an answer that is no JSON",
    path: "/discover",
    answers: [{ body: "not json" }],
    stderr: username("parsing failed"),
  },
  {
    name: "shell.md case 89: an error page",
    path: "/discover",
    answers: [{ status: 404, body: "<html>" }],
    stderr: username("Internal API error (404)"),
  },
  {
    name:
      "shell.md case 136, internal-api.md case 64: messages of an answer without status",
    path: "/allowed",
    answers: [json({ gl_console_messages: ["console", "message"] })],
    stderr: info("console", "message"),
  },
  {
    name: "internal-api.md case 65: messages of nothing are not printed",
    path: "/allowed",
    answers: [json({ gl_console_messages: ["", "  "] })],
    stderr: "",
  },
  {
    name: "shell.md case 137: a refusal with status 200",
    path: "/allowed",
    answers: [json({ status: false, message: "missing user" })],
    stderr: warn("missing user"),
  },
  {
    name:
      "shell.md case 138, internal-api.md case 66: messages, then the refusal",
    path: "/allowed",
    answers: [json({
      status: false,
      message: "no",
      gl_console_messages: ["a"],
    })],
    stderr: info("a") + warn("no"),
  },
  {
    name: "shell.md case 139: a refusal with status 403",
    path: "/allowed",
    answers: [json({ status: false, message: "Disallowed by API call" }, 403)],
    stderr: warn("Disallowed by API call"),
  },
  {
    name: "shell.md case 140: messages of an error status are not shown",
    path: "/allowed",
    answers: [json({ message: "no", gl_console_messages: ["a"] }, 401)],
    stderr: warn("no"),
  },
  {
    name: "shell.md case 141: an error without message prints nothing",
    path: "/allowed",
    answers: [json({}, 401)],
    stderr: "",
  },
  {
    name: "internal-api.md case 42: a message that is an object",
    path: "/allowed",
    answers: [json({ message: { base: ["x"] } }, 422)],
    stderr: warn("Internal API error (422)"),
  },
  {
    name: "internal-api.md case 44: only the first line gets the prefix",
    path: "/allowed",
    answers: [json({ message: "a\nb" }, 403)],
    stderr: warn("a\nb"),
  },
  {
    name: "internal-api.md case 45: a redirect is refused",
    path: "/allowed",
    answers: [{ status: 301, headers: [["Location", "http://127.0.0.1:1/x"]] }],
    stderr: warn(
      'Internal API returned redirect (301) to "http://127.0.0.1:1/x"',
    ),
  },
  {
    name: "internal-api.md case 50: null is a refusal without text",
    path: "/allowed",
    answers: [json(null)],
    stderr: "",
  },
  {
    name: "internal-api.md case 51: an id that is text",
    path: "/allowed",
    answers: [json({ status: true, gl_key_id: "7" })],
    stderr: warn("parsing failed"),
  },
  {
    name: "internal-api.md case 71, shell.md case 152: no Gitaly is named",
    path: "/allowed",
    answers: [json({ status: true })],
    stderr: warn("no gitaly_address given"),
  },
  {
    name: "internal-api.md case 114: an archive with status 300",
    path: "/allowed",
    answers: [json({ status: true }, 300)],
    stderr: warn("no gitaly_address given"),
  },
];
for (const row of API_ROWS) {
  testOnStand(row.name, async () => {
    const mark = stand.requestCount;
    stand.answer(row.path, ...row.answers);
    const command = row.name.includes("archive")
      ? `git-upload-archive '${SAMPLE.project}'`
      : FETCH;
    const outcome = await stand.session(
      row.path === "/allowed" ? { command } : {},
    );
    assertEquals(outcome, {
      stdout: row.stdout ?? "",
      stderr: row.stderr,
      exitStatus: row.exitStatus ?? 1,
    });
    assertEquals(stand.requestCount - mark, row.answers.length);
  });
}

testOnStand("shell.md case 90: a URL that means nothing", async () => {
  await using other = await ShellStand.start();
  const { configFile } = other.stack.shellRoot;
  const text = await Deno.readTextFile(configFile);
  await Deno.writeTextFile(
    configFile,
    text.replace(/^gitlab_url:.*$/m, 'gitlab_url: "ftp://x"'),
  );
  const { stderr, exitStatus } = await other.session();
  assertEquals(exitStatus, 1);
  assertEquals(
    stderr,
    username("error creating http client: unknown GitLab URL prefix"),
  );
});

testOnStand(
  "a rate limit reaches the user in GitLab's words, before Gitaly is dialled",
  async () => {
    await using limited = await ShellStand.start({ api: { rateLimit: 1 } });
    const text =
      "This endpoint has been requested too many times. Try again later.";
    await limited.session({ command: FETCH, stdin: "0000" });
    const calls = limited.stack.gitaly.calls.all.length;
    const mark = limited.requestCount;
    const startMs = performance.now();
    const outcome = await limited.session({ command: FETCH });
    assertEquals(outcome, { stdout: "", stderr: warn(text), exitStatus: 1 });
    assertEquals(limited.requestCount - mark, 1);
    assertEquals(limited.stack.gitaly.calls.all.length, calls);
    assert(performance.now() - startMs < 1_500, "it waited");
  },
);

interface GitalyRow {
  readonly name: string;
  readonly fault: CallFault;
  readonly stderr: string;
  readonly exitStatus?: number;
}

/** `google.rpc.Status` of gitaly.md 1.3, code and text do not matter here. */
const LIMIT_ERROR = Uint8Array.from(
  atob(
    "CAgSGm1heGltdW0gcXVldWUgc2l6ZSByZWFjaGVkGkcKJXR5cGUuZ29vZ2xlYXBpcy5jb20vZ2l0YWx5LkxpbWl0RXJyb3ISHgoabWF4aW11bSBxdWV1ZSBzaXplIHJlYWNoZWQSAA",
  ),
  (char) => char.charCodeAt(0),
);

const GITALY_ROWS: readonly GitalyRow[] = [
  {
    name: "shell.md case 153: Unavailable",
    fault: { refusal: new StatusError(14, "shutting down") },
    stderr: warn(GITALY_DOWN),
  },
  {
    name: "shell.md case 154: Unavailable because of a limit",
    fault: { refusal: new StatusError(14, "limit", LIMIT_ERROR) },
    stderr: warn(
      "rpc error: code = Unavailable desc = GitLab is currently unable to " +
        "handle this request due to load.",
    ),
  },
  {
    name: "gitaly.md case 54: a limit with its own code is passed on",
    fault: {
      refusal: new StatusError(8, "maximum queue size reached", LIMIT_ERROR),
    },
    stderr: warn(
      "rpc error: code = ResourceExhausted desc = maximum queue size reached",
    ),
  },
  {
    name: "shell.md case 156: NotFound",
    fault: { refusal: new StatusError(5, "repository not found") },
    stderr: warn("rpc error: code = NotFound desc = repository not found"),
  },
  {
    name: "a method that the server lacks",
    fault: { refusal: new StatusError(12, "unknown service") },
    stderr: warn("rpc error: code = Unimplemented desc = unknown service"),
  },
  {
    name: "gitaly.md case 52: Internal says nothing",
    fault: { refusal: new StatusError(13, "cmd wait: exit status 128") },
    stderr: "",
  },
  {
    name: "gitaly.md case 53: a push that was cancelled",
    fault: { refusal: new StatusError(1, "user canceled the push") },
    stderr: warn("rpc error: code = Canceled desc = user canceled the push"),
  },
];
for (const { name, fault, stderr } of GITALY_ROWS) {
  testOnStand(`${name} (push)`, async () => {
    nextFault = fault;
    const outcome = await stand.session({ command: PUSH, stdin: "0000" });
    assertEquals(outcome, { stdout: "", stderr, exitStatus: 1 });
  });
}

testOnStand("gitaly.md case 43: OK without a sidechannel", async () => {
  nextFault = { omitsSidechannel: true };
  const { stderr, exitStatus } = await stand.session({ command: FETCH });
  assertEquals(exitStatus, 1);
  assertEquals(
    stderr,
    warn("sidechannel: callback de-registered without having run"),
  );
});

testOnStand(
  "gitaly.md case 75: a connection cut inside a pack is a failure",
  async () => {
    nextFault = { cutAfterOutputBytes: 20 };
    const { exitStatus, stderr } = await stand.session({
      command: FETCH,
      stdin: "0000",
    });
    assertEquals(exitStatus, 1);
    assertEquals(stderr, warn(GITALY_DOWN));
  },
);

testOnStand(
  "shell.md case 142: messages first, then the Git service",
  async () => {
    const { directory } = stand.stack.api.state;
    const project = directory.project(SAMPLE.project);
    if (!project) throw new Error("The stack has no sample project");
    directory.setProject({ ...project, consoleMessages: ["a", "b"] });
    try {
      const { stdout, stderr, exitStatus } = await stand.session({
        command: FETCH,
        env: { GIT_PROTOCOL: "version=2" },
        stdin: "0000",
      });
      assertMatch(stdout, /^000eversion 2\n/);
      assertEquals([stderr, exitStatus], [info("a", "b"), 0]);
    } finally {
      directory.setProject(project);
    }
  },
);

testOnStand(
  "shell.md cases 145-150, gitaly.md case 16: what a fetch sends to Gitaly",
  async () => {
    await stand.session({
      command: FETCH,
      env: { GIT_PROTOCOL: "version=2", CORRELATION_ID: "abc123" },
      stdin: "0000",
    });
    const call = stand.stack.gitaly.calls.all.at(-1);
    assertEquals(call?.method, "SSHUploadPackWithSidechannel");
    const { metadata = {} } = call ?? {};
    const names = [
      "key_id",
      "key_type",
      "user_id",
      "username",
      "remote_ip",
      "x-gitlab-correlation-id",
      "x-gitlab-client-name",
      "gitaly-sidechannel-id",
    ];
    assertEquals(names.map((name) => metadata[name]), [
      "1",
      "key",
      "user-5",
      "mira",
      "127.0.0.1",
      "abc123",
      "gitlab-shell-git-upload-pack",
      "0",
    ]);
    assertEquals(metadata["grpc-timeout"], undefined);
    assertEquals(call?.request?.gitProtocol, "version=2");
  },
);

testOnStand("gitaly.md case 21: what a connection begins with", async () => {
  await stand.session({ command: PUSH, stdin: "0000" });
  const first = stand.stack.gitaly.connections.all.at(-1)?.firstBytes;
  const magic = new TextEncoder().encode("backchannel");
  assertEquals(first?.subarray(0, 11), magic);
  assertEquals(first?.subarray(11, 19), Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 1));
});

testOnStand(
  "internal-api.md case 29: the client's address goes to GitLab and Gitaly without its port",
  async () => {
    const mark = stand.requestCount;
    await stand.session({
      command: FETCH,
      env: { SSH_CONNECTION: "192.0.2.9 5000 198.51.100.1 22" },
      stdin: "0000",
    });
    assertEquals(stand.bodiesSince(mark)[0]?.["check_ip"], "192.0.2.9");
    const { metadata = {} } = stand.stack.gitaly.calls.all.at(-1) ?? {};
    assertEquals(metadata["remote_ip"], "192.0.2.9");
  },
);

testOnStand("shell.md cases 143, 144: whom a push names", async () => {
  const glIdOf = async (args: string[]) => {
    await stand.session({ args, command: PUSH, stdin: "0000" });
    const request = stand.stack.gitaly.calls.all.at(-1)?.request;
    return request && "glId" in request ? request.glId : undefined;
  };
  assertEquals(await glIdOf(["key-1"]), "key-1");
  assertEquals(await glIdOf(["username-mira"]), "user-5");
});

testOnStand(
  "shell.md case 151: an archive's first message has the repository alone",
  async () => {
    await stand.session({
      command: `git-upload-archive '${SAMPLE.project}'`,
      env: { GIT_PROTOCOL: "version=2" },
      stdin: "0011argument HEAD0000",
    });
    const call = stand.stack.gitaly.calls.all.at(-1);
    assertEquals(call?.method, "SSHUploadArchive");
    assertEquals(call?.request?.repository?.glRepository, "project-88");
  },
);

testOnStand(
  "shell.md case 198: records of a fetch, in order and with one id",
  async () => {
    await stand.takeRecords();
    await stand.session({
      command: FETCH,
      env: { GIT_PROTOCOL: "version=2" },
      stdin: "0000",
    });
    const records = await stand.takeRecords();
    assertEquals(records.map(({ msg }) => msg), [
      "gitlab-shell: main: executing command",
      "Finished HTTP request",
      "executing git command",
      "gitlab-shell: main: command executed successfully",
    ]);
    assertEquals(
      new Set(records.map((record) => record["correlation_id"])).size,
      1,
    );
    assertEquals(Object.keys(records[0] ?? {}).slice(0, 3), [
      "time",
      "level",
      "msg",
    ]);
  },
);

testOnStand(
  "the last record of a fetch tells its phases, its bytes and who closed first",
  async () => {
    await stand.takeRecords();
    const fetched = await stand.session({
      command: FETCH,
      env: { GIT_PROTOCOL: "version=2" },
      stdin: "0000",
    });
    const last = (await stand.takeRecords()).at(-1) ?? {};
    for (const phase of ["api", "gitaly_connect", "first_byte", "transfer"]) {
      const seconds = Number(last[`${phase}_duration_s`]);
      assertEquals(seconds >= 0 && seconds < 60, true, phase);
    }
    assertEquals(last["read_bytes"], 4);
    assertEquals(last["written_bytes"], fetched.stdout.length);
    assertEquals(last["closed_first"], "client");
  },
);

testOnStand(
  "the last record of a refused fetch tells GitLab's time alone",
  async () => {
    await stand.takeRecords();
    stand.answer("/allowed", json({ message: "no" }, 403));
    await stand.session({ command: FETCH });
    const last = (await stand.takeRecords()).at(-1) ?? {};
    assertEquals(last["level"], "WARN");
    assertEquals(Number(last["api_duration_s"]) > 0, true);
    assertEquals("gitaly_connect_duration_s" in last, false);
  },
);

testOnStand("shell.md case 202: records of a refused discover", async () => {
  await stand.takeRecords();
  stand.answer("/discover", json({ message: "no" }, 403));
  await stand.session();
  const records = await stand.takeRecords();
  assertEquals(records.map(({ level, msg }) => [level, msg]), [
    ["INFO", "gitlab-shell: main: executing command"],
    ["INFO", "Internal API returned a client error"],
    ["WARN", "gitlab-shell: main: command execution failed"],
  ]);
});

testOnStand(
  "shell.md case 155: git's own words and status, and no frame",
  async () => {
    await stand.takeRecords();
    const mark = stand.stack.gitaly.calls.all.length;
    const { stderr, exitStatus } = await stand.session({
      command: PUSH,
      stdin: "0009junk!",
    });
    assertEquals(exitStatus, 1);
    assertMatch(stderr, /^fatal: protocol error/m);
    assert(!stderr.includes("===="), stderr);
    assertEquals(stand.stack.gitaly.calls.all.length, mark + 1);
    const failed = (await stand.takeRecords()).find(({ msg }) =>
      msg === "Failed to execute Git command"
    );
    assertEquals(failed?.["exit_status"], 128);
  },
);

const LEVELS = [
  ["193", "debug", {}, true],
  ["194", '""', { GITLAB_LOG_LEVEL: "error" }, false],
  ["195", "info", { GITLAB_LOG_LEVEL: "error" }, true],
] as const;
for (const [number, level, env, hasInfo] of LEVELS) {
  testOnStand(
    `shell.md case ${number}: log_level ${level} with ${JSON.stringify(env)}`,
    async () => {
      await using other = await ShellStand.start({ logLevel: level });
      await other.session({ env });
      assertEquals((await other.takeRecords()).length > 0, hasInfo);
    },
  );
}

testOnStand("shell.md case 196: log_format means nothing", async () => {
  await using other = await ShellStand.start({
    configLines: ["log_format: text"],
  });
  await other.session();
  assert((await other.takeRecords()).length > 0);
});

testOnStand("shell.md case 197: records as text", async () => {
  await stand.takeRecords();
  await stand.session({ env: { GITLAB_LOG_FORMAT: "text" } });
  const { logFile } = stand.stack.shellRoot;
  const text = await Deno.readTextFile(logFile);
  await Deno.writeTextFile(logFile, "");
  assertMatch(
    text,
    /^time=\S+Z level=INFO msg="gitlab-shell: main: executing command" /,
  );
});

testOnStand(
  "shell.md case 192: a log that cannot be opened is no matter of the user's",
  async () => {
    await using other = await ShellStand.start();
    await Deno.remove(other.stack.shellRoot.logFile).catch(() => {});
    await Deno.mkdir(other.stack.shellRoot.logFile);
    const outcome = await other.session();
    assertEquals(outcome, {
      stdout: "Welcome to GitLab, @mira!\n",
      stderr: "",
      exitStatus: 0,
    });
  },
);

testOnStand(
  "gitaly.md case 5: no Gitaly: a push fails at once, a fetch after four attempts",
  async () => {
    const { gitaly } = stand.stack.api.state;
    const access = gitaly.get("default");
    if (!access) throw new Error("The stack has no Gitaly");
    gitaly.set("default", {
      ...access,
      address: "unix:/nonexistent/gitaly.socket",
    });
    try {
      const startMs = performance.now();
      const push = await stand.session({ command: PUSH });
      const pushMs = performance.now() - startMs;
      const fetch = await stand.session({ command: FETCH });
      const fetchMs = performance.now() - startMs - pushMs;
      assertEquals([push.stderr, push.exitStatus], [warn(GITALY_DOWN), 1]);
      assertEquals([fetch.stderr, fetch.exitStatus], [warn(GITALY_DOWN), 1]);
      assert(fetchMs - pushMs > 1_500, `${fetchMs} against ${pushMs}`);
    } finally {
      gitaly.set("default", access);
    }
  },
);

testOnStand(
  "a wrong Gitaly token is told with its code, and never shown",
  async () => {
    const { gitaly } = stand.stack.api.state;
    const access = gitaly.get("default");
    if (!access) throw new Error("The stack has no Gitaly");
    gitaly.set("default", { ...access, token: "not-the-token" });
    try {
      const { stderr, exitStatus } = await stand.session({ command: PUSH });
      assertEquals(exitStatus, 1);
      assertMatch(
        stderr,
        /rpc error: code = PermissionDenied desc = permission denied/,
      );
      const log = await Deno.readTextFile(stand.stack.shellRoot.logFile);
      assert(!(stderr + log).includes("not-the-token"));
      assert(!log.includes(stand.stack.secret));
    } finally {
      gitaly.set("default", access);
    }
  },
);
