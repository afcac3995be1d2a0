/**
 * gitlab-shell as sshd starts it: arguments, environment, configuration, and
 * the words of the command. Cases are numbered as in the specification of the
 * shell.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import {
  type SessionStart,
  ShellStand,
  testOnStand,
  warn,
} from "../support/shell_stand.ts";
import { copyProgramTo, runProgram } from "../support/dist.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const WELCOME = "Welcome to GitLab, @mira!\n";
const NOWHO = warn("Failed to get username: who='' is invalid");
const UNPARSABLE = "Invalid SSH command: invalid command line string\n";

let stand: ShellStand;

Deno.test.beforeAll(async () => {
  stand = await ShellStand.start();
});
Deno.test.afterAll(() => stand[Symbol.asyncDispose]());

interface Row {
  readonly name: string;
  readonly start: SessionStart;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitStatus?: number;
  /** `METHOD target` of each request. */
  readonly requests?: readonly string[];
}

const discover = (query: string) => [`GET /api/v4/internal/discover?${query}`];

const SESSIONS: readonly Row[] = [
  {
    name: "case 3: -version with a key is no version request",
    start: { args: ["-version", "key-1"], env: { SSH_CONNECTION: undefined } },
    stderr: "Only SSH allowed\n",
    exitStatus: 1,
  },
  {
    name: "case 4: --version means nothing",
    start: { args: ["--version"], env: { SSH_CONNECTION: undefined } },
    stderr: "Only SSH allowed\n",
    exitStatus: 1,
  },
  {
    name: "case 5: --version in a session is nobody",
    start: { args: ["--version"] },
    stderr: NOWHO,
    exitStatus: 1,
    requests: [],
  },
  {
    name: "case 6: a missing root",
    start: { env: { GITLAB_SHELL_DIR: "/nonexistent/root" } },
    stderr: "Failed to determine executable, exiting\n",
    exitStatus: 1,
  },
  { name: "case 7: the root from the environment", start: {}, stdout: WELCOME },
  {
    name: "case 12: no session, whatever the command",
    start: { command: "git-upload-pack x", env: { SSH_CONNECTION: undefined } },
    stderr: "Only SSH allowed\n",
    exitStatus: 1,
    requests: [],
  },
  {
    name: "case 13: an empty SSH_CONNECTION",
    start: { env: { SSH_CONNECTION: "" } },
    stderr: "Only SSH allowed\n",
    exitStatus: 1,
  },
  {
    name: "case 14: no session is noticed before the command is read",
    start: {
      command: 'git receive-pack "',
      env: { SSH_CONNECTION: undefined },
    },
    stderr: "Only SSH allowed\n",
    exitStatus: 1,
  },
  {
    name: "case 15: any SSH_CONNECTION will do",
    start: { env: { SSH_CONNECTION: "fake" } },
    stdout: WELCOME,
  },
  {
    name: "case 16: an SSH_CONNECTION of blanks",
    start: { env: { SSH_CONNECTION: "   " } },
    stdout: WELCOME,
  },
  {
    name:
      "case 17, internal-api.md case 81: the key is found among the arguments",
    start: { args: ["hello", "key-1"] },
    stdout: WELCOME,
    requests: discover("key_id=1"),
  },
  {
    name: "case 18: a user named like a key",
    start: { args: ["hello", "username-key-123"] },
    requests: discover("username=key-123"),
    stdout: "Welcome to GitLab, Anonymous!\n",
  },
  {
    name: "case 19: a login shell's one argument",
    start: { args: ["hello", "gitlab-shell -c key-1"] },
    stdout: WELCOME,
    requests: discover("key_id=1"),
  },
  {
    name: "cases 20, 85: a login shell's user",
    start: { args: ["hello", "gitlab-shell -c username-mira"] },
    stdout: WELCOME,
    requests: discover("username=mira"),
  },
  {
    name: "case 21: a login shell's user who is named like a key",
    start: { args: ["hello", "gitlab-shell -c username-key-123"] },
    requests: discover("username=key-123"),
    stdout: "Welcome to GitLab, Anonymous!\n",
  },
  {
    name: "case 22: the first word wins",
    start: { args: ["username-mira", "key-1"] },
    stdout: WELCOME,
    requests: discover("username=mira"),
  },
  {
    name: "case 23: other arguments are ignored",
    start: { args: ["key-1", "2foo"] },
    stdout: WELCOME,
    requests: discover("key_id=1"),
  },
  {
    name: "case 24: digits are kept as they are",
    start: { args: ["key-01"] },
    requests: discover("key_id=01"),
    stdout: WELCOME,
  },
  ...[
    "key-1 ",
    "key-1a",
    "KEY-1",
    "key--1",
    "key-",
    "username-",
    "username-a\tb",
  ]
    .map((word) => ({
      name: `cases 25, 26: ${JSON.stringify(word)} names nobody`,
      start: { args: [word] },
      stderr: NOWHO,
      exitStatus: 1,
      requests: [],
    })),
  {
    name: "case 27: no arguments",
    start: { args: [] },
    stderr: NOWHO,
    exitStatus: 1,
    requests: [],
  },
  {
    name: "case 28: no argument that names anyone",
    start: { args: ["this", "is", "all", "invalid"] },
    stderr: NOWHO,
    exitStatus: 1,
    requests: [],
  },
  ...["", " \t\r\n ", "; rm x", "discover", "discover a b c"].map((
    command,
  ) => ({
    name: `cases 29-33: ${JSON.stringify(command)} is a welcome`,
    start: { command },
    stdout: WELCOME,
  })),
  ...[
    "''",
    "unknown",
    "scp -t x",
    "git",
    "bash",
    "Git-Upload-Pack group/repo",
    "./git-upload-pack group/repo",
    '"git upload-pack" group/repo',
    "git-lfs-transfer group/repo download",
  ].map((command) => ({
    name: `cases 34, 61-65: ${JSON.stringify(command)} is disallowed`,
    start: { command },
    stderr: "Disallowed command\n",
    exitStatus: 1,
    requests: [],
  })),
  {
    name: "case 67: an unknown command of nobody",
    start: { args: [], command: "unknown" },
    stderr: "Disallowed command\n",
    exitStatus: 1,
    requests: [],
  },
  ...[
    'git receive-pack "',
    "git-upload-pack 'x",
    "git-upload-pack x\\",
    "git-upload-pack `x",
    "git-upload-pack $(x",
    "git-upload-pack (x)",
    "git-upload-pack x)",
    "git-upload-pack $(a(b))",
  ].map((command) => ({
    name: `cases 54-56: ${JSON.stringify(command)} cannot be split`,
    start: { command },
    stderr: UNPARSABLE,
    exitStatus: 1,
    requests: [],
  })),
  ...[
    "git-upload-pack 2x>out",
    "git-upload-pack",
    "git-upload-pack a b",
    "git upload-pack",
    "git-receive-pack",
    "git-receive-pack a b",
    "git-upload-archive",
  ].map((command) => ({
    name: `cases 60, 68-71: ${JSON.stringify(command)} has not two words`,
    start: { command },
    stderr: warn("Disallowed command"),
    exitStatus: 1,
    requests: [],
  })),
];

for (const row of SESSIONS) {
  testOnStand(`shell.md ${row.name}`, async () => {
    const mark = stand.requestCount;
    const outcome = await stand.session(row.start);
    assertEquals(outcome, {
      stdout: row.stdout ?? "",
      stderr: row.stderr ?? "",
      exitStatus: row.exitStatus ?? 0,
    });
    if (row.requests) assertEquals(stand.requestsSince(mark), row.requests);
  });
}

const PROJECTS = [
  ["35", "git-receive-pack group/repo", "group/repo"],
  ["36", "git-receive-pack 'group/repo'", "group/repo"],
  ["37", 'git-receive-pack "group/repo"', "group/repo"],
  ["38", "git receive-pack group/repo", "group/repo"],
  ["39", 'git upload-pack "group/repo"', "group/repo"],
  ["40", "git-lfs-authenticate 'group/repo' download", "group/repo"],
  ["41", "git lfs-authenticate group/repo download", "group/repo"],
  ["42", "git-receive-pack group/repo; any command", "group/repo"],
  ["43", "git-upload-pack group/a&b", "group/a"],
  ["44", "git-upload-pack 'group/a&b'", "group/a&b"],
  ["45", "git-upload-pack group/re\\ po", "group/re po"],
  ["46", "git-upload-pack 'it'\\''s'", "it's"],
  ["47", "git-upload-pack a\\tb", "a\tb"],
  ["48", 'git-upload-pack "a\\b"', "ab"],
  ["49", "git-upload-pack 'a\\b'", "a\\b"],
  ["50", "git-upload-pack `id`", "`id`"],
  ["51", "git-upload-pack $(id)", "$(id)"],
  ["52", "git-upload-pack $HOME", "$HOME"],
  ["53", "git-upload-pack ''", ""],
  ["57", 'git-upload-pack "(x)"', "(x)"],
  ["58", "git-upload-pack x;'", "x"],
  ["59", "git-upload-pack b2>out", "b2"],
] as const;
for (const [number, command, project] of PROJECTS) {
  testOnStand(
    `shell.md case ${number}: ${JSON.stringify(command)} asks about ${
      JSON.stringify(project)
    }`,
    async () => {
      const mark = stand.requestCount;
      const { exitStatus } = await stand.session({ command });
      assertEquals(exitStatus, 1);
      const [body] = stand.bodiesSince(mark);
      const action = command.includes("receive")
        ? "git-receive-pack"
        : "git-upload-pack";
      assertEquals(body, {
        action,
        project,
        changes: "_any",
        protocol: "ssh",
        key_id: "1",
        check_ip: "127.0.0.1",
      });
    },
  );
}

testOnStand(
  "a command with invalid UTF-8 asks about replacement characters",
  async () => {
    const mark = stand.requestCount;
    const { path } = stand.stack.shellRoot;
    // A JavaScript string cannot hold such a byte, so a shell puts it in place.
    const script =
      `SSH_ORIGINAL_COMMAND="$(printf 'git-upload-pack a\\377b')"; ` +
      `export SSH_ORIGINAL_COMMAND; exec "$0" key-1`;
    const { exitStatus } = await runProgram("gitlab-shell", {
      shell: script,
      env: {
        GITLAB_SHELL_DIR: path,
        SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
      },
    });
    assertEquals(exitStatus, 1);
    assertEquals(stand.bodiesSince(mark)[0]?.["project"], "a\ufffdb");
  },
);

testOnStand(
  "shell.md cases 1, 2: -version needs nothing and names the program",
  async () => {
    const { stdout, stderr, exitStatus } = await runProgram("gitlab-shell", {
      args: ["-version"],
      env: { GITLAB_SHELL_DIR: "/nonexistent/root" },
    });
    assertMatch(stdout, /^gitlab-shell \S.*-[0-9]{8}\.[0-9]{6}\n$/);
    assertEquals([stderr, exitStatus], ["", 0]);
  },
);

testOnStand(
  "shell.md cases 8, 9: the root is found from the executable, through links",
  async () => {
    using folder = makeTempDir();
    const program = await copyProgramTo("gitlab-shell", `${folder.path}/bin`);
    await Deno.copyFile(
      stand.stack.shellRoot.configFile,
      `${folder.path}/config.yml`,
    );
    await Deno.copyFile(
      stand.stack.shellRoot.secretFile,
      `${folder.path}/.gitlab_shell_secret`,
    );
    await Deno.symlink(program, `${folder.path}/link`);
    for (const path of [program, `${folder.path}/link`]) {
      const outcome = await runProgram("gitlab-shell", {
        path,
        args: ["key-1"],
        env: { SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535" },
      });
      assertEquals(
        outcome,
        { stdout: WELCOME, stderr: "", exitStatus: 0 },
        path,
      );
    }
  },
);

testOnStand("shell.md cases 10, 11: a missing file is named", async () => {
  using folder = makeTempDir();
  const env = { GITLAB_SHELL_DIR: folder.path };
  const missing = async (file: string) => {
    const { stderr, exitStatus } = await stand.session({ env });
    assertEquals(exitStatus, 1);
    assertEquals(
      stderr,
      `Failed to read config, exiting: open ${folder.path}/${file}: no such file or directory\n`,
    );
  };
  await missing("config.yml");
  await Deno.writeTextFile(`${folder.path}/config.yml`, "user: git\n");
  await missing(".gitlab_shell_secret");
});

testOnStand(
  "shell.md cases 61, 203: a refused command leaves no record",
  async () => {
    await stand.takeRecords();
    await stand.session({ command: "unknown" });
    await stand.session({ command: "git-upload-pack 'x" });
    await stand.session({ env: { SSH_CONNECTION: "" } });
    assertEquals(await stand.takeRecords(), []);
  },
);

testOnStand(
  "shell.md case 68: a wrong word count leaves M1 and M2",
  async () => {
    await stand.takeRecords();
    await stand.session({ command: "git-upload-pack" });
    const records = await stand.takeRecords();
    assertEquals(records.map(({ level, msg }) => [level, msg]), [
      ["INFO", "gitlab-shell: main: executing command"],
      ["WARN", "gitlab-shell: main: command execution failed"],
    ]);
    assertEquals(records[0]?.["command"], "*uploadpack.Command");
  },
);

testOnStand(
  "internal-api.md cases 23, 24: the correlation id of a session",
  async () => {
    await stand.takeRecords();
    await stand.session({ env: { CORRELATION_ID: "abc" } });
    await stand.session();
    const ids = new Set(
      (await stand.takeRecords()).map((record) => record["correlation_id"]),
    );
    const [given, made] = [...ids];
    assertEquals(ids.size, 2);
    assertEquals(given, "abc");
    assertMatch(String(made), /^[0-9A-HJKMNP-TV-Z]{26}$/);
    const sent = stand.stack.api.requests.all.slice(-2).map(({ headers }) =>
      headers.find(([name]) => name.toLowerCase() === "x-request-id")?.[1]
    );
    assertEquals(sent, ["abc", made as string]);
  },
);

testOnStand(
  "internal-api.md section 8: no request was other than the reference's",
  async () => {
    await stand.session();
    await stand.session({ command: "git-upload-pack tanuki/trench" });
    const odd = stand.stack.api.requests.all.flatMap(({ violations }) =>
      violations
    )
      // The one session whose id the caller chose.
      .filter((violation) => !violation.includes("X-Request-Id"));
    assertEquals(odd, []);
  },
);
