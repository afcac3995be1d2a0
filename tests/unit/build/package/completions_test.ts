import { assert, assertEquals } from "@std/assert";
import {
  COMPLETIONS,
  formatCompletion,
  type ShellName,
} from "../../../../src/build/package/completions.ts";
import { USAGE as SHELL_USAGE } from "../../../../src/cli/operator_command.ts";
import { USAGE as GITALY_USAGE } from "../../../../src/cli/gitaly_check.ts";
import { USAGE as KEYS_USAGE } from "../../../../src/cli/keys_usage.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const decoder = new TextDecoder();
const USAGES = [
  ["gitlab-shell", SHELL_USAGE],
  ["gitlab-keys", KEYS_USAGE],
  ["gitaly-ssh", GITALY_USAGE],
] as const;

for (const [program, usage] of USAGES) {
  Deno.test(`completions of ${program} offer what its help names, and no more`, () => {
    const offered = new Set<string>();
    const collect = (table = COMPLETIONS[program]) => {
      for (const [word, next] of Object.entries(table?.words ?? {})) {
        offered.add(word);
        if (next) collect(next);
      }
      for (const option of table?.options ?? []) offered.add(option);
    };
    collect();
    offered.delete("--help");
    offered.delete("-version");
    for (const choice of offered) {
      assert(usage.includes(choice), `${choice} is not in the help`);
    }
    const named = [...usage.matchAll(/--[a-z][a-z-]+=?/g)]
      .map(([name]) => name).filter((name) => !/^--(help|option)/.test(name));
    for (const name of named) {
      assert(offered.has(name) || offered.has(`${name}=`), name);
    }
  });
}

const BASH_CASES = [
  ["gitlab-shell d", ["doctor"]],
  ["gitlab-shell config s", ["show", "schema"]],
  ["gitlab-shell doctor --u", ["--user="]],
  ["gitlab-keys ver", ["verify"]],
  ["gitlab-sshd -c", ["-config-dir="]],
] as const;
for (const [line, expected] of BASH_CASES) {
  Deno.test({
    name: `bash completes "${line}"`,
    ignore: !await has("bash"),
    async fn() {
      const words = line.split(" ");
      const program = words[0] ?? "";
      const script = formatCompletion(program, "bash");
      const run = `${script}\nCOMP_WORDS=(${words.join(" ")})\n` +
        `COMP_CWORD=${words.length - 1}\n_${program.replaceAll("-", "_")}\n` +
        'printf "%s\\n" "${COMPREPLY[@]}"\n';
      const { stdout } = await new Deno.Command("bash", {
        args: ["-c", run],
      }).output();
      assertEquals(decoder.decode(stdout).trim().split("\n"), [...expected]);
    },
  });
}

const CHECKS: readonly (readonly [ShellName, string])[] = [
  ["bash", "-n"],
  ["zsh", "-n"],
  ["fish", "--no-execute"],
];
for (const [shell, flag] of CHECKS) {
  Deno.test({
    name: `completions are well-formed to ${shell}`,
    ignore: !await has(shell),
    async fn() {
      using folder = makeTempDir();
      for (const program of Object.keys(COMPLETIONS)) {
        const file = `${folder.path}/${program}`;
        await Deno.writeTextFile(file, formatCompletion(program, shell));
        const { success, stderr } = await new Deno.Command(shell, {
          args: [flag, file],
          env: { HOME: folder.path },
        }).output();
        assert(success, decoder.decode(stderr));
      }
    },
  });
}

async function has(command: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args: ["-c", "true"],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
