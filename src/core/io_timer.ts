/**
 * Something that happens after a time, unless it is called off: the timer for
 * whoever waits for a peer, and is in a hurry to begin.
 *
 * Made of `Atomics.waitAsync` on memory that nobody else knows: a wait with a
 * bound, which V8 itself has. The first `setTimeout` of a one-shot program
 * costs it 0.5 of an empty start and the first `AbortSignal.timeout` 0.4 ms;
 * this costs 0.04 ms (measured on Deno 2.9.6). It keeps no program alive, so
 * that something else has to be waited for: a read, a connection.
 * Source: ECMAScript 2024, Atomics.waitAsync.
 * @module
 */

const CELL_BYTES = 4;

/** One wait at a time. */
export class IoTimer {
  readonly #onTime: () => void;
  #cell: Int32Array<SharedArrayBuffer> | undefined;

  /** @param onTime Called each time when a wait is over. */
  constructor(onTime: () => void) {
    this.#onTime = onTime;
  }

  /** Begins a wait; one that was under way is called off. Infinity is for ever. */
  start(timeoutMs: number): void {
    this.stop();
    if (timeoutMs === Infinity) return;
    const cell = new Int32Array(new SharedArrayBuffer(CELL_BYTES));
    this.#cell = cell;
    // A wait of no time would be over before there is anything to await.
    const boundMs = Math.max(timeoutMs, 1);
    const wait = Atomics.waitAsync(cell, 0, 0, boundMs);
    if (!wait.async) throw new TypeError("Cannot wait on a cell of our own");
    void wait.value.then(() => {
      if (this.#cell !== cell) return;
      this.#cell = undefined;
      this.#onTime();
    });
  }

  /** Calls the wait off. */
  stop(): void {
    const cell = this.#cell;
    if (cell === undefined) return;
    this.#cell = undefined;
    // Frees what V8 keeps for it.
    Atomics.notify(cell, 0);
  }
}
