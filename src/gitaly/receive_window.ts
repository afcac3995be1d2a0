/**
 * How much a yamux peer may send on a stream before our consumer has taken it.
 *
 * The window grows while it is what the sender waits for, and shrinks again
 * when the consumer falls behind: a distant server gets the window that its
 * distance asks for, a near one and a slow user cost the memory of the
 * smallest. A sender waits for its window when it has used up, to the byte,
 * what one of our updates gave it and the next takes long to arrive; one that
 * is merely slow stops anywhere. Pure but for the clock.
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
 * A sender that is stopped for less than this loses little: a window of 256 KiB
 * and a round trip of 2 ms make 125 MiB/s. On one machine a busy processor
 * stops it as long as that now and then, hence two stops for two windows.
 */
const STOP_MS_MIN = 2;

/** The window of one stream. */
export class ReceiveWindow {
  readonly #options: ReceiveWindowOptions;
  /** The window never gets smaller than this. */
  #leastBytes: number;
  #sizeBytes: number;
  /** What the peer may still send. */
  #credit: number;
  /** What has come so far. */
  #receivedBytes = 0;
  /** Where the sender stops if the update sent there has not reached it. */
  #stops: number[] = [];
  /** When the consumer began to wait, with the sender at one of these. */
  #stoppedAtMs: number | undefined;
  /** What had come when the sender was last stopped for long. */
  #stoppedAtBytes = -Infinity;
  /** Whether the next credit is to be for a larger window. */
  #isNarrow = false;
  /** Whether the consumer has had to wait since credit was given last. */
  #hasIdled = false;

  constructor(options: ReceiveWindowOptions) {
    this.#options = options;
    this.#leastBytes = options.windowBytes.initial;
    this.#sizeBytes = this.#leastBytes;
    this.#credit = this.#sizeBytes;
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
    this.#endStop();
    this.#credit -= sizeBytes;
    this.#receivedBytes += sizeBytes;
    return true;
  }

  /**
   * Makes `sizeBytes`, or the most that is allowed, the smallest window from the
   * next credit on.
   */
  widen(sizeBytes: number): void {
    const { max } = this.#options.windowBytes;
    this.#leastBytes = Math.max(this.#leastBytes, Math.min(sizeBytes, max));
  }

  /** The consumer found nothing and waits. */
  noteIdle(): void {
    this.#hasIdled = true;
    if (!this.#stops.includes(this.#receivedBytes)) return;
    this.#stoppedAtMs ??= this.#options.nowMs();
  }

  /**
   * Gives the peer credit, once that is worth a frame.
   * @param waitingBytes What the consumer has not taken.
   * @returns The bytes to announce; 0 for nothing.
   */
  replenish(waitingBytes: number): number {
    const { windowBytes } = this.#options;
    const half = this.#sizeBytes >> 1;
    if (waitingBytes > half) {
      // A whole window that comes at once from afar is no sign of falling
      // behind, if the consumer had to wait for it.
      if (!this.#hasIdled) {
        this.#sizeBytes = Math.max(this.#leastBytes, half);
      }
      return 0;
    }
    const used = this.#sizeBytes - waitingBytes - this.#credit;
    if (used < half) return 0;
    if (this.#isNarrow) {
      this.#sizeBytes = Math.min(windowBytes.max, this.#sizeBytes * 2);
    }
    this.#sizeBytes = Math.max(this.#leastBytes, this.#sizeBytes);
    this.#isNarrow = false;
    this.#hasIdled = false;
    this.#noteStop();
    const added = this.#sizeBytes - waitingBytes - this.#credit;
    this.#credit += added;
    return added;
  }

  /** The sender stops at the end of what it has, until the update is there. */
  #noteStop(): void {
    const reached = this.#receivedBytes;
    const ahead = this.#stops.filter((stop) => stop >= reached);
    this.#stops = [...ahead, reached + this.#credit];
  }

  #endStop(): void {
    if (this.#stoppedAtMs === undefined) return;
    const stoppedMs = this.#options.nowMs() - this.#stoppedAtMs;
    this.#stoppedAtMs = undefined;
    if (stoppedMs < STOP_MS_MIN) return;
    // From afar there is one stop for each window.
    const apartBytes = this.#receivedBytes - this.#stoppedAtBytes;
    this.#isNarrow = apartBytes <= this.#sizeBytes;
    this.#stoppedAtBytes = this.#receivedBytes;
  }
}
