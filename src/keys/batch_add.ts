/**
 * Adding many keys at once: all of them, or none. What the file holds already
 * is left alone, as with `add-key`.
 * @module
 */
import { BitList } from "./bit_list.ts";
import { LineHasher } from "./drop_repeats.ts";
import {
  type AddedLines,
  editKeyFile,
  type EditPlan,
  type EditSurroundings,
} from "./edit_file.ts";
import { RangeList } from "./range_list.ts";
import { FileRegion } from "./file_region.ts";
import type { FileWriter } from "./file_writer.ts";
import { HashTable } from "./hash_table.ts";
import { type LastLine, readLastLine } from "./last_line.ts";
import type { LineShape } from "./line_class.ts";
import { LineEncoder } from "./line_encoder.ts";
import { type LineSpan, scanLines } from "./line_scan.ts";
import { LineSpool } from "./line_spool.ts";
import { matchLines } from "./match_lines.ts";
import type { KeyRecord } from "./record.ts";

/** Keys whose owners are remembered, to warn of a second one: 16 MiB. */
const OWNERS_MAX = 500_000;
const EXAMPLES_MAX = 3;

/** What became, or in a dry run would become, of the batch. */
export interface BatchPlan extends EditPlan {
  readonly addedCount: number;
  /** Keys that sshd will find under another id first. */
  readonly otherIds: SharedKeys;
}

/** Keys that more than one id has. */
export interface SharedKeys {
  count: number;
  /** A few of the ids that come too late. */
  readonly examples: string[];
}

/** Records that wait until the last of them was found good. */
export class KeyBatch implements Disposable {
  readonly #shape: LineShape;
  readonly #encoder: LineEncoder;
  readonly #spool = new LineSpool();
  readonly #owners: KeyOwners;

  constructor(shape: LineShape) {
    this.#shape = shape;
    this.#encoder = new LineEncoder(shape);
    this.#owners = new KeyOwners(shape);
  }

  get count(): number {
    return this.#spool.count;
  }

  /** @throws {RefusedLineError} If the line would be too long. */
  add(record: KeyRecord): void {
    const line = this.#encoder.encode(record);
    this.#spool.add(line.buffer);
    this.#owners.add(line);
  }

  /**
   * Writes the batch. The caller holds the lock.
   * @throws {KeyFileError}
   */
  commit(around: EditSurroundings): BatchPlan {
    return editKeyFile({ ...around, mayCreate: true }, (file) => {
      const removed = new RangeList();
      const wanted = new BitList();
      const otherIds: SharedKeys = { count: 0, examples: [] };
      matchLines({
        shape: this.#shape,
        matchBy: "line",
        wantedCount: this.#spool.count,
        openWanted: () => this.#spool.open(),
        openFile: () => file && new FileRegion(file, 0),
      }, {
        onExtra: (line) => this.#owners.check(line, otherIds),
        onEqual: () => {},
        onDifferent: (line) => removed.add(line.offset, line.lengthBytes),
        onMissing: (number) => wanted.set(number),
        onRepeated: () => {},
      });
      removed.sort();
      this.#owners.checkOwn(otherIds);
      const tail = file
        ? readLastLine(file, this.#shape)
        : { lacksLineEnd: false };
      return this.#plan({ removed, wanted, tail, otherIds });
    });
  }

  [Symbol.dispose](): void {
    this.#spool[Symbol.dispose]();
  }

  #plan(
    { removed, wanted, tail, otherIds }: {
      removed: RangeList;
      wanted: BitList;
      tail: LastLine;
      otherIds: SharedKeys;
    },
  ): BatchPlan {
    if (tail.torn && removed.last()?.offset === tail.torn.offset) {
      removed.removeLast();
    }
    return {
      removed,
      added: this.#pickLines(wanted),
      ...tail,
      addedCount: wanted.count,
      otherIds,
    };
  }

  #pickLines(wanted: BitList): AddedLines | undefined {
    if (wanted.count === 0) return undefined;
    const forEach = (visit: (line: Uint8Array) => void) =>
      scanLines(this.#spool.open(), ({ buffer, start, end, number }) => {
        if (wanted.has(number)) visit(buffer.subarray(start, end + 1));
      });
    if (wanted.count > 1) {
      return {
        kind: "lines",
        write: (out: FileWriter) => forEach((line) => out.write(line)),
      };
    }
    let bytes = new Uint8Array();
    forEach((line) => bytes = line.slice());
    return { kind: "line", bytes };
  }
}

/** Remembers which id of the batch has which key. */
class KeyOwners {
  readonly #lines: LineHasher;
  readonly #blobs = new HashTable(OWNERS_MAX);
  readonly #own: SharedKeys = { count: 0, examples: [] };
  /** By key: the id, as 64 bits. */
  readonly #idHi = new Uint32Array(OWNERS_MAX);
  readonly #idLo = new Uint32Array(OWNERS_MAX);

  constructor(shape: LineShape) {
    this.#lines = new LineHasher(shape);
  }

  add(line: LineSpan): void {
    const { hasher } = this.#lines;
    this.#lines.read(line);
    this.#lines.hashId();
    const { hi: idHi, lo: idLo } = hasher;
    this.#lines.hashBlob();
    const known = this.#blobs.find(hasher.hi, hasher.lo);
    if (known < 0) {
      if (this.#blobs.size >= OWNERS_MAX) return;
      const number = this.#blobs.add(hasher.hi, hasher.lo);
      this.#idHi[number] = idHi;
      this.#idLo[number] = idLo;
    } else if (this.#idHi[known] !== idHi || this.#idLo[known] !== idLo) {
      note(this.#own, this.#lines.idText());
    }
  }

  /** Counts a line of the file whose key the batch gives to another id. */
  check(line: LineSpan, shared: SharedKeys): void {
    const { hasher } = this.#lines;
    this.#lines.read(line);
    this.#lines.hashBlob();
    if (this.#blobs.find(hasher.hi, hasher.lo) < 0) return;
    note(shared, this.#lines.idText());
  }

  /** Counts what is shared within the batch. */
  checkOwn(shared: SharedKeys): void {
    for (const id of this.#own.examples) note(shared, id);
    shared.count += this.#own.count - this.#own.examples.length;
  }
}

function note(shared: SharedKeys, id: string): void {
  shared.count++;
  if (shared.examples.length < EXAMPLES_MAX) shared.examples.push(id);
}
