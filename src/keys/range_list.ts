/**
 * Ranges of bytes in a file: 16 bytes each, as there may be a million.
 * @module
 */

/** One range. */
export interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Ranges of a file that do not overlap. */
export class RangeList implements Iterable<Range> {
  #offsets = new Float64Array(64);
  #lengths = new Float64Array(64);
  /** How many there are. */
  count = 0;

  add(offset: number, lengthBytes: number): void {
    if (this.count === this.#offsets.length) this.#grow();
    this.#offsets[this.count] = offset;
    this.#lengths[this.count] = lengthBytes;
    this.count++;
  }

  /** The range that was added last; `undefined` if there is none. */
  last(): Range | undefined {
    return this.count === 0 ? undefined : this.#at(this.count - 1);
  }

  removeLast(): void {
    if (this.count > 0) this.count--;
  }

  /** Puts the ranges into ascending order, if they were added in several rounds. */
  sort(): void {
    const offsets = this.#offsets.subarray(0, this.count);
    if (offsets.every((offset, at) => offset >= (offsets[at - 1] ?? 0))) return;
    const order = Uint32Array.from(offsets.keys()).sort((left, right) =>
      (offsets[left] ?? 0) - (offsets[right] ?? 0)
    );
    this.#offsets = Float64Array.from(order, (at) => offsets[at] ?? 0);
    const lengths = this.#lengths;
    this.#lengths = Float64Array.from(order, (at) => lengths[at] ?? 0);
  }

  *[Symbol.iterator](): Generator<Range> {
    for (let at = 0; at < this.count; at++) yield this.#at(at);
  }

  #at(index: number): Range {
    return {
      offset: this.#offsets[index] ?? 0,
      lengthBytes: this.#lengths[index] ?? 0,
    };
  }

  #grow(): void {
    const length = this.count * 2;
    const [offsets, lengths] = [this.#offsets, this.#lengths];
    this.#offsets = new Float64Array(length);
    this.#offsets.set(offsets);
    this.#lengths = new Float64Array(length);
    this.#lengths.set(lengths);
  }
}
