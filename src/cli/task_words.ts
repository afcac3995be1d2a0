/**
 * Words of a task. `deno task` passes on the `--` that users of npm put before
 * them, and behind it options would count as plain words. Pure.
 * @module
 */

/**
 * Takes a leading `--` off.
 * @example
 * ```ts
 * import { taskWords } from "./task_words.ts";
 * taskWords(["--", "--keep"]); // ["--keep"]
 * ```
 */
export function taskWords(args: readonly string[]): string[] {
  return args.slice(args[0] === "--" ? 1 : 0);
}
