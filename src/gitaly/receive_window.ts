/**
 * How much a yamux peer may send on a stream before our consumer has taken it.
 *
 * The window grows while the consumer waits for a sender that is not fast, and
 * shrinks again when the consumer falls behind: a distant server gets the
 * window that its distance asks for, a near one and a slow user cost the memory
 * of the smallest. Pure but for the clock.
 * Source: hashicorp/yamux, spec.md (credit is given back by halves).
 * @module
 */

/** Sizes and clock of a window. */
export interface ReceiveWindowOptions {
  /** In bytes: what a stream starts with, and the most that it may get. */
  readonly windowBytes: { readonly initial: number; readonly max: number };
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs: () => number;
}

/**
 * What comes faster than this (200 MiB/s) needs no larger window: it is the
 * consumer's turn to wait, and what waits in the window costs memory.
 */
const FAST_BYTES_PER_MS = 209_715;

/** The window of one stream. */
export class ReceiveWindow {
  readonly #options: ReceiveWindowOptions;
  #sizeBytes: number;
  /** What the peer may still send. */
  #credit: number;
  #creditedAtMs: number;
  /** Whether the consumer has had to wait since credit was given last. */
  #hasIdled = false;
  /** Whether the window was what the sender waited for, as far as one can see. */
  #wasNarrow = false;

  constructor(options: ReceiveWindowOptions) {
    this.#options = options;
    this.#sizeBytes = options.windowBytes.initial;
    this.#credit = this.#sizeBytes;
    this.#creditedAtMs = options.nowMs();
  }

  /** What the peer may still send, in bytes. */
  get credit(): number {
    return this.#credit;
  }

  /**
   * Takes credit for `sizeBytes` that have come.
   * @returns `false`, and takes nothing, if the peer had not that much.
   */
  use(sizeBytes: number): boolean {
    if (sizeBytes > this.#credit) return false;
    this.#credit -= sizeBytes;
    return true;
  }

  /** The consumer found nothing and waits. */
  noteIdle(): void {
    this.#hasIdled = true;
  }

  /**
   * Gives the peer credit, once that is worth a frame.
   * @param waitingBytes What the consumer has not taken.
   * @returns The bytes to announce; 0 for nothing.
   */
  replenish(waitingBytes: number): number {
    const { windowBytes, nowMs: clock } = this.#options;
    const half = this.#sizeBytes >> 1;
    if (waitingBytes > half) {
      // A whole window that comes at once from afar is no sign of falling
      // behind, if the consumer had to wait for it.
      if (!this.#hasIdled) {
        this.#sizeBytes = Math.max(windowBytes.initial, half);
      }
      return 0;
    }
    const used = this.#sizeBytes - waitingBytes - this.#credit;
    if (used < half) return 0;
    const nowMs = clock();
    const isFast = used >= FAST_BYTES_PER_MS * (nowMs - this.#creditedAtMs);
    const isNarrow = this.#hasIdled && !isFast;
    if (isNarrow && this.#wasNarrow) {
      this.#sizeBytes = Math.min(windowBytes.max, this.#sizeBytes * 2);
    }
    this.#wasNarrow = isNarrow;
    this.#hasIdled = false;
    this.#creditedAtMs = nowMs;
    const added = this.#sizeBytes - waitingBytes - this.#credit;
    this.#credit += added;
    return added;
  }
}
