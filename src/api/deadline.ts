/**
 * One signal for "too late" and "no longer wanted".
 * @module
 */

/**
 * Aborts after a time, or with the signal that it was given. What it holds is
 * released by `using`, so that no timer keeps the program alive.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #parent: AbortSignal | undefined;
  readonly #follow = () => this.#controller.abort(this.#parent?.reason);

  /**
   * @param timeoutMs From now.
   * @param parent Passed on with its reason.
   */
  constructor(timeoutMs: number, parent: AbortSignal | undefined) {
    this.#parent = parent;
    // A timer takes 31 bits; a longer wait would end at once.
    this.#timer = setTimeout(
      () => this.#controller.abort(timeoutReason()),
      Math.min(timeoutMs, 2 ** 31 - 1),
    );
    if (parent?.aborted) this.#follow();
    else parent?.addEventListener("abort", this.#follow, { once: true });
  }

  /** Its reason is the parent's, or a `TimeoutError`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener("abort", this.#follow);
  }
}

/** Whether an abort was a deadline that passed, not a wish to stop. */
export function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

function timeoutReason(): DOMException {
  return new DOMException("Deadline passed", "TimeoutError");
}
