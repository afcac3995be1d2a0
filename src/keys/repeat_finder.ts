/**
 * Finding the few ids and keys that occur twice among any number of them, in
 * fixed memory. A first pass fills a Bloom filter and notes what the filter
 * has seen before; only those are looked at in a second pass.
 * Source: B. H. Bloom, "Space/time trade-offs in hash coding", 1970.
 * @module
 */
import { HashTable } from "./hash_table.ts";
import { type KeyHasher, mix } from "./key_hash.ts";

/** 32 MiB: one false suspicion in a million keys, a few percent at 20 million. */
const FILTER_BITS_LOG2 = 28;
const FILTER_PROBES = 4;
/** Of those that repeat; each occupies 17 bytes, and table slots of 8. */
const SUSPECTS_MAX = 2_500_000;
const BLOB_DOMAIN = 0x5bd1e995;

/** Which of the two hashes of a key is meant. */
export type HashDomain = "id" | "blob";

/** The first pass. Nothing is known before all have been added. */
export class RepeatFinder {
  #filter: Uint32Array | undefined = new Uint32Array(
    1 << FILTER_BITS_LOG2 - 5,
  );
  /** Hashes that seem to occur more than once; `blob` hashes are marked. */
  readonly suspects = new HashTable(SUSPECTS_MAX);

  /**
   * Adds the hash that `hasher` holds.
   * @throws {RangeError} If more than 2.5 million repeat.
   */
  add({ hi, lo }: KeyHasher, domain: HashDomain): void {
    const high = markDomain(hi, domain);
    if (this.#testAndSet(high, lo)) this.suspects.add(high, lo);
  }

  /** Frees the filter. @returns Whether a second pass is needed. */
  finish(): boolean {
    this.#filter = undefined;
    return this.suspects.size > 0;
  }

  /** @returns The number of the suspect that `hasher` holds, or -1. */
  find({ hi, lo }: KeyHasher, domain: HashDomain): number {
    return this.suspects.find(markDomain(hi, domain), lo);
  }

  #testAndSet(hi: number, lo: number): boolean {
    const filter = this.#filter;
    if (!filter) throw new TypeError("Cannot add after finish()");
    const first = mix(hi ^ mix(lo));
    const step = mix(lo ^ 0x9e3779b9 ^ mix(hi)) | 1;
    let wasSeen = true;
    for (let probe = 0; probe < FILTER_PROBES; probe++) {
      const bit = (first + Math.imul(step, probe)) >>> 32 - FILTER_BITS_LOG2;
      const mask = 1 << (bit & 31);
      const word = filter[bit >>> 5] ?? 0;
      if ((word & mask) === 0) {
        wasSeen = false;
        filter[bit >>> 5] = word | mask;
      }
    }
    return wasSeen;
  }
}

function markDomain(hi: number, domain: HashDomain): number {
  return domain === "id" ? hi : (hi ^ BLOB_DOMAIN) >>> 0;
}
