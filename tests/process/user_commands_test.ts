/**
 * The commands about a user's own account and LFS, as gitlab-shell of `dist/`
 * runs them in front of an internal API that answers as told: what is on which
 * stream, byte for byte, which requests went out, and the exit status.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ScriptedAnswer } from "../../src/devstack/api/script.ts";
import { SAMPLE } from "../../src/devstack/sample.ts";
import type { ProgramOutcome } from "../support/dist.ts";
import {
  info,
  type SessionStart,
  ShellStand,
  testOnStand,
  warn,
} from "../support/shell_stand.ts";

const RECOVER = "/two_factor_recovery_codes";
const MANUAL = "/two_factor_manual_otp_check";
const PUSH = "/two_factor_push_otp_check";
const TOKEN = "/personal_access_token";
const LFS = "/lfs_authenticate";
const AUDIT = "/shellhorse/git_audit_event";
const UNREACHABLE = "Internal API unreachable";
const QUESTION =
  "Are you sure you want to generate new two-factor recovery codes?\n" +
  "Any existing recovery codes you saved will be invalidated. (yes/no)\n";
const NO =
  "\nNew recovery codes have *not* been generated. Existing codes will remain valid.\n";
const ERROR =
  "\nAn error occurred while trying to generate new recovery codes.\n";
const CODES = "\nYour two-factor authentication recovery codes are:\n\n" +
  "recovery\ncodes\n\n" +
  "During sign in, use one of the codes above when prompted for\n" +
  "your two-factor code. Then, visit your Profile Settings and add\n" +
  "a new device so you do not lose access to your account again.\n";
const OTP_RIGHT = "OTP validation successful. Git operations are now allowed.";
const PUSH_RIGHT =
  "OTP has been validated by Push Authentication. Git operations are now allowed.";
const USAGE =
  "Usage: personal_access_token <name> <scope1[,scope2,...]> [ttl_days]";
const DATE = "9001-11-17";
const TOKEN_LINE = "Token:   YXuxvUgCEmeePY3G1YAa\n";
const LFS_LINE =
  '{"header":{"Authorization":"Basic am9objpzb21ldG9rZW4="},"href":"https://gitlab.com/repo/path/info/lfs","expires_in":1800}\n';

let stand: ShellStand;
/** Begun first and judged last: it takes 30 s of standing still. */
let silent: Promise<{ outcome: ProgramOutcome; elapsedMs: number }>;
let silentStand: ShellStand;

Deno.test.beforeAll(async () => {
  stand = await ShellStand.start({ logLevel: "debug" });
  silentStand = await ShellStand.start();
  silentStand.answer(PUSH, { isSilent: true });
  const startMs = performance.now();
  silent = silentStand.session({ command: "2fa_verify", staysOpen: true })
    .then((outcome) => ({
      outcome,
      elapsedMs: performance.now() - startMs,
    }));
});
Deno.test.afterAll(async () => {
  await silent.catch(() => {});
  await stand[Symbol.asyncDispose]();
  await silentStand[Symbol.asyncDispose]();
});

const json = (value: unknown, status = 200): ScriptedAnswer => ({
  status,
  headers: [["Content-Type", "application/json"]],
  body: JSON.stringify(value),
});
const thrice = (answer: ScriptedAnswer) => [answer, answer, answer];

/** One session, and all that can be seen of it. */
interface Row extends SessionStart {
  readonly name: string;
  readonly answers?: Readonly<Record<string, readonly ScriptedAnswer[]>>;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitStatus?: number;
  /** Path and body of each request but those to the phone. */
  readonly requests?: readonly (readonly [path: string, body: string])[];
}

function defineRows(rows: readonly Row[]): void {
  for (const row of rows) {
    testOnStand(row.name, async () => {
      const mark = stand.requestCount;
      for (const [path, answers] of Object.entries(row.answers ?? {})) {
        stand.answer(path, ...answers);
      }
      assertEquals(await stand.session(row), {
        stdout: row.stdout ?? "",
        stderr: row.stderr ?? "",
        exitStatus: row.exitStatus ?? 0,
      });
      if (row.requests) assertEquals(requestsSince(mark), row.requests);
      assertEquals(violationsSince(mark), []);
    });
  }
}

/** Those to the phone come at a time of their own, if at all. */
function requestsSince(mark: number): [string, string][] {
  return stand.stack.api.requests.all.slice(mark)
    .filter(({ endpoint }) => endpoint !== PUSH)
    .map(({ endpoint, target, body }) => [
      endpoint + (target.includes("?") ? `?${target.split("?")[1]}` : ""),
      new TextDecoder().decode(body),
    ]);
}

function violationsSince(mark: number): string[] {
  return stand.stack.api.requests.all.slice(mark)
    .flatMap(({ violations }) => violations);
}

const recover = (stdin: string) => ({ command: "2fa_recovery_codes", stdin });
const made = {
  [RECOVER]: [json({ success: true, recovery_codes: ["recovery", "codes"] })],
};
const OWNER: readonly (readonly [string, string])[] = [
  [RECOVER, '{"key_id":"1"}'],
];

defineRows([
  ...["yes\n", "yes", "yes please\n", "yes\r\n"].map((stdin, index) => ({
    name: `shell.md case ${91 + index}: ${JSON.stringify(stdin)} makes codes`,
    ...recover(stdin),
    answers: made,
    stdout: QUESTION + CODES,
    requests: OWNER,
  })),
  ...["no\n", "YES\n", "\nyes\n", "", "yes".repeat(1024)].map((stdin) => ({
    name: `shell.md cases 95-97: ${JSON.stringify(stdin.slice(0, 9))} does not`,
    ...recover(stdin),
    stdout: QUESTION + NO,
    requests: [],
  })),
  {
    name: "shell.md case 98, internal-api.md case 93: GitLab makes none",
    ...recover("yes\n"),
    answers: { [RECOVER]: [json({ success: false, message: "Forbidden!" })] },
    stdout: `${QUESTION}${ERROR}Forbidden!\n`,
  },
  {
    name: "shell.md case 99: no GitLab to make codes",
    ...recover("yes\n"),
    answers: { [RECOVER]: thrice({ status: 500 }) },
    stdout: `${QUESTION}${ERROR}${UNREACHABLE}\n`,
    requests: [...OWNER, ...OWNER, ...OWNER],
  },
  {
    name: "shell.md case 100: an answer without codes in it",
    ...recover("yes\n"),
    answers: { [RECOVER]: [{ body: "" }] },
    stdout: `${QUESTION}${ERROR}parsing failed\n`,
  },
  {
    name: "an error page instead of codes",
    ...recover("yes\n"),
    answers: { [RECOVER]: [{ status: 404, body: "<html></html>" }] },
    stdout: `${QUESTION}${ERROR}Internal API error (404)\n`,
  },
  {
    name: "shell.md case 101: nobody to make codes for",
    ...recover("yes\n"),
    args: [],
    stdout: `${QUESTION}${ERROR}who='' is invalid\n`,
    requests: [],
  },
  {
    name: "internal-api.md case 91: codes for a user name",
    ...recover("yes\n"),
    args: ["username-mira"],
    answers: made,
    stdout: QUESTION + CODES,
    requests: [["/discover?username=mira", ""], [RECOVER, '{"user_id":5}']],
  },
  {
    name: "internal-api.md case 92: codes for a user name of nobody",
    ...recover("yes\n"),
    args: ["username-nobody"],
    stdout: `${QUESTION}${ERROR}Could not find the given key\n`,
    requests: [["/discover?username=nobody", ""], [RECOVER, "{}"]],
  },
]);

const verify = (stdin: string) => ({ command: "2fa_verify", stdin });
const verified = (text: string) => `OTP: \n${text}\n`;
const failed = (text: string) => verified(`OTP validation failed: ${text}`);
const RIGHT_OTP: readonly (readonly [string, string])[] = [
  [MANUAL, '{"key_id":"1","otp_attempt":"123456"}'],
];

defineRows([
  {
    name: "shell.md case 102, internal-api.md case 94: the right password",
    ...verify("123456\n"),
    staysOpen: true,
    stdout: verified(OTP_RIGHT),
    requests: RIGHT_OTP,
  },
  {
    name: "shell.md case 103, internal-api.md case 97: the phone is broken",
    ...verify("123456\n"),
    answers: { [PUSH]: [json({}, 403)] },
    stdout: verified(OTP_RIGHT),
  },
  {
    name: "shell.md case 104, internal-api.md case 96: the phone says yes",
    ...verify(""),
    staysOpen: true,
    answers: { [PUSH]: [json({ success: true })] },
    stdout: verified(PUSH_RIGHT),
    requests: [],
  },
  ...["\n", ""].map((stdin) => ({
    name: `shell.md case 105, internal-api.md case 98: ${
      stdin === "" ? "the end of input" : "a blank line"
    } is no password`,
    ...verify(stdin),
    stdout: failed("OTP cannot be blank"),
    requests: [],
  })),
  {
    name: "shell.md case 106: the wrong password",
    ...verify("123456\n"),
    answers: { [MANUAL]: [json({ success: false, message: "error message" })] },
    stdout: failed("error message"),
  },
  {
    name: "shell.md case 107, internal-api.md case 95: no GitLab to check it",
    ...verify("123456\n"),
    answers: { [MANUAL]: thrice({ status: 500 }) },
    stdout: failed(UNREACHABLE),
    requests: [...RIGHT_OTP, ...RIGHT_OTP, ...RIGHT_OTP],
  },
  {
    name: "shell.md case 108: an answer that says nothing",
    ...verify("123456\n"),
    answers: { [MANUAL]: [{ body: "" }] },
    stdout: failed("parsing failed"),
  },
  {
    name: "a success that is text",
    ...verify("123456\n"),
    answers: { [MANUAL]: [json({ success: "true" })] },
    stdout: failed("parsing failed"),
  },
  {
    name: "shell.md case 109: nobody's password",
    ...verify("123456\n"),
    args: [],
    stdout: failed("who='' is invalid"),
    requests: [],
  },
  {
    name: "shell.md case 111: the first word is the password",
    ...verify("123 456\n"),
    stdout: failed("Invalid OTP"),
    requests: [[MANUAL, '{"key_id":"1","otp_attempt":"123"}']],
  },
  {
    name: "shell.md case 112: the first 64 bytes are the password",
    ...verify(`${"7".repeat(70)}\n`),
    stdout: failed("Invalid OTP"),
    requests: [[
      MANUAL,
      `{"key_id":"1","otp_attempt":"${"7".repeat(64)}"}`,
    ]],
  },
  {
    name: "internal-api.md 4.8: a user name's password",
    ...verify("123456\n"),
    args: ["username-mira"],
    // The phone asks for itself; it may or may not have got so far.
    stdout: verified(OTP_RIGHT),
  },
]);

const token = (...words: string[]) => ({
  command: ["personal_access_token", ...words].join(" "),
});
const answered = (change: Record<string, unknown> = {}) => ({
  [TOKEN]: [json({
    success: true,
    token: "YXuxvUgCEmeePY3G1YAa",
    scopes: ["api"],
    expires_at: DATE,
    ...change,
  })],
});

defineRows([
  ...[[], ["newtoken"], ["newtoken", "api", "1", "2"]].map((words) => ({
    name: `shell.md case 113: a token by ${words.length + 1} words`,
    ...token(...words),
    stderr: warn(USAGE),
    exitStatus: 1,
    requests: [],
  })),
  ...["bad_ttl", "-1", "''"].map((days, index) => ({
    name: `shell.md case ${114 + index}: ${days} is no number of days`,
    ...token("newtoken", "api", days),
    stderr: warn(
      `Invalid value for days_ttl: '${days === "''" ? "" : days}'`,
    ),
    exitStatus: 1,
    requests: [],
  })),
  {
    name:
      "shell.md case 117: what GitLab made is shown, not what was asked for",
    ...token("newtoken", "read_api,read_repository"),
    answers: answered({ scopes: ["read_api", "read_repository"] }),
    stdout:
      `${TOKEN_LINE}Scopes:  read_api,read_repository\nExpires: ${DATE}\n`,
  },
  {
    name: "shell.md case 118: one scope",
    ...token("newtoken", "api", "30"),
    answers: answered(),
    stdout: `${TOKEN_LINE}Scopes:  api\nExpires: ${DATE}\n`,
  },
  {
    name: "shell.md case 122, internal-api.md case 100: no end",
    ...token("newtoken", "api"),
    answers: answered({ expires_at: null, scopes: null }),
    stdout: `${TOKEN_LINE}Scopes:  \nExpires: \n`,
  },
  {
    name: "shell.md case 123: GitLab makes no token",
    ...token("newtoken", "api"),
    answers: { [TOKEN]: [json({ success: false, message: "Forbidden!" })] },
    stderr: warn("Forbidden!"),
    exitStatus: 1,
  },
  {
    name: "a token that is refused without a word",
    ...token("newtoken", "api"),
    answers: { [TOKEN]: [json({})] },
    exitStatus: 1,
  },
  {
    name: "shell.md case 124: an answer without a token in it",
    ...token("newtoken", "api"),
    answers: { [TOKEN]: [{ body: "" }] },
    stderr: warn("parsing failed"),
    exitStatus: 1,
  },
  {
    name: "a token that is a number",
    ...token("newtoken", "api"),
    answers: answered({ token: 1 }),
    stderr: warn("parsing failed"),
    exitStatus: 1,
  },
  {
    name: "shell.md case 125: a token for nobody",
    ...token("newtoken", "api"),
    args: [],
    stderr: warn("who='' is invalid"),
    exitStatus: 1,
    requests: [],
  },
]);

const lfs = (...words: string[]) => ({
  command: ["git-lfs-authenticate", ...words].join(" "),
});
const JOHN = {
  username: "john",
  lfs_token: "sometoken",
  repository_http_path: "https://gitlab.com/repo/path",
  expires_in: 1800,
};
const letIn = (change: Record<string, unknown> = {}) => ({
  [LFS]: [json({ ...JOHN, ...change })],
});
const REEF = SAMPLE.project;

defineRows([
  ...[[], ["group/repo"], ["group/repo", "unknown"], ["group/repo", "''"]].map((
    words,
  ) => ({
    name: `shell.md cases 126, 127: LFS for ${JSON.stringify(words)}`,
    ...lfs(...words),
    stderr: warn("Disallowed command"),
    exitStatus: 1,
    requests: [],
  })),
  {
    name: "shell.md case 128: LFS that is not allowed",
    ...lfs(REEF, "download"),
    answers: { "/allowed": [json({ message: "Disallowed by API call" }, 403)] },
    stderr: warn("Disallowed by API call"),
    exitStatus: 1,
  },
  {
    name: "lfs.md case 9: LFS that is refused with status 200",
    ...lfs(REEF, "download"),
    answers: {
      "/allowed": [json({
        status: false,
        message: "Disallowed by API call",
        gl_console_messages: ["a"],
      })],
    },
    stderr: info("a") + warn("Disallowed by API call"),
    exitStatus: 1,
  },
  ...([["download", "git-upload-pack", 129], [
    "upload",
    "git-receive-pack",
    130,
  ]] as const).map(([operation, action, number]) => ({
    name: `shell.md case ${number}, internal-api.md case 77: LFS ${operation}`,
    ...lfs(`/${REEF}.git`, operation),
    answers: letIn(),
    stdout: LFS_LINE,
    requests: [
      [
        "/allowed",
        `{"action":"${action}","project":"/${REEF}.git","changes":"_any",` +
        '"protocol":"ssh","key_id":"1","check_ip":"127.0.0.1"}',
      ],
      [
        LFS,
        `{"operation":"${operation}","project":"/${REEF}.git","key_id":"1"}`,
      ],
    ] as const,
  })),
  {
    name: "shell.md case 132: LFS that does not say for how long",
    ...lfs(REEF, "upload"),
    answers: letIn({ expires_in: undefined }),
    stdout: LFS_LINE.replace(',"expires_in":1800', ""),
  },
  {
    name: "shell.md case 133: LFS at an address with an ampersand",
    ...lfs(REEF, "upload"),
    answers: letIn({ repository_http_path: "https://h/a&b" }),
    stdout: LFS_LINE.replace(
      "https://gitlab.com/repo/path",
      String.raw`https://h/a\u0026b`,
    ),
  },
  {
    name: "lfs.md case 3: LFS without an address",
    ...lfs(REEF, "upload"),
    answers: letIn({ repository_http_path: null }),
    stdout: LFS_LINE.replace("https://gitlab.com/repo/path", ""),
  },
  {
    name: "shell.md case 135, lfs.md case 12: LFS with a word too many",
    command: `git lfs-authenticate ${REEF} download extra`,
    answers: letIn(),
    stdout: LFS_LINE,
  },
  {
    name: "internal-api.md case 78, lfs.md case 5: LFS for a user name",
    ...lfs(REEF, "download"),
    args: ["username-mira"],
    answers: letIn(),
    stdout: LFS_LINE,
    requests: [
      [
        "/allowed",
        `{"action":"git-upload-pack","project":"${REEF}","changes":"_any",` +
        '"protocol":"ssh","username":"mira","check_ip":"127.0.0.1"}',
      ],
      [LFS, `{"operation":"download","project":"${REEF}","user_id":"5"}`],
    ],
  },
  ...([
    ["403", [json({ message: "no" }, 403)]],
    ["404", [{ status: 404, body: "<html>" }]],
    ["500", thrice({ status: 500 })],
    ["an empty body", [{ body: "" }]],
    ["no JSON", [{ body: "sometoken" }]],
    ["a token that is a number", letIn({ lfs_token: 1 })[LFS]],
  ] as const).map(([name, answers]) => ({
    name:
      `shell.md case 134, internal-api.md case 79, lfs.md case 10: LFS is answered with ${name}`,
    ...lfs(REEF, "download"),
    answers: { [LFS]: answers as readonly ScriptedAnswer[] },
  })),
]);

testOnStand(
  "shell.md cases 117-119: days are counted where the program runs",
  async () => {
    const zones = [["Pacific/Kiritimati", 14], ["Pacific/Pago_Pago", -11]];
    for (const [zone, offsetHours] of zones) {
      const dayAfter = (days: number) => {
        const hereMs = Date.now() + Number(offsetHours) * 3_600_000;
        return new Date(hereMs + days * 86_400_000).toISOString().slice(0, 10);
      };
      for (
        const [words, days] of [[[], 30], [["30"], 31], [["0"], 1]] as const
      ) {
        const mark = stand.requestCount;
        const before = dayAfter(days);
        await stand.session({
          ...token("newtoken", "api", ...words),
          env: { TZ: String(zone) },
        });
        const [body] = stand.bodiesSince(mark);
        // Midnight may have passed.
        const isRight = [before, dayAfter(days)].includes(
          String(body?.["expires_at"]),
        );
        assert(isRight, `${body?.["expires_at"]} is not ${before}, ${zone}`);
      }
    }
  },
);

testOnStand(
  "shell.md cases 120, 121, internal-api.md case 99: scopes that the operator does not allow",
  async () => {
    await using strict = await ShellStand.start({
      configLines: ["pat:", "  allowed_scopes: [read_api]"],
    });
    strict.answer(TOKEN, ...answered({ scopes: ["read_api"] })[TOKEN]);
    const some = await strict.session(token("t", "read_api,read_repository"));
    strict.answer(TOKEN, ...answered({ scopes: [] })[TOKEN]);
    const none = await strict.session(token("t", "api"));
    assertEquals(strict.bodiesSince(0).map((body) => body["scopes"]), [
      ["read_api"],
      null,
    ]);
    assertEquals(
      [some.stdout, none.stdout],
      ["read_api", ""].map((scopes) =>
        `${TOKEN_LINE}Scopes:  ${scopes}\nExpires: ${DATE}\n`
      ),
    );
  },
);

testOnStand("shell.md case 66: tokens can be switched off", async () => {
  await using strict = await ShellStand.start({
    configLines: ["pat:", "  enabled: false"],
  });
  assertEquals(await strict.session(token("a", "api")), {
    stdout: "",
    stderr: "Disallowed command\n",
    exitStatus: 1,
  });
  assertEquals(strict.requestCount, 0);
});

testOnStand(
  "shell.md 1.7, 4.4, 4.5: a URL that means nothing, command by command",
  async () => {
    await using other = await ShellStand.start();
    const { configFile } = other.stack.shellRoot;
    const text = await Deno.readTextFile(configFile);
    await Deno.writeTextFile(
      configFile,
      text.replace(/^gitlab_url:.*$/m, 'gitlab_url: "ftp://x"'),
    );
    const cause = "error creating http client: unknown GitLab URL prefix";
    const refused = { stdout: "", stderr: warn(cause), exitStatus: 1 };
    assertEquals(await other.session(verify("123456\n")), refused);
    assertEquals(await other.session(token("a", "api")), refused);
    assertEquals(await other.session(lfs("a", "upload")), refused);
    assertEquals(await other.session(recover("yes\n")), {
      stdout: `${QUESTION}${ERROR}${cause}\n`,
      stderr: "",
      exitStatus: 0,
    });
  },
);

testOnStand(
  "shell.md 6.4: records of these commands, and no secret in them",
  async () => {
    await stand.takeRecords();
    for (
      const [path, answers] of Object.entries({
        ...made,
        ...answered(),
        ...letIn(),
      })
    ) {
      stand.answer(path, ...answers);
    }
    await stand.session(recover("yes\n"));
    await stand.session(verify("123456\n"));
    await stand.session(token("newtoken", "api"));
    await stand.session(lfs(REEF, "upload"));
    const records = await stand.takeRecords();
    const names = records.map(({ command }) => command).filter((name) => name);
    assertEquals(names, [
      "*twofactorrecover.Command",
      "*twofactorverify.Command",
      "*personalaccesstoken.Command",
      "*lfsauthenticate.Command",
    ]);
    const messages = new Set(records.map(({ msg }) => msg));
    for (
      const message of [
        "twofactorrecover: execute: User chose to continue",
        "Two factor verify command finished",
        "personalaccesstoken: execute: requesting token",
      ]
    ) {
      assert(messages.has(message), message);
    }
    for (const record of records) {
      assertMatch(String(record["correlation_id"]), /^[0-9A-Z]{26}$/);
    }
    const text = JSON.stringify(records);
    for (const secret of ["YXuxvUgCEmee", "sometoken", "am9objpz", "123456"]) {
      assert(!text.includes(secret), secret);
    }
    assert(!/"recovery"|codes"\]/.test(text), "codes in the log");
  },
);

const AUDITED = SAMPLE.readOnlyProject;
const FETCH = {
  command: `git-upload-pack '${AUDITED}'`,
  stdin: "0000",
} as const;

/** Audit events since `mark`. */
const auditsSince = (mark: number) =>
  requestsSince(mark).filter(([path]) => path === AUDIT);

testOnStand(
  "shell.md case 186, internal-api.md case 72: a fetch is told of",
  async () => {
    await stand.takeRecords();
    const mark = stand.requestCount;
    const { exitStatus } = await stand.session(FETCH);
    assertEquals(exitStatus, 0);
    const [[, body] = ["", ""], ...others] = auditsSince(mark);
    assertEquals(others, []);
    const { packfile_stats: stats, ...event } = JSON.parse(body);
    assertEquals(event, {
      action: "git-upload-pack",
      protocol: "ssh",
      gl_repository: "project-89",
      username: "mira",
      key_id: 1,
      check_ip: "127.0.0.1",
      changes: "_any",
    });
    assertEquals(typeof stats, "object");
    assertEquals(violationsSince(mark), []);
    const records = await stand.takeRecords();
    assertEquals(records.map(({ msg }) => msg).slice(-3), [
      "sending git audit event",
      "Finished HTTP request",
      "gitlab-shell: main: command executed successfully",
    ]);
    assertEquals(Object.keys(records.at(-2) ?? {}).slice(3, 10), [
      "correlation_id",
      "gl_repository",
      "command",
      "gl_user_name",
      "gl_key_type",
      "gl_key_id",
      "method",
    ]);
  },
);

/** A push that does nothing, to a project that is audited for once. */
async function pushAudited(change: Record<string, unknown>): Promise<string[]> {
  const { directory } = stand.stack.api.state;
  const project = directory.project(REEF);
  if (!project) throw new Error("The stack has no sample project");
  directory.setProject({ ...project, needsAudit: true, ...change });
  try {
    const mark = stand.requestCount;
    const command = `git-receive-pack '${REEF}'`;
    const { exitStatus } = await stand.session({ command, stdin: "0000" });
    assertEquals(exitStatus, 0);
    assertEquals(violationsSince(mark), []);
    return auditsSince(mark).map(([, body]) => body);
  } finally {
    directory.setProject(project);
  }
}

testOnStand(
  "shell.md case 188, internal-api.md case 74: a push is told of, without figures",
  async () => {
    const bodies = await pushAudited({});
    assertEquals(bodies, [
      '{"action":"git-receive-pack","protocol":"ssh","gl_repository":"project-88",' +
      '"username":"mira","key_id":1,"check_ip":"127.0.0.1","changes":"_any"}',
    ]);
  },
);

testOnStand("shell.md case 191: nothing is told unasked", async () => {
  assertEquals(await pushAudited({ needsAudit: false }), []);
});

testOnStand(
  "shell.md case 187, internal-api.md case 75: a session without key",
  async () => {
    const mark = stand.requestCount;
    await stand.session({ ...FETCH, args: ["username-mira"] });
    const [[, body] = ["", "{}"]] = auditsSince(mark);
    assertEquals("key_id" in JSON.parse(body), false);
    assertEquals(JSON.parse(body).username, "mira");
  },
);

testOnStand(
  "shell.md case 190, internal-api.md case 76: a fetch that fails is not told of",
  async () => {
    const mark = stand.requestCount;
    const { exitStatus } = await stand.session({
      ...FETCH,
      stdin: "0009junk!",
    });
    assertEquals(exitStatus, 1);
    assertEquals(auditsSince(mark), []);
  },
);

/** 5 s, and what a busy machine may add. */
const AUDIT_MS_MAX = 15_000;

const AUDIT_FAILURES: readonly (readonly [
  name: string,
  answers: readonly ScriptedAnswer[],
  text: string,
])[] = [
  [
    "internal-api.md case 73: an endpoint that fails",
    thrice({ status: 500 }),
    UNREACHABLE,
  ],
  [
    "an endpoint that is not there",
    [json({ error: "404 Not Found" }, 404)],
    "",
  ],
  [
    "an endpoint that never answers, 5 s at most",
    [{ isSilent: true }],
    UNREACHABLE,
  ],
];
for (const [name, answers, text] of AUDIT_FAILURES) {
  testOnStand(
    `shell.md case 189: ${name}, is a record and no more`,
    async () => {
      await stand.takeRecords();
      stand.answer(AUDIT, ...answers);
      const startMs = performance.now();
      const { stderr, exitStatus } = await stand.session(FETCH);
      const elapsedMs = performance.now() - startMs;
      assertEquals([stderr, exitStatus], ["", 0]);
      assert(elapsedMs < AUDIT_MS_MAX, `it took ${elapsedMs} ms`);
      const failed = (await stand.takeRecords())
        .find(({ msg }) => String(msg).startsWith("failed to audit git event"));
      assertEquals(failed?.["level"], "ERROR");
      assertEquals(failed?.["msg"], `failed to audit git event: ${text}`);
      assertEquals(failed?.["gl_repository"], "project-89");
    },
  );
}

testOnStand(
  "shell.md case 110: a silent user is given up after 30 s",
  async () => {
    const { outcome, elapsedMs } = await silent;
    assertEquals(outcome, {
      stdout: failed("context deadline exceeded"),
      stderr: "",
      exitStatus: 0,
    });
    assert(elapsedMs >= 29_900, `after ${elapsedMs} ms`);
  },
);
