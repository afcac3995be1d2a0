/**
 * Bounds how many calls of one method work on one repository at once.
 * Source: Gitaly, internal/limiter.
 * @module
 */
import { limitError } from "./messages.ts";

/** Bounds for each (method, relative path). */
export interface ConcurrencyLimit {
  readonly runningMax: number;
  /** How many may wait behind them. */
  readonly queuedMax: number;
  readonly queueTimeoutMs: number;
}

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

/** Counts calls by key and lets the next one in when one leaves. */
export class ConcurrencyLimiter {
  readonly #limit: ConcurrencyLimit;
  readonly #code: number;
  readonly #lanes = new Map<string, Lane>();

  /** @param code gRPC status code of a refusal. */
  constructor(limit: ConcurrencyLimit, code: number) {
    this.#limit = limit;
    this.#code = code;
  }

  /**
   * Waits for a place.
   * @returns A function that gives the place back; call it once.
   * @throws {StatusError} If too many wait, or the wait was too long.
   * @throws {unknown} `signal.reason` if the caller went away meanwhile.
   */
  async enter(key: string, signal: AbortSignal): Promise<() => void> {
    const lane = this.#lanes.get(key) ?? { running: 0, waiting: [] };
    this.#lanes.set(key, lane);
    if (lane.running >= this.#limit.runningMax) {
      if (lane.waiting.length >= this.#limit.queuedMax) {
        throw this.#refusal("maximum queue size reached");
      }
      await this.#wait(lane, signal);
    } else {
      lane.running++;
    }
    return () => this.#leave(key, lane);
  }

  #wait(lane: Lane, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (reason: unknown) => {
        const at = lane.waiting.indexOf(enter);
        if (at >= 0) lane.waiting.splice(at, 1);
        settle();
        reject(reason);
      };
      const text = "maximum time in concurrency queue reached";
      const expire = () => giveUp(this.#refusal(text));
      const timer = setTimeout(expire, this.#limit.queueTimeoutMs);
      const abort = () => giveUp(signal.reason);
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
      };
      const enter = () => {
        settle();
        resolve();
      };
      lane.waiting.push(enter);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  // The place of the one that leaves goes to the first that waits.
  #leave(key: string, lane: Lane): void {
    const next = lane.waiting.shift();
    if (next) next();
    else if (--lane.running === 0) this.#lanes.delete(key);
  }

  #refusal(message: string): Error {
    return limitError({ code: this.#code, message, hasRetryAfter: true });
  }
}
