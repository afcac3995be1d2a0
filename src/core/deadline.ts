/**
 * One signal for "too late" and "no longer wanted".
 * @module
 */
import { IoTimer } from "./io_timer.ts";
import { neverAborts } from "./never.ts";
import { Timer } from "./timer.ts";

/** When a deadline begins to watch the clock and its parent. */
export interface DeadlineOptions {
  /**
   * Not before `watch` is called, and only as long as something is read or
   * connected: that is cheaper, and a one-shot program has the time to begin
   * once it waits.
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
  #isWatching = false;
  #isOver = false;
  #onAbort: (() => void) | undefined;
  readonly #timer: Timer | IoTimer;
  readonly #follow = () => this.#abort(this.#parent?.reason);

  /**
   * @param timeoutMs From now; may be `Infinity`.
   * @param parent Passed on with its reason.
   */
  constructor(
    timeoutMs: number,
    parent?: AbortSignal,
    { isLate = false }: DeadlineOptions = {},
  ) {
    const onTime = () => this.#abort(timeoutReason());
    this.#timer = isLate ? new IoTimer(onTime) : new Timer(onTime);
    this.#parent = parent;
    this.#endMs = performance.now() + timeoutMs;
    if (parent?.aborted) this.#follow();
    else if (!isLate) this.watch();
  }

  /**
   * Begins to watch, if it does not yet; the time counts from the start.
   * @param onAbort Called when it aborts, at once if it has: cheaper than a
   * listener of its signal. The last one that was given counts.
   */
  watch(onAbort?: () => void): void {
    this.#onAbort = onAbort ?? this.#onAbort;
    if (this.signal.aborted) return onAbort?.();
    if (this.#isWatching || this.#isOver) return;
    this.#isWatching = true;
    const parent = this.#parent;
    if (parent?.aborted) return this.#follow();
    if (parent !== undefined && parent !== neverAborts()) {
      parent.addEventListener("abort", this.#follow);
    }
    const restMs = this.#endMs - performance.now();
    if (restMs <= 0) this.#abort(timeoutReason());
    else this.#timer.start(restMs);
  }

  /** Its reason is the parent's, or a `TimeoutError`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer.stop();
    if (this.#isWatching && this.#parent !== neverAborts()) {
      this.#parent?.removeEventListener("abort", this.#follow);
    }
  }

  #abort(reason: unknown): void {
    this.#timer.stop();
    this.#controller.abort(reason);
    this.#onAbort?.();
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
