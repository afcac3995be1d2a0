/**
 * Finding constant bytes in a file that may be larger than memory. A needle as
 * long as ours lets the search look at one byte in fifty, which is why a key is
 * added to a million others in a fraction of a second.
 * Source: R. N. Horspool, "Practical fast searching in strings", 1980.
 * @module
 */
import { BLOCK_BYTES, type BlockSource } from "./line_scan.ts";

/** A needle, prepared once. */
export class ByteSearch {
  readonly needle: Uint8Array;
  /** By the byte under the needle's end: how far the needle may move. */
  readonly #shift: Int32Array;

  /** @throws {RangeError} If the needle is empty. */
  constructor(needle: Uint8Array) {
    if (needle.length === 0) throw new RangeError("Cannot search for nothing");
    this.needle = needle;
    this.#shift = new Int32Array(256).fill(needle.length);
    const last = needle.length - 1;
    for (let at = 0; at < last; at++) this.#shift[needle[at] ?? 0] = last - at;
  }

  /**
   * Finds the first needle in `bytes` that starts at `from` or behind.
   * @returns Its start, or -1.
   */
  indexIn(bytes: Uint8Array, from: number): number {
    const { needle } = this;
    const shift = this.#shift;
    const last = needle.length - 1;
    const lastByte = needle[last];
    for (let at = from + last; at < bytes.length;) {
      const byte = bytes[at] ?? 0;
      if (byte === lastByte) {
        let back = last - 1;
        while (back >= 0 && bytes[at - last + back] === needle[back]) back--;
        if (back < 0) return at - last;
      }
      at += shift[byte] ?? 1;
    }
    return -1;
  }
}

/** One needle in the haystack. */
export interface NeedleHit {
  /** Which needle, by its place in the list. */
  readonly needle: number;
  /** Where it starts in the source. */
  readonly offset: number;
  /** The byte behind it, if it happens to be in the same block. */
  readonly after: number | undefined;
}

/**
 * Finds every needle in a source, from where it stands to its end. Needles of
 * one kind are told in order and do not overlap.
 * @returns How many bytes were read.
 */
export function searchNeedles(
  source: BlockSource,
  searches: readonly ByteSearch[],
  visit: (hit: NeedleHit) => void,
): number {
  const buffer = new Uint8Array(BLOCK_BYTES);
  const keptMax = Math.max(...searches.map(({ needle }) => needle.length)) - 1;
  // Per needle, where the next one may start in the source.
  const next = searches.map(() => 0);
  let base = 0;
  let filled = 0;
  for (;;) {
    const count = source.readSync(buffer.subarray(filled)) ?? 0;
    if (count === 0) return base + filled;
    filled += count;
    const bytes = buffer.subarray(0, filled);
    for (const [index, search] of searches.entries()) {
      let from = Math.max(0, (next[index] ?? 0) - base);
      for (;;) {
        const found = search.indexIn(bytes, from);
        if (found < 0) break;
        from = found + search.needle.length;
        visit({ needle: index, offset: base + found, after: bytes[from] });
        next[index] = base + from;
      }
    }
    // A needle may be cut by the end of the block.
    const kept = Math.min(keptMax, filled);
    buffer.copyWithin(0, filled - kept, filled);
    base += filled - kept;
    filled = kept;
  }
}
