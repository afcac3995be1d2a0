/**
 * gitlab-shell-check as an operator runs it. Cases are numbered as in the
 * specification of keys and configuration.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ProgramOutcome, runProgram } from "../support/dist.ts";
import { RootDir, type RootDirOptions } from "../support/root_dir.ts";
import {
  json,
  openScriptedApi,
  type ScriptedAnswer,
  whole,
} from "../support/scripted_api.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const PROGRAM = "gitlab-shell-check";
const API_OK = "Internal API available: OK\n";
const REDIS_OK = "Redis available via internal API: OK\n";
const REDIS_FAILED = "Redis available via internal API: FAILED\n";

async function check(
  answer: ScriptedAnswer,
  options: RootDirOptions & { readonly args?: readonly string[] } = {},
): Promise<ProgramOutcome & { targets: string[] }> {
  await using api = openScriptedApi([answer]);
  using folder = new RootDir({ gitlabUrl: api.url, ...options });
  const outcome = await folder.run(PROGRAM, { args: options.args ?? [] });
  return { ...outcome, targets: api.attempts.map(({ target }) => target) };
}

const failed = (reason: string) =>
  `Internal API available: FAILED - ${reason}\n`;

interface Row {
  readonly name: string;
  readonly answer: ScriptedAnswer;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly args?: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: "case 100: all is well",
    answer: json(200, { api_version: "v4", redis: true }),
    stdout: API_OK + REDIS_OK,
  },
  {
    name: "case 101: Redis is not",
    answer: json(200, { redis: false }),
    stdout: API_OK,
    stderr: REDIS_FAILED,
  },
  {
    name: "case 102: nothing is said of Redis",
    answer: json(200, {}),
    stdout: API_OK,
    stderr: REDIS_FAILED,
  },
  {
    name: "case 105: GitLab refuses",
    answer: json(401, { message: "401 Unauthorized" }),
    stderr: failed("401 Unauthorized"),
  },
  {
    name: "case 106: an HTML page",
    answer: whole(404, "<html>"),
    stderr: failed("Internal API error (404)"),
  },
  {
    name: "a refusal without a message",
    answer: json(403, {}),
    stderr: failed("Internal API error (403)"),
  },
  {
    name: "a refusal that would draw on the terminal",
    answer: json(403, { message: "no\n\u001b[31mred" }),
    stderr: failed("no??[31mred"),
  },
  {
    name: "case 107: a redirect",
    answer: whole(301, "", { Location: "http://x/" }),
    stderr: failed('Internal API returned redirect (301) to "http://x/"'),
  },
  {
    name: "case 108: a body that is no JSON",
    answer: whole(200, "not json"),
    stderr: failed("parsing failed"),
  },
  {
    name: "a body that is a list",
    answer: json(200, [true]),
    stderr: failed("parsing failed"),
  },
  {
    name: "redis as text",
    answer: json(200, { redis: "true" }),
    stderr: failed("parsing failed"),
  },
  {
    name: "case 109: further arguments",
    answer: json(200, { redis: true }),
    args: ["-version", "more"],
    stdout: API_OK + REDIS_OK,
  },
];

for (const { name, answer, stdout = "", stderr = "", args = [] } of ROWS) {
  Deno.test(`keys-and-config.md ${name}`, async () => {
    const outcome = await check(answer, { args });
    assertEquals(outcome, {
      stdout,
      stderr,
      exitStatus: stderr === "" ? 0 : 1,
      targets: ["/api/v4/internal/check"],
    });
  });
}

Deno.test("keys-and-config.md case 103: 500 throughout is asked three times", async () => {
  const { stdout, stderr, exitStatus, targets } = await check(whole(500, "{}"));
  assertEquals([stdout, stderr, exitStatus], [
    "",
    failed("Internal API unreachable"),
    1,
  ]);
  assertEquals(targets.length, 3);
});

Deno.test("keys-and-config.md case 104: a URL that no client can be made for", async () => {
  for (const gitlabUrl of ["ftp://unsupported.invalid", ""]) {
    const { stderr, exitStatus } = await check(json(200, {}), { gitlabUrl });
    assertEquals(
      [stderr, exitStatus],
      [failed("error creating http client: unknown GitLab URL prefix"), 1],
    );
  }
});

Deno.test("keys-and-config.md case 110: no configuration, with the reason", async () => {
  using folder = makeTempDir();
  const env = { GITLAB_SHELL_DIR: folder.path };
  const { stdout, stderr, exitStatus } = await runProgram(PROGRAM, { env });
  assertEquals([stdout, exitStatus], ["", 1]);
  assertMatch(
    stderr,
    /^Failed to read config, exiting: open \S+: no such file/,
  );
});

Deno.test("no root directory, with the reason", async () => {
  const env = { GITLAB_SHELL_DIR: "/nowhere/at/all" };
  const { stderr, exitStatus } = await runProgram(PROGRAM, { env });
  assertEquals(exitStatus, 1);
  assertMatch(
    stderr,
    /^Failed to determine executable, exiting: stat \/nowhere/,
  );
});

Deno.test("a blank secret is told, and a missing one is a fault of the configuration", async () => {
  const blank = await check(json(200, { redis: true }), { secret: "\n" });
  assertEquals(blank.stderr, failed("secret must not be empty"));
  const none = await check(json(200, { redis: true }), { secret: null });
  assertMatch(none.stderr, /^Failed to read config, exiting: open \S+secret: /);
  assert(none.targets.length + blank.targets.length === 0);
});

Deno.test("keys-and-config.md case 132: the check goes through a socket and below its relative root", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/api.sock`;
  await using api = openScriptedApi([json(200, { redis: true })], {
    kind: "unix",
    path,
  });
  using root = new RootDir({
    gitlabUrl: `http+unix://${path.replaceAll("/", "%2F")}`,
    config: "gitlab_relative_url_root: /gitlab/\n",
  });
  assertEquals((await root.run(PROGRAM)).stdout, API_OK + REDIS_OK);
  assertEquals(api.attempts[0]?.target, "/gitlab/api/v4/internal/check");
});

Deno.test("keys-and-config.md case 133: a relative root means nothing to a host", async () => {
  await using api = openScriptedApi([json(200, { redis: true })]);
  using root = new RootDir({
    gitlabUrl: api.url,
    config: "gitlab_relative_url_root: /gitlab/\n",
  });
  assertEquals((await root.run(PROGRAM)).stdout, API_OK + REDIS_OK);
  assertEquals(api.attempts[0]?.target, "/api/v4/internal/check");
});
