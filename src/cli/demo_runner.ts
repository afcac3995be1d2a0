/**
 * Runs the commands of the demo as a person would, prints them with what they
 * answer, and remembers whether each did what it should.
 * @module
 */

/** A command that has ended. */
export interface CommandOutcome {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command to run. */
export interface DemoCommand {
  /** Program and arguments, none of which passes through a shell. */
  readonly words: readonly string[];
  /** Where it runs; the demo's own folder when left out. */
  readonly folder?: string;
  /** What it reads; nothing when left out. */
  readonly stdin?: string;
  /** Environment added for this command alone, and shown in front of it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the output is kept from the screen, for setting up. */
  readonly isQuiet?: boolean;
}

/** Surroundings of every command. */
export interface DemoRunnerOptions {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

const COMMAND_TIMEOUT_MS = 30_000;
const OUTPUT_LINES_MAX = 24;
const SAFE_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;
const decoder = new TextDecoder();

/** Steps done so far and those that went wrong. */
export class DemoRunner {
  readonly #options: DemoRunnerOptions;
  readonly #failures: string[] = [];
  #steps = 0;

  constructor(options: DemoRunnerOptions) {
    this.#options = options;
  }

  get stepCount(): number {
    return this.#steps;
  }
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Prints a heading, does the work, and notes whether it held. */
  async step(
    title: string,
    work: () => Promise<string | undefined>,
  ): Promise<void> {
    this.#steps++;
    this.#options.print(`\n${this.#steps}. ${title}\n`);
    const problem = await work();
    if (problem === undefined) return;
    this.#failures.push(`${this.#steps}. ${title}: ${problem}`);
    this.#options.print(`   NOT AS EXPECTED: ${problem}\n`);
  }

  /** Prints a remark between a step's commands. */
  note(text: string): void {
    this.#options.print(`   ${text}\n`);
  }

  /** Prints what a command answered that was run quietly. */
  show(outcome: CommandOutcome): void {
    this.#options.print(formatOutcome(outcome));
  }

  /**
   * Runs one command to its end.
   * @throws {DOMException} If it takes longer than half a minute.
   */
  async run(command: DemoCommand): Promise<CommandOutcome> {
    const { folder, env, print, signal } = this.#options;
    const [program = "", ...args] = command.words;
    if (!command.isQuiet) print(`   $ ${formatCommand(command)}\n`);
    const child = new Deno.Command(program, {
      args,
      cwd: command.folder ?? folder,
      env: { ...env, ...command.env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.any([
        signal,
        AbortSignal.timeout(COMMAND_TIMEOUT_MS),
      ]),
    }).spawn();
    const input = child.stdin.getWriter();
    const feeding = input.write(new TextEncoder().encode(command.stdin ?? ""))
      .then(() => input.close())
      // A command that does not read its input closes it; that is no fault.
      .catch(() => {});
    const [output] = await Promise.all([child.output(), feeding]);
    const outcome = {
      exitStatus: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
    if (!command.isQuiet) print(formatOutcome(outcome));
    return outcome;
  }
}

/** The command as it could be pasted into a shell. */
export function formatCommand({ words, env = {} }: DemoCommand): string {
  const assignments = Object.entries(env)
    .map(([name, value]) => `${name}=${quoteWord(value)}`);
  return [...assignments, ...words.map(quoteWord)].join(" ");
}

function quoteWord(word: string): string {
  return SAFE_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function formatOutcome({ stdout, stderr, exitStatus }: CommandOutcome): string {
  const lines = `${stderr}${stdout}`.split("\n")
    // A terminal would have overwritten all but the last text of a line.
    .map((line) => line.split("\r").filter((part) => part !== "").at(-1) ?? "");
  while (lines.at(-1) === "") lines.pop();
  const shown = lines.slice(0, OUTPUT_LINES_MAX);
  if (lines.length > shown.length) {
    shown.push(`… ${lines.length - shown.length} more lines`);
  }
  const text = shown.map((line) => `     ${line}\n`).join("");
  return exitStatus === 0 ? text : `${text}     (exit status ${exitStatus})\n`;
}
