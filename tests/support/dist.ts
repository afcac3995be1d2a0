/**
 * The programs in `dist/`, run as a user's machine would run them: a clean
 * environment, a deadline, and everything they print.
 * @module
 */

/** A program that has ended. */
export interface ProgramOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitStatus: number;
}

/** How a program is run. */
export interface ProgramRun {
  readonly args?: readonly string[];
  /** The whole environment but for `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Whether standard input stays open behind `stdin`, until the end. */
  readonly staysOpen?: boolean;
  /** Another path than that in `dist/`. */
  readonly path?: string;
  /** A script for `sh`, which finds the program as `$0`. */
  readonly shell?: string;
  readonly cwd?: string;
}

/** Longer than any deadline of the programs that the tests wait for. */
const RUN_TIMEOUT_MS = 60_000;
const DIST = new URL("../../dist/", import.meta.url).pathname;
const decoder = new TextDecoder();

/** Path of a program in `dist/`. */
export function programPath(name: string): string {
  return `${DIST}${name}`;
}

/**
 * Runs a program to its end.
 * @throws {DOMException} If it takes longer than a minute; it is killed then.
 */
export async function runProgram(
  name: string,
  run: ProgramRun = {},
): Promise<ProgramOutcome> {
  const path = run.path ?? programPath(name);
  const [command, args] = run.shell === undefined
    ? [path, run.args ?? []]
    : ["sh", ["-c", run.shell, path]];
  const child = new Deno.Command(command, {
    args: [...args],
    env: { PATH: Deno.env.get("PATH") ?? "", ...run.env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
  }).spawn();
  const output = child.output();
  const feeding = feed(child.stdin, run, output);
  const [{ code, stdout, stderr }] = await Promise.all([output, feeding]);
  return {
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    exitStatus: code,
  };
}

async function feed(
  stdin: WritableStream<Uint8Array>,
  { stdin: input = "", staysOpen = false }: ProgramRun,
  output: Promise<unknown>,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(
      typeof input === "string" ? new TextEncoder().encode(input) : input,
    );
    if (staysOpen) await output;
    await writer.close();
  } catch {
    // The program ended without reading it all, which is its right.
  }
}

/**
 * Puts a program into another folder, as an operator would who installs it.
 * @returns Its path there.
 */
export async function copyProgramTo(
  name: string,
  folder: string,
): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/${name}`;
  await Deno.copyFile(programPath(name), path);
  const library = `${DIST}lib`;
  const isPortable = await Deno.stat(library).then(() => true, () => false);
  if (isPortable) await Deno.symlink(library, `${folder}/lib`);
  return path;
}
