/**
 * gitlab-shell-authorized-keys-check as sshd runs it. Cases are numbered as in
 * the specification of keys and configuration.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { OPTS } from "../support/keys_stand.ts";
import { RootDir, type RootDirOptions } from "../support/root_dir.ts";
import { copyProgramTo, runProgram } from "../support/dist.ts";
import {
  headerValues,
  json,
  openScriptedApi,
  raw,
  type ScriptedAnswer,
  type SeenAttempt,
  stall,
  whole,
} from "../support/scripted_api.ts";
import { warn } from "../support/shell_stand.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const PROGRAM = "gitlab-shell-authorized-keys-check";
const USAGE =
  `Usage\n#\t${PROGRAM} <expected-username> <actual-username> <key>\n`;
const FOUND = json(200, { id: 1, key: "public-key" });

interface Lookup {
  readonly answers?: readonly ScriptedAnswer[];
  readonly args?: readonly string[];
  readonly root?: RootDirOptions;
  readonly env?: Readonly<Record<string, string>>;
}

interface LookupOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number;
  readonly attempts: readonly SeenAttempt[];
  readonly records: readonly Record<string, unknown>[];
  readonly logText: string;
  readonly line: (id: number, key: string) => string;
}

async function lookUp(
  { answers = [FOUND], args = ["git", "git", "KEY"], root = {}, env = {} }:
    Lookup,
): Promise<LookupOutcome> {
  await using api = openScriptedApi(answers);
  using folder = new RootDir({ gitlabUrl: api.url, ...root });
  const outcome = await folder.run(PROGRAM, { args, env });
  return {
    ...outcome,
    attempts: [...api.attempts],
    records: folder.records(),
    logText: folder.logText(),
    line: (id, key) =>
      `command="${folder.path}/bin/gitlab-shell key-${id}",${OPTS} ${key}\n`,
  };
}

const unknown = (key: string) => `# No key was found for ${key}\n`;

function assertUnknown(outcome: LookupOutcome, requests: number): void {
  const { stdout, stderr, exitStatus, attempts } = outcome;
  assertEquals({ stdout, stderr, exitStatus, requests: attempts.length }, {
    stdout: unknown("KEY"),
    stderr: "",
    exitStatus: 0,
    requests,
  });
}

const told = ({ records }: LookupOutcome) =>
  records.map(({ level, msg }) => `${level} ${msg}`);

Deno.test("keys-and-config.md case 15: a known key is one line", async () => {
  const { stdout, stderr, exitStatus, line } = await lookUp({});
  assertEquals([stdout, stderr, exitStatus], [line(1, "public-key"), "", 0]);
});

Deno.test("keys-and-config.md case 16: a key that GitLab does not know", async () => {
  const outcome = await lookUp({
    answers: [json(404, { message: "404 Key Not Found" })],
    args: ["user", "user", "not-found"],
  });
  const { stdout, stderr, exitStatus } = outcome;
  assertEquals([stdout, stderr, exitStatus], [unknown("not-found"), "", 0]);
  assertEquals(told(outcome), ["INFO Internal API returned a client error"]);
});

Deno.test("keys-and-config.md case 17: 403 is no key", async () => {
  assertUnknown(
    await lookUp({ answers: [json(403, { message: "Forbidden!" })] }),
    1,
  );
});

const lookupFailed = (outcome: LookupOutcome) =>
  assert(told(outcome).at(-1)?.startsWith("ERROR authorized_keys: lookup"));

// They take seconds each, and wait together.
Deno.test("keys-and-config.md cases 18, 19, 21 and 44, internal-api.md case 87: GitLab fails, is gone, or hangs", async (test) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const gone = { gitlabUrl: `http://127.0.0.1:${port}` };
  const startMs = performance.now();
  const [failing, limiting, absent, hanging] = await Promise.all([
    lookUp({ answers: [whole(500, "{}")] }),
    lookUp({ answers: [whole(429, "{}")] }),
    lookUp({ root: gone }),
    lookUp({ answers: [stall()] }),
  ]);
  const elapsedMs = performance.now() - startMs;
  await test.step("case 18: 500 is asked three times", () => {
    assertUnknown(failing, 3);
    lookupFailed(failing);
  });
  await test.step("case 19: 429 is asked three times", () => {
    assertUnknown(limiting, 3);
  });
  await test.step("case 21: nobody listens", () => {
    assertUnknown(absent, 0);
    assert(told(absent).includes("ERROR Internal API unreachable"));
    lookupFailed(absent);
  });
  await test.step("case 44: a GitLab that does not answer costs 10 s", () => {
    assertUnknown(hanging, 1);
    lookupFailed(hanging);
    assert(elapsedMs > 9_000 && elapsedMs < 14_000, `${elapsedMs} ms`);
  });
});

Deno.test("keys-and-config.md case 20: 501 is asked once", async () => {
  assertUnknown(await lookUp({ answers: [whole(501, "{}")] }), 1);
});

Deno.test("keys-and-config.md case 22: a body that is no JSON", async () => {
  assertUnknown(
    await lookUp({ answers: [whole(200, '{"message":"broken')] }),
    1,
  );
});

Deno.test("keys-and-config.md case 23: a redirect is not followed", async () => {
  const outcome = await lookUp({
    answers: [whole(302, "", { Location: "/elsewhere" }), FOUND],
  });
  assertUnknown(outcome, 1);
  assert(told(outcome).includes("ERROR Internal API error"));
});

Deno.test("keys-and-config.md case 24: a GitLab that cannot be asked", async () => {
  for (const gitlabUrl of ["ftp://x", ""]) {
    const outcome = await lookUp({ root: { gitlabUrl } });
    assertUnknown(outcome, 0);
    const [record] = outcome.records;
    assertEquals(record?.["level"], "ERROR");
    assertMatch(String(record?.["error_message"]), /unknown GitLab URL prefix/);
  }
});

for (
  const [number, args] of [[25, ["git", "root", "KEY"]], [26, [
    "Git",
    "git",
    "KEY",
  ]]] as const
) {
  Deno.test(`keys-and-config.md case ${number}: ${args.join(" ")} is denied without a word`, async () => {
    const { stdout, stderr, exitStatus, attempts, records } = await lookUp({
      args,
    });
    assertEquals([stdout, stderr, exitStatus, attempts.length], ["", "", 0, 0]);
    const [record] = records;
    assertEquals(records.length, 1);
    assertEquals(record?.["level"], "WARN");
    assertEquals(
      record?.["msg"],
      "authorized_keys: user mismatch, denying access",
    );
    assertEquals(record?.["expected_user"], args[0]);
    assertEquals(record?.["actual_user"], args[1]);
  });
}

for (
  const [number, args, stderr] of [
    [27, ["user"], `# Insufficient arguments. 1. ${USAGE}`],
    [28, ["git", "git", "KEY", "x"], `# Insufficient arguments. 4. ${USAGE}`],
    [29, [], `# Insufficient arguments. 0. ${USAGE}`],
    [30, ["user", "", "key"], "# No username provided\n"],
    [30, ["", "user", "key"], "# No username provided\n"],
    [31, ["user", "user", ""], "# No key provided\n"],
    [32, ["", "", ""], "# No username provided\n"],
  ] as const
) {
  Deno.test(`keys-and-config.md case ${number}: arguments ${JSON.stringify(args)}`, async () => {
    const outcome = await lookUp({ args });
    const { stdout, exitStatus, attempts } = outcome;
    assertEquals([stdout, outcome.stderr, exitStatus], ["", stderr, 1]);
    assertEquals(attempts.length, 0);
  });
}

Deno.test("keys-and-config.md case 33: an answer of two lines opens nothing", async () => {
  const { stdout, stderr, exitStatus } = await lookUp({
    answers: [json(200, { id: 1, key: "a\nssh-rsa AAAA" })],
  });
  assertEquals([stdout, exitStatus], ["", 1]);
  assertEquals(stderr, warn("invalid value: a?ssh-rsa AAAA"));
});

Deno.test("keys-and-config.md case 34: the key is form-encoded", async () => {
  const { attempts } = await lookUp({ args: ["git", "git", "a+b/c= d"] });
  assertEquals(
    attempts[0]?.target,
    "/api/v4/internal/authorized_keys?key=a%2Bb%2Fc%3D+d",
  );
});

for (const [number, secret] of [[35, "s3cret"], [36, " s3cret\n"]] as const) {
  Deno.test(`keys-and-config.md case ${number}: the token verifies with ${JSON.stringify(secret)} trimmed`, async () => {
    const { attempts } = await lookUp({ root: { secret } });
    const [attempt] = attempts;
    if (!attempt) throw new Error("GitLab was not asked");
    const [token = ""] = headerValues(attempt, "Gitlab-Shell-Api-Request");
    const claims = await verify(token, "s3cret");
    assertEquals(claims["iss"], "gitlab-shell");
    assertEquals(Number(claims["exp"]) - Number(claims["iat"]), 60);
  });
}

async function verify(
  token: string,
  secret: string,
): Promise<Record<string, unknown>> {
  const [head = "", body = "", signature = ""] = token.split(".");
  const decode = (text: string) =>
    Uint8Array.from(
      atob(text.replaceAll("-", "+").replaceAll("_", "/")),
      (char) => char.charCodeAt(0),
    );
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const isGood = await crypto.subtle.verify(
    "HMAC",
    key,
    decode(signature),
    encoder.encode(`${head}.${body}`),
  );
  assert(isGood);
  return JSON.parse(new TextDecoder().decode(decode(body)));
}

Deno.test("keys-and-config.md case 37: half of the credentials are none", async () => {
  const { attempts } = await lookUp({
    root: { config: "http_settings:\n  user: me\n" },
  });
  const [attempt] = attempts;
  assertEquals(attempt && headerValues(attempt, "Authorization"), []);
});

Deno.test("keys-and-config.md case 38: no proxy is asked", async () => {
  const proxy = "http://127.0.0.1:1";
  const { stdout, line } = await lookUp({
    env: { HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy },
  });
  assertEquals(stdout, line(1, "public-key"));
});

Deno.test("keys-and-config.md case 39: no configuration", async () => {
  using folder = makeTempDir();
  const outcome = await runProgram(PROGRAM, {
    args: ["git", "git", "KEY"],
    env: { GITLAB_SHELL_DIR: folder.path },
  });
  assertEquals(outcome, {
    stdout: "",
    stderr: "failed to read config, exiting\n",
    exitStatus: 1,
  });
});

Deno.test("keys-and-config.md case 40: no root directory", async () => {
  const outcome = await runProgram(PROGRAM, {
    args: [],
    env: { GITLAB_SHELL_DIR: "/nowhere/at/all" },
  });
  assertEquals(outcome, {
    stdout: "",
    stderr: "failed to determine executable, exiting\n",
    exitStatus: 1,
  });
});

Deno.test("keys-and-config.md case 41: -version needs no configuration", async () => {
  for (
    const name of [
      PROGRAM,
      "gitlab-shell-authorized-principals-check",
      "gitlab-shell-check",
      "gitlab-keys",
    ]
  ) {
    const { stdout, stderr, exitStatus } = await runProgram(name, {
      args: ["-version"],
      env: { GITLAB_SHELL_DIR: "/nowhere/at/all" },
    });
    assertMatch(stdout, new RegExp(`^${name} \\S.*-\\d{8}\\.\\d{6}\n$`));
    assertEquals([stderr, exitStatus], ["", 0]);
  }
});

Deno.test("keys-and-config.md case 42: a key argument of two lines is echoed as one", async () => {
  const { stdout } = await lookUp({
    answers: [json(404, {})],
    args: ["git", "git", "x\nssh-rsa AAAA"],
  });
  assertEquals(stdout, unknown("x?ssh-rsa AAAA"));
});

for (
  const [name, body] of [
    ["case 43: {}", {}],
    ["case 45: an id that is text", { id: "1", key: "public-key" }],
    ["a negative id", { id: -1, key: "public-key" }],
    ["an id that JSON cannot hold", { id: 2 ** 60, key: "public-key" }],
    ["an empty key", { id: 1, key: "" }],
    ["a key that is a list", { id: 1, key: ["public-key"] }],
  ] as const
) {
  Deno.test(`keys-and-config.md ${name} is no key`, async () => {
    assertUnknown(await lookUp({ answers: [json(200, body)] }), 1);
  });
}

Deno.test("gitlab-keys check --deadline bounds a lookup that is trickled", async () => {
  await using api = openScriptedApi([
    stall("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
  ]);
  using folder = new RootDir({ gitlabUrl: api.url });
  const startMs = performance.now();
  const { stdout, exitStatus } = await folder.run("gitlab-keys", {
    args: ["check", "--deadline=0.5", "git", "git", "KEY"],
  });
  assertEquals([stdout, exitStatus], [unknown("KEY"), 0]);
  assert(performance.now() - startMs < 4_000);
});

Deno.test("gitlab-keys check takes the words of sshd whole", async () => {
  await using api = openScriptedApi([FOUND]);
  using folder = new RootDir({ gitlabUrl: api.url });
  const run = (...args: string[]) => folder.run("gitlab-keys", { args });
  const good = await run("check", "git", "git", "KEY");
  assertEquals(good.exitStatus, 0);
  assertMatch(good.stdout, /^command="\S+ key-1",/);
  const odd = await run("check", "--help", "--deadline=1", "KEY");
  assertEquals([odd.stdout, odd.exitStatus], ["", 0]);
  const few = await run("check", "git");
  assertEquals(few.exitStatus, 1);
  assertMatch(
    few.stderr,
    /^# Insufficient arguments\. 1\. Usage\n#\tgitlab-keys check /,
  );
  const bad = await run("check", "--deadline=never", "git", "git", "KEY");
  assertEquals([bad.stdout, bad.exitStatus], ["", 1]);
});

Deno.test("keys-and-config.md case 46: a comment and other fields", async () => {
  const key = "ssh-ed25519 AAAA Mira (gitlab.example) \u00e9 # x";
  const { stdout, line } = await lookUp({
    answers: [
      json(200, { title: "laptop", id: 1, KEY: key, expires_at: null, x: [1] }),
    ],
  });
  assertEquals(stdout, line(1, key));
});

Deno.test("keys-and-config.md case 47: a log that cannot be written", async () => {
  const { stdout, stderr, exitStatus, line } = await lookUp({
    root: { config: "log_file: /nowhere/at/all.log\n" },
  });
  assertEquals([stdout, exitStatus], [line(1, "public-key"), 0]);
  assertMatch(
    stderr,
    /^failed to configure log file "\/nowhere\/at\/all.log": /,
  );
});

Deno.test("keys-and-config.md case 11: a root that could end the command prints no line", async () => {
  await using api = openScriptedApi([FOUND]);
  for (const name of ['a"b', "a b", "a#b", "a;b"]) {
    using folder = makeTempDir({
      [`${name}/config.yml`]: `gitlab_url: "${api.url}"\nsecret: x\n`,
    });
    const { stdout, stderr, exitStatus } = await runProgram(PROGRAM, {
      args: ["git", "git", "KEY"],
      env: { GITLAB_SHELL_DIR: `${folder.path}/${name}` },
    });
    assertEquals([stdout, exitStatus], ["", 1]);
    assert(stderr.includes(name));
  }
  assertEquals(api.attempts.length, 0);
});

Deno.test("keys-and-config.md case 134: without the variable the root is above the program", async () => {
  await using api = openScriptedApi([FOUND]);
  using folder = makeTempDir({
    "config.yml": `gitlab_url: "${api.url}"\nsecret: x\n`,
  });
  const path = await copyProgramTo(PROGRAM, `${folder.path}/bin`);
  const { stdout, stderr } = await runProgram(PROGRAM, {
    path,
    args: ["git", "git", "KEY"],
  });
  assertEquals(
    [stdout, stderr],
    [
      `command="${folder.path}/bin/gitlab-shell key-1",${OPTS} public-key\n`,
      "",
    ],
  );
});

Deno.test("keys-and-config.md case 135: a link elsewhere leads to the root of the program", async () => {
  await using api = openScriptedApi([FOUND]);
  using folder = makeTempDir({
    "x/config.yml": `gitlab_url: "${api.url}"\nsecret: x\n`,
  });
  const target = await copyProgramTo(PROGRAM, `${folder.path}/x/bin`);
  Deno.mkdirSync(`${folder.path}/y`);
  const path = `${folder.path}/y/tool`;
  Deno.symlinkSync(target, path);
  const { stdout, stderr } = await runProgram(PROGRAM, {
    path,
    args: ["git", "git", "KEY"],
  });
  assertEquals([stdout, stderr], [
    `command="${folder.path}/x/bin/gitlab-shell key-1",${OPTS} public-key\n`,
    "",
  ]);
});

Deno.test("a lookup leaves no key and no token in the log", async () => {
  const { logText, attempts } = await lookUp({
    answers: [whole(500, ""), raw("junk"), FOUND],
    args: ["git", "git", "AAAAC3NzaC1lZDI1NTE5"],
  });
  assertEquals(attempts.length, 3);
  assert(!logText.includes("AAAAC3"));
  assert(!logText.includes("s3cret"));
  for (const attempt of attempts) {
    for (const token of headerValues(attempt, "Gitlab-Shell-Api-Request")) {
      assert(!logText.includes(token));
    }
  }
});

Deno.test("a lookup with a blank secret asks nobody", async () => {
  const outcome = await lookUp({ root: { secret: " \n" } });
  assertUnknown(outcome, 0);
  assertMatch(outcome.logText, /secret must not be empty/);
});

Deno.test("a lookup whose reader has gone ends quietly", async () => {
  await using api = openScriptedApi([FOUND]);
  using folder = new RootDir({ gitlabUrl: api.url });
  const { stderr } = await folder.run(PROGRAM, {
    shell: `"$0" git git KEY | true`,
  });
  assertEquals(stderr, "");
});
