/**
 * Lines of a file that may be larger than memory, one after the other, as
 * views into one buffer. Lines end at LF only; a CR belongs to its line.
 * @module
 */

/** What is read block by block: an open file, or bytes that imitate one. */
export interface BlockSource {
  /** @returns How many bytes were read; `null` or 0 at the end. */
  readSync(into: Uint8Array): number | null;
}

/** One line. The scanner reuses the object: copy what must outlive the visit. */
export interface LineSpan {
  buffer: Uint8Array;
  /** First byte of the line in `buffer`. */
  start: number;
  /** Behind the last byte in `buffer`, line end excluded. */
  end: number;
  /** Where the line starts in the source. */
  offset: number;
  /** Length in the source, line end excluded; above `end - start` if cut. */
  lengthBytes: number;
  /** Whether a line end follows. */
  isTerminated: boolean;
  /** Counted from 0. */
  number: number;
}

/** The line that `buffer` holds, without line end, as if it were scanned. */
export function makeSpan(buffer: Uint8Array): LineSpan {
  return {
    buffer,
    start: 0,
    end: buffer.length,
    offset: 0,
    lengthBytes: buffer.length,
    isTerminated: true,
    number: 0,
  };
}

/** Told of one line; `false` stops the scan. */
export type LineVisitor = (line: LineSpan) => boolean | void;

/** Bytes that are read at once. */
export const BLOCK_BYTES = 1 << 20;
/** Longest line that a visitor surely sees whole; of a longer one, the head. */
export const WHOLE_LINE_BYTES_MAX = BLOCK_BYTES >> 1;
const LF = 0x0a;

/** Visits every line of a source, from where it stands to its end. */
export function scanLines(source: BlockSource, visit: LineVisitor): void {
  const scanner = new LineScanner(source, visit);
  while (scanner.step());
}

/** Visits the lines of a source block by block. */
export class LineScanner {
  readonly #source: BlockSource;
  readonly #visit: LineVisitor;
  readonly #buffer = new Uint8Array(BLOCK_BYTES);
  readonly #line = makeSpan(this.#buffer);
  #filled = 0;
  /** Where the buffer's first byte is in the source. */
  #base = 0;
  /** Head of a line that outgrew the buffer, and where it started. */
  #head: { bytes: Uint8Array; offset: number } | undefined;

  constructor(source: BlockSource, visit: LineVisitor) {
    this.#source = source;
    this.#visit = visit;
  }

  /**
   * Reads one block and visits the lines that end in it; together they and
   * what was kept for them are at most 2 MiB.
   * @returns Whether there may be more.
   */
  step(): boolean {
    const searched = this.#filled;
    const free = this.#buffer.subarray(searched);
    const count = this.#source.readSync(free) ?? 0;
    if (count > 0) {
      this.#filled += count;
      return this.#visitEndedLines(searched);
    }
    if (this.#filled > 0 || this.#head) this.#emit(0, this.#filled, false);
    return false;
  }

  /** @returns Whether to go on. What has no line end yet stays in the buffer. */
  #visitEndedLines(searched: number): boolean {
    const bytes = this.#buffer.subarray(0, this.#filled);
    let start = 0;
    let found = bytes.indexOf(LF, searched);
    while (found >= 0) {
      if (!this.#emit(start, found, true)) return false;
      start = found + 1;
      found = bytes.indexOf(LF, start);
    }
    this.#buffer.copyWithin(0, start, this.#filled);
    this.#base += start;
    this.#filled -= start;
    if (this.#filled > WHOLE_LINE_BYTES_MAX) this.#dropLongLine();
    return true;
  }

  #dropLongLine(): void {
    this.#head ??= {
      bytes: this.#buffer.slice(0, this.#filled),
      offset: this.#base,
    };
    this.#base += this.#filled;
    this.#filled = 0;
  }

  #emit(start: number, end: number, isTerminated: boolean): boolean {
    const line = this.#line;
    const head = this.#head;
    line.buffer = head?.bytes ?? this.#buffer;
    line.start = head ? 0 : start;
    line.end = head ? head.bytes.length : end;
    line.offset = head ? head.offset : this.#base + start;
    line.lengthBytes = this.#base + end - line.offset;
    line.isTerminated = isTerminated;
    this.#head = undefined;
    const goesOn = this.#visit(line) !== false;
    line.number++;
    return goesOn;
  }
}
