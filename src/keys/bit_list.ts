/**
 * A list of bits that grows, for marking lines by number.
 * @module
 */

const WORD_BITS = 32;

/** Bits by number; all are clear at first. */
export class BitList {
  #words = new Uint32Array(1 << 10);
  /** How many bits are set. */
  count = 0;

  has(number: number): boolean {
    const word = this.#words[Math.floor(number / WORD_BITS)] ?? 0;
    return (word >>> number % WORD_BITS & 1) === 1;
  }

  set(number: number): void {
    if (this.has(number)) return;
    const index = Math.floor(number / WORD_BITS);
    if (index >= this.#words.length) {
      const grown = new Uint32Array(Math.max(index + 1, index * 2));
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[index] = (this.#words[index] ?? 0) | 1 << number % WORD_BITS;
    this.count++;
  }
}
