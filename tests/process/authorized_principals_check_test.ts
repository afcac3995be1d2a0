/**
 * gitlab-shell-authorized-principals-check as sshd runs it. Cases are numbered
 * as in the specification of keys and configuration.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../support/dist.ts";
import { OPTS } from "../support/keys_stand.ts";
import { RootDir } from "../support/root_dir.ts";
import { warn } from "../support/shell_stand.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const PROGRAM = "gitlab-shell-authorized-principals-check";
const USAGE = `Usage\n#\t${PROGRAM} <key-id> <principal1> [<principal2>...]\n`;

interface Row {
  readonly name: string;
  readonly args: readonly string[];
  /** Principals whose lines are printed. */
  readonly printed?: readonly string[];
  readonly stderr?: string;
}

const ROWS: readonly Row[] = [
  {
    name: "case 48: one principal",
    args: ["key", "principal"],
    printed: ["principal"],
  },
  {
    name: "case 49: principals in their order, repeated ones too",
    args: ["key", "principal-1", "principal-2", "principal-1"],
    printed: ["principal-1", "principal-2", "principal-1"],
  },
  {
    name: "case 50: one argument",
    args: ["key"],
    stderr: `# Insufficient arguments. 1. ${USAGE}`,
  },
  {
    name: "case 50: no argument",
    args: [],
    stderr: `# Insufficient arguments. 0. ${USAGE}`,
  },
  {
    name: "case 51: an empty key id",
    args: ["", "principal"],
    stderr: "# No key_id provided\n",
  },
  {
    name: "the key id is looked at before the principals",
    args: ["", ""],
    stderr: "# No key_id provided\n",
  },
  {
    name: "case 52: an empty principal",
    args: ["key", "principal", ""],
    stderr: "# An invalid principal was provided\n",
  },
  {
    name: "case 53: a key id with a quote",
    args: ['a"b', "p"],
    stderr: warn('invalid key_id: a"b'),
  },
  {
    name: "case 55: nothing is printed unless all is good",
    args: ["key", "good", "bad\nx"],
    stderr: warn("invalid value: bad?x"),
  },
  {
    name: "case 57: a principal with a space",
    args: ["key", "my users"],
    stderr: warn("invalid value: my users"),
  },
  {
    name: "case 57: a principal with #",
    args: ["key", "a#b"],
    stderr: warn("invalid value: a#b"),
  },
  {
    name: "a key id that would start a line of its own",
    args: ["x\nssh-rsa AAAA", "p"],
    stderr: warn("invalid key_id: x?ssh-rsa AAAA"),
  },
  {
    name: "a key id that would be another command",
    args: ["bob; rm -rf /", "p"],
    stderr: warn("invalid key_id: bob; rm -rf /"),
  },
];

for (const { name, args, printed = [], stderr = "" } of ROWS) {
  Deno.test(`keys-and-config.md ${name}`, async () => {
    using folder = new RootDir({ secret: null });
    const outcome = await folder.run(PROGRAM, { args });
    const lines = printed.map((principal) =>
      `command="${folder.path}/bin/gitlab-shell username-${args[0]}",${OPTS} ` +
      `${principal}\n`
    );
    assertEquals(outcome, {
      stdout: lines.join(""),
      stderr,
      exitStatus: stderr === "" ? 0 : 1,
    });
    assertEquals(folder.records(), []);
  });
}

Deno.test("keys-and-config.md cases 54 and 56: neither GitLab nor a secret is needed", async () => {
  using folder = new RootDir({
    gitlabUrl: "http://127.0.0.1:1",
    secret: null,
    config: "secret_file: /nowhere/at/all\n",
  });
  const { stderr, exitStatus } = await folder.run(PROGRAM, {
    args: ["key", "p"],
  });
  assertEquals([stderr, exitStatus], ["", 0]);
});

Deno.test("keys-and-config.md case 58: no configuration, with the reason", async () => {
  using folder = makeTempDir();
  const { stdout, stderr, exitStatus } = await runProgram(PROGRAM, {
    args: ["key", "p"],
    env: { GITLAB_SHELL_DIR: folder.path },
  });
  assertEquals([stdout, exitStatus], ["", 1]);
  assertMatch(
    stderr,
    /^Failed to read config, exiting: open \S+\/config\.yml: no such file or directory\n$/,
  );
});

Deno.test("no root directory", async () => {
  assertEquals(
    await runProgram(PROGRAM, { env: { GITLAB_SHELL_DIR: "/nowhere/at/all" } }),
    {
      stdout: "",
      stderr: "Failed to determine executable, exiting\n",
      exitStatus: 1,
    },
  );
});

Deno.test("gitlab-keys principals is the same under another name", async () => {
  using folder = new RootDir({ secret: null });
  const run = (...args: string[]) => folder.run("gitlab-keys", { args });
  const good = await run("principals", "bob", "sshUsers");
  assertEquals(
    good.stdout,
    `command="${folder.path}/bin/gitlab-shell username-bob",${OPTS} sshUsers\n`,
  );
  const few = await run("principals", "bob");
  assertEquals(few.exitStatus, 1);
  assertMatch(
    few.stderr,
    /^# Insufficient arguments\. 1\. Usage\n#\tgitlab-keys principals /,
  );
});
