/**
 * The environment of the process.
 * @module
 */

/**
 * The portable form runs with a home folder of its own, lest Deno read an
 * `.npmrc` from the caller's; its launcher puts the caller's under this name,
 * empty when there is none.
 */
const CALLER_HOME = "CALLER_HOME";

const REFUSAL = /^environment variable was not valid unicode: "(.*)"$/s;
/** What Rust writes for a character, or a byte, that it does not write as is. */
const ESCAPE = /\\(?:x([0-9A-F]{2})|u\{([0-9a-f]{1,6})\}|(.))/gs;
const NAMED_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["0", "\0"],
]);

/**
 * Reads a variable; each byte that is not UTF-8 becomes U+FFFD, as it does
 * where the Go programs walk through one.
 * @param get Deno's own function, or what stands in for it.
 * @returns `undefined` when it is not set, or not one of the program's.
 */
export function readVariable(
  name: string,
  get: (name: string) => string | undefined = Deno.env.get,
): string | undefined {
  if (name === "HOME") {
    const callerHome = readVariable(CALLER_HOME, get);
    if (callerHome !== undefined) return callerHome;
  }
  try {
    return get(name);
  } catch (error) {
    // Deno refuses a value that is not UTF-8, and quotes it in the refusal.
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    const quoted = REFUSAL.exec(error.message)?.[1];
    if (quoted === undefined) throw error;
    return decodeQuotedValue(quoted);
  }
}

/**
 * Takes back the escapes of a value that Rust's debug format has quoted.
 * @param quoted The text between the quotation marks.
 * @example
 * ```ts
 * import { decodeQuotedValue } from "./environment.ts";
 * decodeQuotedValue(String.raw`a\"\xFF\u{200b}`); // 'a"\uFFFD\u200B'
 * ```
 */
export function decodeQuotedValue(quoted: string): string {
  return quoted.replaceAll(ESCAPE, (_, byte, codePoint, other) => {
    if (byte !== undefined) return "\uFFFD";
    if (codePoint !== undefined) {
      return String.fromCodePoint(parseInt(codePoint, 16));
    }
    return NAMED_ESCAPES.get(other) ?? other;
  });
}
