/**
 * Gives up a peer that has fallen silent while it is its turn.
 *
 * Streams of Git may rest for as long as their user likes, so that a limit on
 * the whole or on each pause would end honest work. What is bounded is the
 * silence of a peer that everybody waits for.
 * @module
 */
import type { ByteDuplex } from "../core/io.ts";
import { Timer } from "../core/timer.ts";

/** The peer has been silent for too long. */
export class SilenceError extends Error {
  override name = "SilenceError";
}

/** How a watch is kept. */
export interface SilenceWatchOptions {
  /** Longest silence, in milliseconds. */
  readonly limitMs: number;
  /**
   * Whether an answer is due; asked when the time is up. Nothing is due while
   * the user has still to say something.
   */
  readonly isPeersTurn: () => boolean;
  /** Passed on with its reason. */
  readonly parent: AbortSignal;
}

/** Watches one connection. To be disposed of with it. */
export class SilenceWatch implements Disposable {
  readonly #options: SilenceWatchOptions;
  readonly #controller = new AbortController();
  readonly #timer = new Timer(() => this.#check());
  readonly #follow = () => this.#controller.abort(this.#options.parent.reason);
  #isTimerOn = false;
  #lastMs = 0;
  #countsReads = false;
  #isReading = false;
  #isWriting = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    if (options.parent.aborted) this.#follow();
    else options.parent.addEventListener("abort", this.#follow);
  }

  /** Aborts with a SilenceError, or as the parent does. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * A connection that is listened to. A peer that takes nothing is silent too;
   * one that is not being read is not.
   * @param duplex Its bytes pass through unchanged.
   */
  listenTo(duplex: ByteDuplex): ByteDuplex {
    this.#note();
    return {
      read: async () => {
        this.#isReading = true;
        if (this.#countsReads) this.#note();
        try {
          return await duplex.read();
        } finally {
          this.#isReading = false;
          if (this.#countsReads) this.#note();
        }
      },
      write: async (bytes) => {
        this.#isWriting = true;
        this.#note();
        try {
          await duplex.write(bytes);
        } finally {
          this.#isWriting = false;
          this.#note();
        }
      },
      closeWrite: () => duplex.closeWrite(),
      close: () => duplex.close(),
    };
  }

  /**
   * Says that the peer has begun to answer. Before that a byte now and then is
   * no sign of life: a head that trickles would take for ever.
   */
  countReads(): void {
    this.#countsReads = true;
    this.#note();
  }

  [Symbol.dispose](): void {
    this.#timer.stop();
    this.#isTimerOn = true;
    this.#options.parent.removeEventListener("abort", this.#follow);
  }

  /** A timer for each chunk would cost more than the chunk: one is enough. */
  #note(): void {
    this.#lastMs = performance.now();
    if (this.#isTimerOn) return;
    this.#isTimerOn = true;
    this.#timer.start(this.#options.limitMs);
  }

  #check(): void {
    const { limitMs, isPeersTurn } = this.#options;
    const restMs = this.#lastMs + limitMs - performance.now();
    if (restMs > 0) return this.#timer.start(restMs);
    this.#isTimerOn = false;
    const isDue = this.#isWriting || this.#isReading && isPeersTurn();
    if (!isDue) return;
    this.#controller.abort(
      new SilenceError(`No byte came or went for ${limitMs} ms`),
    );
  }
}
