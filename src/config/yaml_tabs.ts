/**
 * Finds tabs that indent. The package takes them for spaces of no width, so
 * that `sshd:` above a tab reads as it was meant; Go refuses the file, and an
 * installation whose file only one of the two reads cannot be switched back.
 * Source: YAML 1.2, section 6.1; gopkg.in/yaml.v3 3.0.1 (scanner).
 * @module
 */
import { parse } from "@std/yaml/parse";

const TABBED_LINE = /^ *\t[ \t]*(?=[^\s#])/gm;
// Legal in YAML, and part of no file.
const MARK = "\ue001";

/**
 * The first line that a tab indents.
 * @param text A document that the package accepts.
 * @returns From 1, or 0 if there is none. Tabs within brackets, quotes and
 * blocks of text are none.
 */
export function findTabIndentation(text: string): number {
  for (const { index, 0: indent } of text.matchAll(TABBED_LINE)) {
    if (!isComplete(text.slice(0, index))) continue;
    const at = index + indent.length;
    const marked = text.slice(0, at) + MARK + text.slice(at);
    if (shapeOf(marked) === shapeOf(text)) continue;
    return text.slice(0, index).split("\n").length;
  }
  return 0;
}

/** Whether no bracket and no quote is open at the end of `text`. */
function isComplete(text: string): boolean {
  try {
    parse(text, { schema: "failsafe", allowDuplicateKeys: true });
    return true;
  } catch {
    return false;
  }
}

/** Keys and nesting of a document, without its scalars. */
function shapeOf(text: string): string {
  try {
    const seen = new Set<unknown>();
    const options = { schema: "failsafe", allowDuplicateKeys: true } as const;
    return JSON.stringify(parse(text, options), (_, value: unknown) => {
      if (typeof value !== "object" || value === null) return 0;
      // An alias is the same object again.
      if (seen.has(value)) return 1;
      seen.add(value);
      return value;
    });
  } catch {
    return "broken";
  }
}
