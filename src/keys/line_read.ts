/**
 * Reading one line of a large file by its place.
 * @module
 */
import { LINE_BYTES_MAX } from "./line.ts";
import { type LineSpan, makeSpan, WHOLE_LINE_BYTES_MAX } from "./line_scan.ts";

const LF = 0x0a;
const HEAD_BYTES = 2 * LINE_BYTES_MAX;
const BACK_BYTES = 64 * 1024;

/**
 * Reads the line that starts at `offset`.
 * @returns Its head, up to 16 KiB, and its true length.
 */
export function readLineFrom(file: Deno.FsFile, offset: number): LineSpan {
  let buffer = readAt(file, offset, HEAD_BYTES);
  let lf = buffer.indexOf(LF);
  let lengthBytes = lf < 0 ? buffer.length : lf;
  for (let block = buffer; lf < 0 && block.length > 0;) {
    block = readAt(file, offset + lengthBytes, BACK_BYTES);
    lf = block.indexOf(LF);
    lengthBytes += lf < 0 ? block.length : lf;
  }
  buffer = buffer.subarray(0, Math.min(lengthBytes, buffer.length));
  return { ...makeSpan(buffer), offset, lengthBytes, isTerminated: lf >= 0 };
}

/**
 * Finds where the line around `offset` starts.
 * @returns `undefined` if that is more than 512 KiB away: no line of ours.
 */
export function findLineStart(
  file: Deno.FsFile,
  offset: number,
): number | undefined {
  let to = offset;
  while (to > 0 && offset - to <= WHOLE_LINE_BYTES_MAX) {
    const from = Math.max(0, to - BACK_BYTES);
    const lf = readAt(file, from, to - from).lastIndexOf(LF);
    if (lf >= 0) return from + lf + 1;
    to = from;
  }
  return to === 0 ? 0 : undefined;
}

/** Reads up to `sizeBytes` at `offset`; fewer only at the end of the file. */
export function readAt(
  file: Deno.FsFile,
  offset: number,
  sizeBytes: number,
): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  file.seekSync(offset, Deno.SeekMode.Start);
  let filled = 0;
  while (filled < sizeBytes) {
    const count = file.readSync(bytes.subarray(filled)) ?? 0;
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
