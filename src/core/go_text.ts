/**
 * Text rules of Go that users and log readers can see.
 * Source: Go, package strconv (Quote) and package unicode (White_Space).
 * @module
 */

// No pattern is made while this file loads: every program loads it, and a
// pattern with Unicode classes costs half a millisecond there.

/** Removes Go's white space from both ends. */
export function trimGoSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isGoSpace(text.charAt(start))) start++;
  while (end > start && isGoSpace(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether one character is white space, in Go's sense. */
export function isGoSpace(char: string): boolean {
  // U+0085 counts as white space for Go and not for String.prototype.trim();
  // U+FEFF the other way round.
  return char === "\u0085" || (char !== "\ufeff" && char.trim() === "");
}

/** Whether `text` is empty or white space only, in Go's sense. */
export function isGoBlank(text: string): boolean {
  return trimGoSpace(text) === "";
}

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** Printable ASCII but for quote and backslash, which needs no look at Unicode. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/;

/**
 * Quotes as Go's `%q` does.
 * @example
 * ```ts
 * import { quoteGo } from "./go_text.ts";
 * quoteGo('a "b"\n'); // "\"a \\\"b\\\"\\n\""
 * ```
 */
export function quoteGo(text: string): string {
  if (PLAIN_TEXT.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const char of text) quoted += SHORT_ESCAPES.get(char) ?? escape(char);
  return quoted + '"';
}

/**
 * Made of text when it is first used: V8 reads a literal with classes of
 * Unicode as soon as it reads the file, which takes 0.6 ms of every start.
 */
let printable: RegExp | undefined;

function escape(char: string): string {
  printable ??= new RegExp("^[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S} ]$", "u");
  if (printable.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

const HTML_ESCAPES = /[<>&\u2028\u2029]/g;

/**
 * JSON text as Go's encoder writes it: `<`, `>`, `&` and the two line
 * separators escaped, which `JSON.stringify` leaves alone. Lone surrogates
 * become U+FFFD, as invalid UTF-8 does in Go.
 */
export function stringifyGoJson(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_, item) => typeof item === "string" ? item.toWellFormed() : item,
  );
  return text.replace(
    HTML_ESCAPES,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
