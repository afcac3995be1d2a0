/**
 * Commands that leave lines out of the managed file: `clear`, `compact` and
 * `dedupe`. Everything else stays byte for byte, in place and order.
 * @module
 */
import { dropRepeatedLines, noRepeats, type Repeats } from "./drop_repeats.ts";
import type { EditSurroundings } from "./edit_file.ts";
import { FileRegion } from "./file_region.ts";
import { RangeCopier } from "./file_writer.ts";
import {
  classifyLine,
  type LineClass,
  type LineShape,
  MARKER_LINE,
} from "./line_class.ts";
import { type LineSpan, scanLines } from "./line_scan.ts";
import { replaceKeyFile, type ReplaceParts } from "./replace_file.ts";

const MARKER_BYTES = new TextEncoder().encode(`${MARKER_LINE}\n`);

/** What was left out, or in a dry run would be. */
export interface ShrinkCounts {
  readonly keptLines: number;
  readonly droppedLines: number;
  /** Line ends included. */
  readonly droppedBytes: number;
}

/** Empties the file but for the marker, and foreign lines if they are wanted. */
export function clearKeyFile(
  shape: LineShape,
  keepsForeign: boolean,
  around: EditSurroundings,
): Promise<ShrinkCounts> {
  return replaceKeyFile({ ...around, mayCreate: true }, (parts) => {
    parts.out.write(MARKER_BYTES);
    return copyLines(
      parts,
      shape,
      (_, kind) =>
        keepsForeign && (kind === "foreign" || kind === "other_root"),
    );
  });
}

/** Leaves out removed lines. */
export function compactKeyFile(
  shape: LineShape,
  around: EditSurroundings,
): Promise<ShrinkCounts> {
  return replaceKeyFile(
    { ...around, mayCreate: false },
    (parts) => copyLines(parts, shape, (_, kind) => kind !== "tombstone"),
  );
}

/** Leaves out lines whose id or key another line has. */
export function dedupeKeyFile(
  shape: LineShape,
  around: EditSurroundings,
): Promise<ShrinkCounts & { repeats: Repeats }> {
  return replaceKeyFile({ ...around, mayCreate: false }, (parts) => {
    const { source } = parts;
    const repeats = source
      ? dropRepeatedLines(shape, () => new FileRegion(source, 0))
      : noRepeats();
    const counts = copyLines(
      parts,
      shape,
      ({ number }) => !repeats.dropped.has(number),
    );
    return { ...counts, repeats };
  });
}

function copyLines(
  { source, out }: ReplaceParts,
  shape: LineShape,
  keeps: (line: LineSpan, kind: LineClass) => boolean,
): ShrinkCounts {
  const counts = { keptLines: 0, droppedLines: 0, droppedBytes: 0 };
  if (!source) return counts;
  const copier = new RangeCopier(source, out);
  scanLines(new FileRegion(source, 0), (line) => {
    const sizeBytes = line.lengthBytes + (line.isTerminated ? 1 : 0);
    if (keeps(line, classifyLine(line, shape))) {
      copier.copy(line.offset, sizeBytes);
      counts.keptLines++;
    } else {
      counts.droppedLines++;
      counts.droppedBytes += sizeBytes;
    }
  });
  copier.finish();
  return counts;
}
