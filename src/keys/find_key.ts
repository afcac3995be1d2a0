/**
 * Where a key stands in the managed file, whoever wrote the line.
 * @module
 */
import { openForReading } from "./edit_file.ts";
import { scanLines } from "./line_scan.ts";
import { ByteSearch } from "./byte_search.ts";
import { resolveTarget } from "./target_file.ts";

const LINES_MAX = 20;
const FORCED_ID = /^command="[^"]*? ([^" ]+)"/;
const decoder = new TextDecoder();

/** A line that has the key. */
export interface FoundLine {
  /** Counted from 1. */
  readonly line: number;
  /** Last word of its forced command; absent if it has none. */
  readonly id?: string;
}

/**
 * Finds the first 20 lines with a key; none if there is no file.
 * @param base64 The blob, padded.
 * @throws {KeyFileError} If the file cannot be read.
 */
export function findKeyInFile(authFile: string, base64: string): FoundLine[] {
  using file = openForReading(resolveTarget(authFile));
  const found: FoundLine[] = [];
  if (!file) return found;
  const blob = new TextEncoder().encode(base64.replace(/=+$/, ""));
  const search = new ByteSearch(blob);
  scanLines(file, ({ buffer, start, end, number }) => {
    const bytes = buffer.subarray(start, end);
    const at = search.indexIn(bytes, 0);
    if (at < 0) return true;
    const text = decoder.decode(bytes);
    const isWord = text.split(/[ \t\r]+/).some((word) =>
      word.replace(/=+$/, "") === base64.replace(/=+$/, "")
    );
    if (!isWord || text.trimStart().startsWith("#")) return true;
    const id = FORCED_ID.exec(text)?.[1];
    found.push({ line: number + 1, ...(id === undefined ? {} : { id }) });
    return found.length < LINES_MAX;
  });
  return found;
}
