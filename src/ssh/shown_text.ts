/**
 * Text of a client in records: whoever sends it chooses it, and a message has
 * room for 35,000 bytes of it.
 * @module
 */

const SHOWN_CHARS_MAX = 128;

/** The beginning of `text`, whole characters, with a mark where it was cut. */
export function shorten(text: string, charsMax = SHOWN_CHARS_MAX): string {
  if (text.length <= charsMax) return text;
  return `${text.slice(0, charsMax).toWellFormed()}…`;
}
