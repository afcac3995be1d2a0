/**
 * A table of 64-bit hashes with open addressing: each hash gets a number, its
 * place in the order of arrival, for arrays that hold what belongs to it.
 * @module
 */
import { mix } from "./key_hash.ts";

/** Hashes by number. */
export class HashTable {
  readonly #entriesMax: number;
  #hi: Uint32Array<ArrayBuffer>;
  #lo: Uint32Array<ArrayBuffer>;
  /** Entry number plus 1, or 0; its length is a power of two. */
  #slots: Int32Array<ArrayBuffer>;
  /** How many hashes are in it. */
  size = 0;

  /**
   * @param entriesMax Bound of `size`.
   * @param entriesExpected Room to begin with: what grows leaves its old
   * arrays behind, for the collector to find some time later.
   */
  constructor(entriesMax: number, entriesExpected = 1 << 10) {
    this.#entriesMax = entriesMax;
    this.#hi = new Uint32Array(entriesExpected);
    this.#lo = new Uint32Array(entriesExpected);
    let slots = 1 << 11;
    while (slots < entriesExpected * 2) slots *= 2;
    this.#slots = new Int32Array(slots);
  }

  /** Forgets all hashes and keeps the room for as many. */
  clear(): void {
    this.#slots.fill(0);
    this.size = 0;
  }

  /** @returns The number of the hash, or -1. */
  find(hi: number, lo: number): number {
    return (this.#slots[this.#slotOf(hi, lo)] ?? 0) - 1;
  }

  /**
   * Adds a hash unless it is there.
   * @returns Its number.
   * @throws {RangeError} If the table is full.
   */
  add(hi: number, lo: number): number {
    const slot = this.#slotOf(hi, lo);
    const known = this.#slots[slot] ?? 0;
    if (known > 0) return known - 1;
    if (this.size >= this.#entriesMax) {
      throw new RangeError(`Cannot hold more than ${this.#entriesMax} entries`);
    }
    const number = this.size++;
    if (number >= this.#hi.length) this.#grow();
    this.#hi[number] = hi;
    this.#lo[number] = lo;
    this.#slots[this.#slotOf(hi, lo)] = number + 1;
    return number;
  }

  #slotOf(hi: number, lo: number): number {
    const mask = this.#slots.length - 1;
    // Ids arrive as plain numbers, in order: unmixed they would cluster.
    for (let slot = mix(lo ^ mix(hi)) & mask;; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry < 0) return slot;
      if (this.#lo[entry] === lo >>> 0 && this.#hi[entry] === hi >>> 0) {
        return slot;
      }
    }
  }

  #grow(): void {
    const entries = Math.min(this.#hi.length * 2, this.#entriesMax);
    this.#hi = enlarge(this.#hi, entries);
    this.#lo = enlarge(this.#lo, entries);
    let slots = this.#slots.length;
    while (slots < entries * 2) slots *= 2;
    this.#slots = new Int32Array(slots);
    for (let number = 0; number < this.size - 1; number++) {
      const slot = this.#slotOf(this.#hi[number] ?? 0, this.#lo[number] ?? 0);
      this.#slots[slot] = number + 1;
    }
  }
}

function enlarge(
  words: Uint32Array<ArrayBuffer>,
  length: number,
): Uint32Array<ArrayBuffer> {
  const enlarged = new Uint32Array(length);
  enlarged.set(words);
  return enlarged;
}
