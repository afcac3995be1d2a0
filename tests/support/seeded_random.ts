/**
 * Numbers that look random and are the same in every run, so that a failure
 * can be run again. xorshift32.
 * @module
 */

/** A source of such numbers. */
export class SeededRandom {
  #state: number;

  /** @param seed Any integer but 0. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 up to but without `limit`. */
  below(limit: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % limit;
  }

  /** One of `items`. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("Cannot pick from nothing");
    return item;
  }

  /** `sizeBytes` bytes. */
  bytes(sizeBytes: number): Uint8Array {
    return Uint8Array.from({ length: sizeBytes }, () => this.below(256));
  }
}
