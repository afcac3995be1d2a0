/**
 * Matching the lines of a file against lines that ought to be there, by id, in
 * bounded memory: a list too long for one table is matched in several rounds.
 * @module
 */
import { HashTable } from "./hash_table.ts";
import { KeyHasher } from "./key_hash.ts";
import {
  classifyLine,
  type LineShape,
  parseManagedLine,
} from "./line_class.ts";
import { type BlockSource, type LineSpan, scanLines } from "./line_scan.ts";
import { findKeyWords } from "./public_key.ts";

/** Entries of one round's table. */
const ROUND_ENTRIES_MAX = 1_500_000;

/** What counts as the same line. `key` ignores the comment. */
export type MatchBy = "line" | "key";

/** The two sides of a match. */
export interface MatchSides {
  readonly shape: LineShape;
  readonly matchBy: MatchBy;
  /** How many lines there are to be; decides the number of rounds. */
  readonly wantedCount: number;
  /** How many of them are matched at once; about 50 MiB when left out. */
  readonly roundEntriesMax?: number;
  /** Opens the lines that ought to be there; of one id the last counts. */
  openWanted(): BlockSource;
  /** Opens the file from its start; `undefined` if there is none. */
  openFile(): BlockSource | undefined;
}

/** Told of every managed line of the file, and of every wanted one. */
export interface MatchVisitor {
  /** Nobody wants the id. */
  onExtra(line: LineSpan): void;
  /** The id is wanted with this very content; `isFirst` of several such. */
  onEqual(line: LineSpan, isFirst: boolean): void;
  /** The id is wanted, but not like this. */
  onDifferent(line: LineSpan): void;
  /**
   * No line of the file is equal.
   * @param wanted Number of the wanted line.
   * @param isAltered Whether there was a different one.
   */
  onMissing(wanted: number, isAltered: boolean): void;
  /** Wanted twice; the earlier one does not count. */
  onRepeated(wanted: number): void;
}

const IS_EQUAL = 1;
const IS_DIFFERENT = 2;

/** Matches both sides. Within a round, the file's lines come in their order. */
export function matchLines(sides: MatchSides, visitor: MatchVisitor): void {
  const { wantedCount, roundEntriesMax = ROUND_ENTRIES_MAX } = sides;
  const rounds = Math.max(1, Math.ceil(wantedCount / roundEntriesMax));
  const match = new LineMatch(sides, visitor, rounds);
  for (let round = 0; round < rounds; round++) match.run(round);
}

class LineMatch {
  readonly #sides: MatchSides;
  readonly #visitor: MatchVisitor;
  #round = 0;
  readonly #rounds: number;
  readonly #ids: HashTable;
  readonly #idHasher = new KeyHasher();
  readonly #contentHasher = new KeyHasher();
  #contentHi: Uint32Array;
  #contentLo: Uint32Array;
  #numbers: Float64Array;
  #seen: Uint8Array;

  constructor(sides: MatchSides, visitor: MatchVisitor, rounds: number) {
    this.#sides = sides;
    this.#visitor = visitor;
    this.#rounds = rounds;
    // Ids spread evenly over the rounds, or nearly so.
    const expected = Math.ceil(sides.wantedCount / rounds * 1.02) + 64;
    this.#ids = new HashTable(2 * ROUND_ENTRIES_MAX, expected);
    this.#contentHi = new Uint32Array(expected);
    this.#contentLo = new Uint32Array(expected);
    this.#numbers = new Float64Array(expected);
    this.#seen = new Uint8Array(expected);
  }

  run(round: number): void {
    this.#round = round;
    this.#ids.clear();
    this.#seen.fill(0);
    scanLines(this.#sides.openWanted(), (line) => {
      if (this.#isOfRound(line)) this.#want(line);
    });
    const file = this.#sides.openFile();
    if (file) {
      scanLines(file, (line) => {
        if (classifyLine(line, this.#sides.shape) !== "managed") return;
        if (this.#isOfRound(line)) this.#meet(line);
      });
    }
    for (let entry = 0; entry < this.#ids.size; entry++) {
      const seen = this.#seen[entry] ?? 0;
      if ((seen & IS_EQUAL) !== 0) continue;
      const isAltered = (seen & IS_DIFFERENT) !== 0;
      this.#visitor.onMissing(this.#numbers[entry] ?? 0, isAltered);
    }
  }

  /** Leaves the hash of the id in the hasher. */
  #isOfRound(line: LineSpan): boolean {
    const { idStart, idEnd } = parseManagedLine(line, this.#sides.shape);
    this.#idHasher.mapId(line.buffer, idStart, idEnd);
    return this.#rounds === 1 ||
      this.#idHasher.lo % this.#rounds === this.#round;
  }

  #want(line: LineSpan): void {
    const { hi, lo } = this.#idHasher;
    const known = this.#ids.size;
    const entry = this.#ids.add(hi, lo);
    if (entry < known) this.#visitor.onRepeated(this.#numbers[entry] ?? 0);
    if (entry >= this.#numbers.length) this.#grow();
    this.#hashContent(line);
    this.#contentHi[entry] = this.#contentHasher.hi;
    this.#contentLo[entry] = this.#contentHasher.lo;
    this.#numbers[entry] = line.number;
  }

  #meet(line: LineSpan): void {
    const entry = this.#ids.find(this.#idHasher.hi, this.#idHasher.lo);
    if (entry < 0) return this.#visitor.onExtra(line);
    const isComparable = this.#hashContent(line);
    const isEqual = isComparable &&
      this.#contentHi[entry] === this.#contentHasher.hi &&
      this.#contentLo[entry] === this.#contentHasher.lo;
    const seen = this.#seen[entry] ?? 0;
    this.#seen[entry] = seen | (isEqual ? IS_EQUAL : IS_DIFFERENT);
    if (!isEqual) return this.#visitor.onDifferent(line);
    this.#visitor.onEqual(line, (seen & IS_EQUAL) === 0);
  }

  /** @returns Whether the line can be equal to one of ours at all. */
  #hashContent(line: LineSpan): boolean {
    const { shape, matchBy } = this.#sides;
    const { hasOurOptions, keyStart, keyEnd } = parseManagedLine(line, shape);
    const words = findKeyWords(line.buffer, keyStart, keyEnd);
    const start = matchBy === "key" ? words.typeStart : keyStart;
    const end = matchBy === "key" ? words.blobEnd : keyEnd;
    this.#contentHasher.hash(line.buffer, start, end);
    return hasOurOptions && line.lengthBytes === line.end - line.start;
  }

  #grow(): void {
    const length = this.#numbers.length * 2;
    const grow = <Words extends Uint32Array | Float64Array | Uint8Array>(
      from: Words,
      to: Words,
    ) => (to.set(from), to);
    this.#contentHi = grow(this.#contentHi, new Uint32Array(length));
    this.#contentLo = grow(this.#contentLo, new Uint32Array(length));
    this.#numbers = grow(this.#numbers, new Float64Array(length));
    this.#seen = grow(this.#seen, new Uint8Array(length));
  }
}
