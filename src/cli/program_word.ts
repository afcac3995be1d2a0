/**
 * The first argument of an entry: which program to be, and what the build
 * knows of it. The build bakes it in, so nobody else chooses it.
 *
 *     <program>[@<version>-<build time>[@<path of the launcher>]]
 * @module
 */
import type { BuildStamp } from "../core/host.ts";

/** The word taken apart. */
export interface ProgramWord {
  readonly program: string;
  /** What `-version` prints; the values of an unstamped build when absent. */
  readonly build: BuildStamp;
  /** Whether a build made this word: false when started from source. */
  readonly isBuilt: boolean;
  /** The launcher as its caller named it; absent where there is none. */
  readonly launcherPath: string | undefined;
}

const UNSTAMPED: BuildStamp = {
  version: "(unknown version)",
  buildTime: "19700101.000000",
};

/**
 * Takes the word apart. A launcher's path may itself hold an at sign.
 * @example
 * ```ts
 * import { parseProgramWord } from "./program_word.ts";
 * const word = parseProgramWord("gitlab-shell@v1.2-20260901.101112@/opt/x");
 * word.build.version; // "v1.2"
 * word.launcherPath; // "/opt/x"
 * ```
 */
export function parseProgramWord(word: string): ProgramWord {
  const [program = "", stamp, ...path] = word.split("@");
  const dash = stamp?.lastIndexOf("-") ?? -1;
  return {
    program,
    build: stamp !== undefined && dash >= 0
      ? { version: stamp.slice(0, dash), buildTime: stamp.slice(dash + 1) }
      : UNSTAMPED,
    isBuilt: stamp !== undefined,
    launcherPath: path.length > 0 ? path.join("@") : undefined,
  };
}
