/**
 * What the programs say of themselves, where the drop-in contract leaves room:
 * short, and true, which means that what is named exists and what exists is
 * named.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PROGRAM_LIBRARIES } from "../../src/build/programs.ts";
import { type ProgramOutcome, runProgram } from "../support/dist.ts";
import { RootDir } from "../support/root_dir.ts";

const LINES_MAX = 50;
const COLUMNS_MAX = 80;

async function help(name: string, word = "--help"): Promise<ProgramOutcome> {
  using folder = new RootDir({ gitlabUrl: "http+unix:///nowhere/s" });
  return await folder.run(name, { args: [word] });
}

for (const name of ["gitlab-shell", "gitlab-keys", "gitaly-ssh"]) {
  Deno.test(`${name} --help, -h and help are short and the same`, async () => {
    const first = await help(name);
    assertEquals([first.stderr, first.exitStatus], ["", 0]);
    assertMatch(first.stdout, new RegExp(`^Usage: ${name} `));
    const lines = first.stdout.trimEnd().split("\n");
    assert(lines.length <= LINES_MAX, `${lines.length} lines`);
    for (const line of lines) assert(line.length <= COLUMNS_MAX, line);
    for (const word of ["-h", "help"]) {
      assertEquals(await help(name, word), first);
    }
  });
}

Deno.test("every variable that gitaly-ssh --help names may be read, and the other way round", async () => {
  const library = PROGRAM_LIBRARIES.find(({ name }) => name === "gitaly-ssh");
  const { stdout } = await help("gitaly-ssh");
  const named = [...stdout.matchAll(/GITALY_\w+/g)].map(([name]) => name);
  const readable = library?.environment.filter((name) =>
    // Kept for old callers; Gitaly 18.9 no longer looks at it either.
    name.startsWith("GITALY_") && name !== "GITALY_USE_SIDECHANNEL"
  );
  assertEquals([...named].sort(), [...readable ?? []].sort());
});

Deno.test("every command that gitlab-keys --help names exists", async () => {
  const { stdout } = await help("gitlab-keys");
  const refusal = await runProgram("gitlab-keys", {
    args: ["no-such-command"],
    env: { GITLAB_SHELL_DIR: "/nowhere" },
  });
  const [, list = ""] = /commands: (.*); gitlab-keys --help/.exec(
    refusal.stderr,
  ) ?? [];
  const known = list.split(", ");
  assert(known.length > 10, refusal.stderr);
  for (const name of known) {
    assert(new RegExp(`^ .*\\b${name}\\b`, "m").test(stdout), name);
  }
});

const OF_THE_CONTRACT = [
  [
    "gitlab-sshd",
    "-help",
    0,
    /^Usage of gitlab-sshd:\n {2}-config-dir string\n/,
  ],
  [
    "gitlab-sshd",
    "-no-such-flag",
    2,
    /^flag provided but not defined: -no-such-flag\nUsage of gitlab-sshd:/,
  ],
  [
    "gitlab-shell-authorized-keys-check",
    "--help",
    1,
    /^# Insufficient arguments\. 1\. Usage\n#\tgitlab-shell-authorized-keys-check <exp/,
  ],
  [
    "gitlab-shell-authorized-principals-check",
    "--help",
    1,
    /^# Insufficient arguments\. 1\. Usage\n#\tgitlab-shell-authorized-principals-check <key-id>/,
  ],
  [
    "gitlab-keys",
    "add-key --no-such-option",
    1,
    /unknown option "--no-such-option"/,
  ],
  ["gitaly-ssh", "--no-such-option", 1, /invalid number of arguments/],
] as const;
for (const [name, words, exitStatus, stderr] of OF_THE_CONTRACT) {
  Deno.test(`${name} ${words} answers as its contract has it`, async () => {
    using folder = new RootDir({ gitlabUrl: "http+unix:///nowhere/s" });
    const outcome = await folder.run(name, { args: words.split(" ") });
    assertEquals([outcome.stdout, outcome.exitStatus], ["", exitStatus]);
    assertMatch(outcome.stderr, stderr);
  });
}
