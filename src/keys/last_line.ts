/**
 * How a managed file ends. A crash, or an editor, may leave a last line
 * without line end; gluing the next line to it would destroy both.
 * @module
 */
import {
  classifyLine,
  type LineShape,
  parseManagedLine,
} from "./line_class.ts";
import { findLineStart, readAt, readLineFrom } from "./line_read.ts";
import type { LineSpan } from "./line_scan.ts";
import { inspectKey } from "./public_key.ts";
import type { Range } from "./range_list.ts";

const LF = 0x0a;

/** How a file ends. */
export interface LastLine {
  readonly lacksLineEnd: boolean;
  /** Set if the last line is one of ours that was cut in the middle. */
  readonly torn?: Range;
}

/** Looks at the end of a file. */
export function readLastLine(file: Deno.FsFile, shape: LineShape): LastLine {
  const sizeBytes = file.statSync().size;
  if (sizeBytes === 0) return { lacksLineEnd: false };
  if (readAt(file, sizeBytes - 1, 1)[0] === LF) return { lacksLineEnd: false };
  const offset = findLineStart(file, sizeBytes);
  if (offset === undefined) return { lacksLineEnd: true };
  const line = readLineFrom(file, offset);
  if (!isTornLine(line, shape)) return { lacksLineEnd: true };
  const { lengthBytes } = line;
  return { lacksLineEnd: true, torn: { offset, lengthBytes } };
}

/** Whether an unterminated line is the beginning of one that we would write. */
function isTornLine(line: LineSpan, shape: LineShape): boolean {
  if (classifyLine(line, shape) !== "managed") return false;
  const parts = parseManagedLine(line, shape);
  if (!parts.hasOurOptions) {
    // Cut within the options, or written by hand with others.
    const rest = line.buffer.subarray(parts.idEnd, line.end);
    return shape.middle.length > rest.length &&
      rest.every((byte, at) => byte === shape.middle[at]);
  }
  if (parts.keyStart === parts.keyEnd) return true;
  const { form } = inspectKey(line.buffer, parts.keyStart, parts.keyEnd);
  return form === "torn";
}
