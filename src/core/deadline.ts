/**
 * One signal for "too late" and "no longer wanted".
 *
 * Made of `AbortSignal.timeout`, not of `setTimeout`: the first use of the
 * latter costs a one-shot program 0.3 of an empty start (measured on Deno
 * 2.9.6). The former cannot be cleared, so a long wait is cut into slices, of
 * which at most one outlives its use.
 * @module
 */

/** Longest time for which a timer may be left behind, holding nothing. */
const SLICE_MS_MAX = 5_000;

/** When a deadline begins to watch the clock and its parent. */
export interface DeadlineOptions {
  /**
   * Not before `watch` is called. To watch takes 0.4 ms where nothing has been
   * watched before, which a one-shot program has left once it waits.
   */
  readonly isLate?: boolean;
}

/**
 * Aborts after a time, or with the signal that it was given. What it holds is
 * released by `using`, so that it never keeps a program alive.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #endMs: number;
  #slice: AbortSignal | undefined;
  #isWatching = false;
  #isOver = false;
  readonly #follow = () => this.#controller.abort(this.#parent?.reason);
  readonly #tick = () => this.#arm();

  /**
   * @param timeoutMs From now; may be `Infinity`.
   * @param parent Passed on with its reason.
   */
  constructor(
    timeoutMs: number,
    parent?: AbortSignal,
    { isLate = false }: DeadlineOptions = {},
  ) {
    this.#parent = parent;
    this.#endMs = performance.now() + timeoutMs;
    if (parent?.aborted) this.#follow();
    else if (!isLate) this.watch();
  }

  /** Begins to watch, if it does not yet; the time counts from the start. */
  watch(): void {
    if (this.#isWatching || this.#isOver) return;
    this.#isWatching = true;
    if (this.#parent?.aborted) return this.#follow();
    this.#parent?.addEventListener("abort", this.#follow);
    this.#arm();
  }

  /** Its reason is the parent's, or a `TimeoutError`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#slice?.removeEventListener("abort", this.#tick);
    this.#parent?.removeEventListener("abort", this.#follow);
  }

  #arm(): void {
    if (this.signal.aborted) return;
    const restMs = this.#endMs - performance.now();
    if (restMs <= 0) return this.#controller.abort(timeoutReason());
    const sliceMs = Math.ceil(Math.min(restMs, SLICE_MS_MAX));
    this.#slice = AbortSignal.timeout(sliceMs);
    this.#slice.addEventListener("abort", this.#tick);
  }
}

/** Whether an abort was a deadline that passed, not a wish to stop. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/** What a deadline that passes aborts with. */
export function timeoutReason(): DOMException {
  return new DOMException("Deadline passed", "TimeoutError");
}
