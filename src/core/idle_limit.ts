/**
 * A limit for each single wait on a peer, however long the whole takes: what
 * is made of a great many waits must not make a timer for each.
 * @module
 */
import { Timer } from "./timer.ts";

/** Looks per limit: a wait ends at most a quarter too late. */
const LOOKS = 4;

/** Aborts its signal when nothing happens for too long, or with its parent. */
export class IdleLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #parent: AbortSignal;
  readonly #timer = new Timer(() => this.#look());
  readonly #follow = () => this.#controller.abort(this.#parent.reason);
  #waitCount = 0;
  /** When the last wait began, or another one ended. */
  #sinceMs = 0;

  /**
   * @param timeoutMs Limit of one wait.
   * @param parent Passed on with its reason.
   */
  constructor(timeoutMs: number, parent: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#parent = parent;
    if (parent.aborted) this.#follow();
    else parent.addEventListener("abort", this.#follow);
    this.#timer.start(timeoutMs / LOOKS);
  }

  /** Its reason is the parent's, or a `TimeoutError`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Waits for the peer. Of waits that overlap each one's end is a sign of life.
   * @throws {unknown} As `work` does, which ends when the signal aborts.
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#waitCount++;
    this.#sinceMs = performance.now();
    try {
      return await work();
    } finally {
      this.#waitCount--;
      this.#sinceMs = performance.now();
    }
  }

  [Symbol.dispose](): void {
    this.#timer.stop();
    this.#parent.removeEventListener("abort", this.#follow);
  }

  #look(): void {
    const waitedMs = performance.now() - this.#sinceMs;
    if (this.#waitCount === 0 || waitedMs < this.#timeoutMs) {
      this.#timer.start(this.#timeoutMs / LOOKS);
      return;
    }
    this.#controller.abort(
      new DOMException("Peer does not go on", "TimeoutError"),
    );
  }
}
