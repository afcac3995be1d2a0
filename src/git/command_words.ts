/**
 * The words of a session's command, once split.
 * Source: GitLab Shell 14.56.1, command line parsing.
 * @module
 */
import { splitCommandLine } from "./command_line.ts";

/**
 * Splits the command line and joins the two-word form, `git upload-pack x`, to
 * the one-word form that Git clients send.
 * @returns The words; none for a blank command.
 * @throws {CommandLineError} If the line cannot be split.
 * @example
 * ```ts
 * import { parseCommandWords } from "./command_words.ts";
 * parseCommandWords("git upload-pack x"); // ["git-upload-pack", "x"]
 * ```
 */
export function parseCommandWords(commandLine: string): string[] {
  const words = splitCommandLine(commandLine);
  const [first, second, ...rest] = words;
  if (first !== "git" || second === undefined) return words;
  return [`git-${second}`, ...rest];
}
