/**
 * What a shell may complete for the programs that people type, from one table:
 * a test compares it with what the programs themselves say. Pure.
 * Source: bash(1), "Programmable Completion"; zshcompsys(1); fish-completions(7).
 * @module
 */

/** Words and options behind a program, or behind one of its words. */
export interface CompletionTable {
  /** Words by name; `undefined` behind a word that takes no more. */
  readonly words: Readonly<Record<string, CompletionTable | undefined>>;
  /** With their dashes, and `=` where a value follows. */
  readonly options: readonly string[];
}

const NONE: CompletionTable = { words: {}, options: [] };
const OF_FILE = ["--auth-file=", "--lock-timeout=", "--dry-run"] as const;
const OF_LONG = ["--quiet", "--no-progress", "--total="] as const;

/** Programs by name. */
export const COMPLETIONS: Readonly<Record<string, CompletionTable>> = {
  "gitlab-shell": {
    words: {
      doctor: {
        words: {},
        options: [
          "--json",
          "--user=",
          "--project=",
          "--key=",
          "--sshd-config=",
        ],
      },
      config: {
        words: { check: NONE, show: NONE, example: NONE, schema: NONE },
        options: ["--json"],
      },
    },
    options: ["--help", "-version"],
  },
  "gitlab-keys": {
    words: {
      "add-key": { words: {}, options: [...OF_FILE, "--strict"] },
      "batch-add-keys": {
        words: {},
        options: [...OF_FILE, ...OF_LONG, "--strict"],
      },
      "rm-key": { words: {}, options: OF_FILE },
      "list-keys": { words: {}, options: ["--auth-file=", "--managed-only"] },
      "list-key-ids": {
        words: {},
        options: ["--auth-file=", "--managed-only"],
      },
      clear: { words: {}, options: [...OF_FILE, "--keep-foreign"] },
      "check-permissions": { words: {}, options: ["--auth-file="] },
      compact: { words: {}, options: OF_FILE },
      dedupe: { words: {}, options: OF_FILE },
      rebuild: {
        words: {},
        options: [
          ...OF_FILE,
          ...OF_LONG,
          "--skip-invalid",
          "--allow-empty",
          "--adopt-root=",
          "--from-api",
          "--strict",
        ],
      },
      verify: {
        words: {},
        options: [...OF_FILE, ...OF_LONG, "--from-api", "--fix", "--json"],
      },
      fingerprint: { words: {}, options: ["--json"] },
      lookup: { words: {}, options: ["--auth-file=", "--json"] },
      "sshd-config": {
        words: { file: NONE, command: NONE, certificates: NONE },
        options: ["--ca-file=", "--auth-file="],
      },
      check: { words: {}, options: ["--deadline="] },
      principals: NONE,
    },
    options: ["--help", "-version"],
  },
  "gitlab-sshd": {
    words: { check: { words: {}, options: ["-config-dir=", "-json"] } },
    options: ["-config-dir=", "-t", "-T", "-help", "-version"],
  },
  "gitaly-ssh": { words: { check: NONE }, options: ["--help", "-version"] },
};

/** The three shells. */
export type ShellName = "bash" | "zsh" | "fish";

/** Makes the completions of one program for one shell. */
export function formatCompletion(program: string, shell: ShellName): string {
  const table = COMPLETIONS[program];
  if (!table) throw new RangeError(`Cannot complete ${program}`);
  switch (shell) {
    case "bash":
      return formatBash(program, table);
    case "zsh":
      return formatZsh(program, table);
    case "fish":
      return formatFish(program, table);
  }
}

/** Choices by the first word that was typed, which is empty at the start. */
function choices(table: CompletionTable): [word: string, all: string[]][] {
  const own = [...Object.keys(table.words), ...table.options];
  const behind = Object.entries(table.words).map(
    ([word, next = NONE]): [string, string[]] => [
      word,
      [...Object.keys(next.words), ...next.options],
    ],
  );
  return [["", own], ...behind];
}

function formatBash(program: string, table: CompletionTable): string {
  const name = `_${program.replaceAll("-", "_")}`;
  const cases = choices(table).map(([word, all]) =>
    `    ${word === "" ? '""' : word}) words="${all.join(" ")}" ;;`
  );
  return `# bash completion for ${program}
${name}() {
  local words="" current=\${COMP_WORDS[COMP_CWORD]} first=""
  [ "$COMP_CWORD" -gt 1 ] && first=\${COMP_WORDS[1]}
  case $first in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "\${#COMPREPLY[@]}" = 1 ] && [ "\${COMPREPLY[0]%=}" != "\${COMPREPLY[0]}" ]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -o default -F ${name} ${program}
`;
}

function formatZsh(program: string, table: CompletionTable): string {
  const cases = choices(table).map(([word, all]) =>
    `  ${word === "" ? "''" : word}) all=(${all.map(quote).join(" ")}) ;;`
  );
  return `#compdef ${program}
local first=''
local -a all plain valued
(( CURRENT > 2 )) && first=$words[2]
case $first in
${cases.join("\n")}
esac
plain=(\${all:#*=})
valued=(\${(M)all:#*=})
compadd -a plain
compadd -S '' -a valued
_files
`;
}

function formatFish(program: string, table: CompletionTable): string {
  const lines = [`# fish completion for ${program}`];
  const words = Object.keys(table.words);
  const add = (condition: string, choice: string) =>
    lines.push(`complete -c ${program} -n '${condition}' -a '${choice}'`);
  for (const [word, all] of choices(table)) {
    const condition = word === ""
      ? words.length === 0
        ? "true"
        : `not __fish_seen_subcommand_from ${words.join(" ")}`
      : `__fish_seen_subcommand_from ${word}`;
    for (const choice of all) add(condition, choice);
  }
  return `${lines.join("\n")}\n`;
}

function quote(word: string): string {
  return `'${word}'`;
}
