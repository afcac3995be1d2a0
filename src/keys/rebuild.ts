/**
 * Writing all managed lines anew from a list of records: everything or
 * nothing, foreign lines kept, in one pass over the input and fixed memory.
 * @module
 */
import {
  dropLaterRecords,
  noRepeats,
  RepeatPass,
  type Repeats,
} from "./drop_repeats.ts";
import type { EditSurroundings } from "./edit_file.ts";
import { LineSpool } from "./line_spool.ts";
import type { BitList } from "./bit_list.ts";
import { FileRegion, FileSink } from "./file_region.ts";
import { FileWriter, RangeCopier } from "./file_writer.ts";
import { classifyLine, type LineShape, MARKER_LINE } from "./line_class.ts";
import { RefusedLineError } from "./line.ts";
import { LineEncoder } from "./line_encoder.ts";
import { type LineSpan, scanLines } from "./line_scan.ts";
import type { NewFile } from "./new_file.ts";
import type { RecordRules } from "./record.ts";
import { RecordParser, type RecordSink } from "./record_stream.ts";
import { replaceKeyFile, type ReplaceParts } from "./replace_file.ts";

const LF_BYTES = new Uint8Array([0x0a]);
const MARKER_BYTES = new TextEncoder().encode(`${MARKER_LINE}\n`);

/** What a rebuild is told. */
export interface RebuildOptions {
  readonly shape: LineShape;
  readonly rules: RecordRules;
  /** Another root whose lines are dropped as our own are. */
  readonly adopted: LineShape | undefined;
  readonly mayBeEmpty: boolean;
  /** Whether a bad record is counted instead of ending it all. */
  readonly skipsInvalid: boolean;
  readonly read: ReadRecords;
}

/** Feeds the parser until the input ends. */
export type ReadRecords = (
  parser: RecordParser,
  counts: RebuildCounts,
) => Promise<void>;

/** What a rebuild did, or would do; read while it runs for its progress. */
export interface RebuildCounts {
  /** Records written so far; repeated ones go off at the end. */
  added: number;
  keptForeign: number;
  skipped: number;
  repeats: Repeats;
  /** The first bad record. */
  firstInvalid: string | undefined;
}

/**
 * Rebuilds the file. The caller holds the lock.
 * @throws {RefusedLineError} A record is bad; the file is as it was.
 * @throws {KeyFileError}
 */
export async function rebuildKeyFile(
  options: RebuildOptions,
  around: EditSurroundings,
): Promise<RebuildCounts> {
  const counts: RebuildCounts = {
    added: 0,
    keptForeign: 0,
    skipped: 0,
    repeats: noRepeats(),
    firstInvalid: undefined,
  };
  let managedFrom = 0;
  await replaceKeyFile({ ...around, mayCreate: true }, async (parts) => {
    const { out, previous } = parts;
    counts.keptForeign = writeHead(parts, options);
    const from = out.sizeBytes;
    if (previous) {
      // The input is spent; what it gave is in the file of the last try.
      const copier = new RangeCopier(previous.file, out);
      copier.copy(managedFrom, previous.out.sizeBytes - managedFrom);
      copier.finish();
    } else {
      await writeRecords(options, counts, parts);
    }
    managedFrom = from;
  });
  return counts;
}

/** Writes marker and foreign lines. @returns How many lines were kept. */
function writeHead(
  { source, out }: ReplaceParts,
  { shape, adopted }: RebuildOptions,
): number {
  out.write(MARKER_BYTES);
  if (!source) return 0;
  let kept = 0;
  let lacksLineEnd = false;
  const copier = new RangeCopier(source, out);
  scanLines(new FileRegion(source, 0), (line) => {
    const kind = classifyLine(line, shape);
    const isKept = kind === "foreign" ||
      kind === "other_root" &&
        !(adopted && classifyLine(line, adopted) === "managed");
    if (!isKept) return;
    copier.copy(line.offset, line.lengthBytes + (line.isTerminated ? 1 : 0));
    lacksLineEnd = !line.isTerminated;
    kept++;
  });
  copier.finish();
  if (lacksLineEnd) out.write(LF_BYTES);
  return kept;
}

async function writeRecords(
  options: RebuildOptions,
  counts: RebuildCounts,
  { out, draft }: ReplaceParts,
): Promise<void> {
  const pass = new RepeatPass(options.shape);
  // A dry run keeps the lines aside: repeated ones are found at the end.
  using spool = new LineSpool();
  const from = out.sizeBytes;
  const sink = makeSink(options, counts, (line) => {
    pass.note(line);
    if (!draft) return spool.add(line.buffer);
    out.write(line.buffer);
    out.write(LF_BYTES);
  });
  await options.read(new RecordParser(options.rules, sink), counts);
  if (counts.added === 0 && !options.mayBeEmpty) {
    throw new RefusedLineError("the input holds no keys; nothing was changed");
  }
  out.flush();
  const open = () =>
    draft ? new FileRegion(draft.file, from, out.sizeBytes) : spool.open();
  counts.repeats = dropLaterRecords(pass, open);
  counts.added -= counts.repeats.dropped.count;
  if (draft) removeLines(draft, from, counts.repeats.dropped);
}

/** Encodes records to lines, and counts them. */
function makeSink(
  { shape, skipsInvalid }: RebuildOptions,
  counts: RebuildCounts,
  onLine: (line: LineSpan) => void,
): RecordSink {
  const encoder = new LineEncoder(shape);
  return {
    onRecord(record) {
      const line = encoder.encode(record);
      counts.added++;
      onLine(line);
    },
    onInvalid(error) {
      if (!skipsInvalid) throw error;
      counts.skipped++;
      counts.firstInvalid ??= error.message;
    },
  };
}

/** Takes lines out of a file that nobody else sees yet. */
function removeLines(draft: NewFile, from: number, dropped: BitList): void {
  if (dropped.count === 0) return;
  const kept = new FileWriter(new FileSink(draft.file, from));
  const region = new FileRegion(draft.file, from, draft.out.sizeBytes);
  // The writer stays behind the reader: it writes no more than was read.
  scanLines(region, ({ buffer, start, end, number }) => {
    if (!dropped.has(number)) kept.write(buffer.subarray(start, end + 1));
  });
  kept.flush();
  draft.shrink(from + kept.sizeBytes);
}
