/**
 * 64-bit hashes of ids and keys, so that a million of them fit into typed
 * arrays. The hash is keyed with random words drawn per run: who uploads keys
 * must not be able to choose two that we would take for one.
 * @module
 */

const NUMBERED = [0x6b, 0x65, 0x79, 0x2d]; // "key-"
const DIGITS_MAX = 15;
const TEXT_BIT = 0x80000000;
const ZERO = 0x30;

/** Hashes with one secret key; the last hash is in `hi` and `lo`. */
export class KeyHasher {
  hi = 0;
  lo = 0;
  readonly #seed: Uint32Array;

  /** @param seed Four words; random ones when left out. */
  constructor(seed: Uint32Array = crypto.getRandomValues(new Uint32Array(4))) {
    this.#seed = seed;
  }

  /** Hashes `bytes` between the two positions. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    const seed = this.#seed;
    const leftFactor = (seed[0] ?? 0) | 1;
    const rightFactor = (seed[1] ?? 0) | 1;
    let left = (seed[2] ?? 0) ^ (end - start);
    let right = (seed[3] ?? 0) ^ (end - start);
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 |
        (bytes[at + 2] ?? 0) << 16 | (bytes[at + 3] ?? 0) << 24;
      left = Math.imul(left ^ word, leftFactor);
      left ^= left >>> 15;
      right = Math.imul(right ^ word, rightFactor);
      right ^= right >>> 13;
    }
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      left = Math.imul(left ^ byte, leftFactor);
      left ^= left >>> 15;
      right = Math.imul(right ^ byte, rightFactor);
      right ^= right >>> 13;
    }
    this.hi = mix(left);
    this.lo = mix(right);
  }

  /**
   * Maps an id to 64 bits. `key-<number>` maps to its number, which no other
   * id shares; whatever else matches the pattern is hashed to 63 bits.
   */
  mapId(bytes: Uint8Array, start: number, end: number): void {
    const number = readKeyNumber(bytes, start, end);
    if (number === undefined) {
      this.hash(bytes, start, end);
      this.hi = (this.hi | TEXT_BIT) >>> 0;
    } else {
      this.hi = Math.floor(number / 0x100000000);
      this.lo = number >>> 0;
    }
  }
}

/** Spreads the bits of a word; used to place one in a table. */
export function mix(word: number): number {
  let mixed = word | 0;
  mixed = Math.imul(mixed ^ mixed >>> 16, 0x7feb352d);
  mixed = Math.imul(mixed ^ mixed >>> 15, 0x846ca68b);
  return (mixed ^ mixed >>> 16) >>> 0;
}

/** @returns The number of `key-<number>` in its only spelling. */
function readKeyNumber(
  bytes: Uint8Array,
  start: number,
  end: number,
): number | undefined {
  const first = start + NUMBERED.length;
  const digits = end - first;
  if (digits < 1 || digits > DIGITS_MAX) return undefined;
  for (const [at, byte] of NUMBERED.entries()) {
    if (bytes[start + at] !== byte) return undefined;
  }
  if (bytes[first] === ZERO) return undefined;
  let number = 0;
  for (let at = first; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}
