/**
 * The compiled form: one executable for each library, made of its bundle and
 * of Deno's base runtime.
 * @module
 */
import { programWord } from "./launcher.ts";
import {
  FIXED_ENVIRONMENT,
  permissionFlags,
  type ProgramLibrary,
  runFlags,
} from "./programs.ts";
import type { Stamp } from "./stamp.ts";

/** Fetching the base runtime takes seconds; a network that hangs, for ever. */
const COMPILE_TIMEOUT_MS = 180_000;

/** What to compile and where to put it. */
export interface CompileJob {
  readonly library: ProgramLibrary;
  readonly stamp: Stamp;
  /** The bundle's `main.js`. */
  readonly entry: string;
  /** The executable that is written. */
  readonly output: string;
  /** A folder for what is needed on the way. */
  readonly scratch: string;
}

/**
 * Compiles one library.
 * @returns Why it could not be done, or `undefined` when it was.
 */
export async function compileLibrary(
  job: CompileJob,
): Promise<string | undefined> {
  const environmentFile = `${job.scratch}/environment`;
  const lines = Object.entries(FIXED_ENVIRONMENT).map((pair) => pair.join("="));
  await Deno.writeTextFile(environmentFile, `${lines.join("\n")}\n`);
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: compileArguments(job, environmentFile),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(COMPILE_TIMEOUT_MS),
      env: { NO_COLOR: "1" },
    }).output();
    if (success) return undefined;
    return innermostCause(new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(environmentFile);
  }
}

/** Arguments of Deno that compile one library. */
export function compileArguments(
  { library, stamp, entry, output }: CompileJob,
  environmentFile: string,
): string[] {
  const word = programWord({ name: library.name, library, stamp });
  return [
    "compile",
    "--quiet",
    ...runFlags(library, "compiled"),
    ...permissionFlags(library),
    `--env-file=${environmentFile}`,
    `--output=${output}`,
    entry,
    word.replaceAll("'", ""),
  ];
}

/** The innermost cause of what Deno prints, which says all that matters. */
function innermostCause(text: string): string {
  const [message = ""] = text.split("\nStack backtrace");
  const lines = message.trim().split(/\s*\n\s*/);
  return lines.at(-1)?.replace(/^[0-9]+: /, "") ?? "";
}
