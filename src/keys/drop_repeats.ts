/**
 * Which lines repeat an id or a key that another line has.
 * @module
 */
import { BitList } from "./bit_list.ts";
import { KeyHasher } from "./key_hash.ts";
import {
  classifyLine,
  type LineShape,
  type ManagedParts,
  parseManagedLine,
} from "./line_class.ts";
import { type BlockSource, type LineSpan, scanLines } from "./line_scan.ts";
import { findKeyWords } from "./public_key.ts";
import { RepeatFinder } from "./repeat_finder.ts";

const PADDING = 0x3d;
const EXAMPLES_MAX = 10;
const decoder = new TextDecoder();

/** What is to be dropped, by line number. */
export interface Repeats {
  readonly dropped: BitList;
  /** Lines dropped because their id has another line. */
  ids: number;
  /** Lines dropped because their key has another line. */
  keys: number;
  /** Ids of the first few of them. */
  readonly examples: string[];
}

/** Hashes managed lines, one after the other. */
export class LineHasher {
  readonly hasher = new KeyHasher();
  readonly #shape: LineShape;
  #line: LineSpan | undefined;
  #parts: ManagedParts | undefined;

  constructor(shape: LineShape) {
    this.#shape = shape;
  }

  /** Turns to a managed line. */
  read(line: LineSpan): void {
    this.#line = line;
    this.#parts = parseManagedLine(line, this.#shape);
  }

  /** Leaves the hash of the line's id in `hasher`. */
  hashId(): void {
    const { buffer, parts } = this.#present();
    this.hasher.mapId(buffer, parts.idStart, parts.idEnd);
  }

  /** Leaves the hash of the line's key blob in `hasher`. */
  hashBlob(): void {
    const { buffer, parts } = this.#present();
    const words = findKeyWords(buffer, parts.keyStart, parts.keyEnd);
    const hasBlob = words.blobEnd > words.blobStart;
    const start = hasBlob ? words.blobStart : words.typeStart;
    let end = hasBlob ? words.blobEnd : words.typeEnd;
    while (end > start && buffer[end - 1] === PADDING) end--;
    this.hasher.hash(buffer, start, end);
  }

  /** The id of the line. */
  idText(): string {
    const { buffer, parts } = this.#present();
    return decoder.decode(buffer.subarray(parts.idStart, parts.idEnd));
  }

  #present(): { buffer: Uint8Array; parts: ManagedParts } {
    if (!this.#line || !this.#parts) throw new TypeError("Cannot hash nothing");
    return { buffer: this.#line.buffer, parts: this.#parts };
  }
}

/** The first pass over lines, one at a time. */
export class RepeatPass {
  readonly lines: LineHasher;
  readonly #finder = new RepeatFinder();
  constructor(shape: LineShape) {
    this.lines = new LineHasher(shape);
  }
  /** Takes note of a managed line. */
  note(line: LineSpan): void {
    this.lines.read(line);
    this.lines.hashId();
    this.#finder.add(this.lines.hasher, "id");
    this.lines.hashBlob();
    this.#finder.add(this.lines.hasher, "blob");
  }
  /** @returns The suspects, or `undefined` if nothing repeats. */
  finish(): RepeatFinder | undefined {
    return this.#finder.finish() ? this.#finder : undefined;
  }
}

/**
 * Decides for a list of records: whoever comes first has the id and the key.
 * @param pass The pass that noted every line of `source`.
 * @param source The same lines again, all of them managed.
 */
export function dropLaterRecords(
  pass: RepeatPass,
  source: () => BlockSource,
): Repeats {
  const repeats = noRepeats();
  const finder = pass.finish();
  if (!finder) return repeats;
  const { lines } = pass;
  const isTaken = new Uint8Array(finder.suspects.size);
  scanLines(source(), (line) => {
    lines.read(line);
    lines.hashId();
    const id = finder.find(lines.hasher, "id");
    lines.hashBlob();
    const blob = finder.find(lines.hasher, "blob");
    if (id >= 0 && isTaken[id] === 1) repeats.ids++;
    else if (blob >= 0 && isTaken[blob] === 1) repeats.keys++;
    else {
      if (id >= 0) isTaken[id] = 1;
      if (blob >= 0) isTaken[blob] = 1;
      return;
    }
    drop(repeats, line, lines);
  });
  return repeats;
}

/**
 * Decides for a file that grew: of an id with several keys the last line is
 * the newest; of a key with several ids sshd uses the first.
 * @param source The file from its start; called for each pass.
 */
export function dropRepeatedLines(
  shape: LineShape,
  source: () => BlockSource,
): Repeats {
  const repeats = noRepeats();
  const pass = new RepeatPass(shape);
  const { lines } = pass;
  const scanManaged = (visit: (line: LineSpan) => void) =>
    scanLines(source(), (line) => {
      if (classifyLine(line, shape) === "managed") visit(line);
    });
  scanManaged((line) => pass.note(line));
  const finder = pass.finish();
  if (!finder) return repeats;
  const { size } = finder.suspects;
  const newest = { hi: new Uint32Array(size), lo: new Uint32Array(size) };
  const isTaken = new Uint8Array(size);
  const readBoth = (line: LineSpan) => {
    lines.read(line);
    lines.hashId();
    const id = finder.find(lines.hasher, "id");
    lines.hashBlob();
    const { hi, lo } = lines.hasher;
    return { id, blob: finder.find(lines.hasher, "blob"), hi, lo };
  };
  scanManaged((line) => {
    const { id, hi, lo } = readBoth(line);
    if (id >= 0) [newest.hi[id], newest.lo[id]] = [hi, lo];
  });
  scanManaged((line) => {
    const { id, blob, hi, lo } = readBoth(line);
    const isOld = id >= 0 && (newest.hi[id] !== hi || newest.lo[id] !== lo);
    if (isOld || id >= 0 && isTaken[id] === 1) repeats.ids++;
    else if (blob >= 0 && isTaken[blob] === 1) repeats.keys++;
    else {
      if (id >= 0) isTaken[id] = 1;
      if (blob >= 0) isTaken[blob] = 1;
      return;
    }
    drop(repeats, line, lines);
  });
  return repeats;
}

/** Nothing to drop. */
export function noRepeats(): Repeats {
  return { dropped: new BitList(), ids: 0, keys: 0, examples: [] };
}

function drop(repeats: Repeats, line: LineSpan, lines: LineHasher): void {
  repeats.dropped.set(line.number);
  if (repeats.examples.length < EXAMPLES_MAX) {
    repeats.examples.push(lines.idText());
  }
}
