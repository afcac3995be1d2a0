/**
 * Failures of the file system in words for an operator.
 * @module
 */
import { errorText } from "../core/errors.ts";

/** The managed file, its lock or its directory cannot be used. */
export class KeyFileError extends Error {
  override name = "KeyFileError";
}

/**
 * The system's own words, without the call and the path that Deno appends.
 * @example
 * ```ts
 * import { systemErrorText } from "./file_error.ts";
 * systemErrorText(new Error("Not a directory (os error 20): open 'x'")); // "Not a directory"
 * ```
 */
export function systemErrorText(error: unknown): string {
  return errorText(error).replace(/ \(os error \d+\).*$/s, "");
}

/**
 * Runs one step on the file system.
 * @param doing What fails, as in `could not open /x`.
 * @throws {KeyFileError} `<doing>: <system error>`.
 */
export function attempt<T>(doing: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (cause instanceof KeyFileError) throw cause;
    throw new KeyFileError(`${doing}: ${systemErrorText(cause)}`, { cause });
  }
}
