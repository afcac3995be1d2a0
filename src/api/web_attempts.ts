/**
 * How often a request to a public URL is repeated, and when.
 * Source: GitLab Shell 14.56.1, client of LFS (its retry library, 0.7.7).
 * @module
 */
import { CertificateError } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import { UnsendableRequestError } from "./http1_request.ts";
import { isRetryableStatus, parseRetryAfter } from "./retry.ts";

/** One request and three more. */
export const WEB_ATTEMPTS_MAX = 4;
/**
 * Longest wait that a server may ask for. The reference obeys any, during
 * which the client would hang without a word.
 */
export const WEB_RETRY_AFTER_MS_MAX = 30_000;
const WAIT_MS = 1000;

/** There is no usable answer, and there will be none. */
export class WebFailure extends Error {
  override name = "WebFailure";
}

/** An attempt that was answered, or was not. */
export type FailedWebAttempt =
  | { readonly status: number; readonly retryAfter: string | undefined }
  | { readonly cause: unknown };

/** Counts the attempts of one call. */
export class WebAttempts {
  readonly #clock: Clock;
  #failedCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Waits for the next attempt.
   * @throws {WebFailure} If another attempt would not help, or was the last.
   * @throws {unknown} `signal.reason`.
   */
  async waitAfter(
    failed: FailedWebAttempt,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    this.#failedCount++;
    const cause = "cause" in failed
      ? failed.cause
      : new Error(`Status ${failed.status}`);
    if (isFinal(cause) || this.#failedCount >= WEB_ATTEMPTS_MAX) {
      const times = this.#failedCount === 1 ? "time" : "times";
      throw new WebFailure(
        `Cannot get an answer, tried ${this.#failedCount} ${times}`,
        { cause },
      );
    }
    await this.#clock.sleep(this.#waitMs(failed), signal);
  }

  #waitMs(failed: FailedWebAttempt): number {
    const usualMs = WAIT_MS * 2 ** (this.#failedCount - 1);
    if (!("status" in failed) || failed.retryAfter === undefined) {
      return usualMs;
    }
    if (failed.status !== 429 && failed.status !== 503) return usualMs;
    const askedMs = parseRetryAfter(failed.retryAfter, this.#clock.nowMs());
    return Math.min(askedMs ?? usualMs, WEB_RETRY_AFTER_MS_MAX);
  }
}

/** Whether the same request may be answered better next time. */
export function isBusy(status: number): boolean {
  return isRetryableStatus(status);
}

function isFinal(cause: unknown): boolean {
  return cause instanceof CertificateError ||
    cause instanceof UnsendableRequestError;
}
