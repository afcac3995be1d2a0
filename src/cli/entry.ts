/**
 * What the entries do: find the program that the first argument names, give it
 * this process as its host, and wait for its exit status.
 * @module
 */
import { EXIT_FAILURE } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { makeDenoHost } from "./deno_host.ts";
import { parseProgramWord } from "./program_word.ts";

/** Runs a program to its end and gives its exit status. */
export type RunProgram = (host: Host) => Promise<number>;

/** Programs by name, each loaded when it is asked for. */
export type ProgramTable = ReadonlyMap<string, () => Promise<RunProgram>>;

/**
 * Programs that the executable of gitlab-keys can be told to be. The compiled
 * form has scripts under these names, each of which passes a word of its own;
 * nobody but the operator chooses the arguments of gitlab-keys.
 */
const CARRIED_PROGRAMS: ReadonlySet<string> = new Set([
  "gitlab-shell-authorized-keys-check",
  "gitlab-shell-authorized-principals-check",
  "gitlab-shell-check",
]);

/**
 * Runs the program that the arguments name.
 * @param args All arguments of the process, the program's word first.
 * @returns The exit status; never throws.
 */
export async function runEntry(
  programs: ProgramTable,
  args: readonly string[],
): Promise<number> {
  let word = parseProgramWord(args[0] ?? "");
  let rest = args.slice(1);
  const carried = parseProgramWord(rest[0] ?? "");
  if (
    word.program === "gitlab-keys" && carried.isBuilt &&
    CARRIED_PROGRAMS.has(carried.program)
  ) {
    word = carried;
    rest = rest.slice(1);
  }
  const load = programs.get(word.program);
  if (!load) {
    const names = [...programs.keys()].join(" | ");
    return refuse(`Usage: (${names}) [ARGUMENT]...`);
  }
  let run: RunProgram;
  try {
    run = await load();
  } catch (error) {
    const fault = isMissing(error) ? "not part of this release" : "cannot load";
    return refuse(`${word.program}: ${fault}`);
  }
  try {
    return await run(makeDenoHost(word, rest));
  } catch {
    // A program ends by itself; nobody would see what it has thrown.
    return refuse(`${word.program}: internal error`);
  }
}

/** Whether a bundle was made without the program, in either form. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof TypeError && "code" in error &&
      error.code === "ERR_MODULE_NOT_FOUND";
}

function refuse(line: string): number {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  } catch {
    // Whoever would have read it has gone.
  }
  return EXIT_FAILURE;
}
