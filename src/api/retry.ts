/**
 * When a request is sent again, and after how long. Pure.
 * Source: GitLab Shell 14.56.1, HTTP client (its retry library, 0.7.7).
 * @module
 */

/** One request and two more. */
export const ATTEMPTS_MAX = 3;
/**
 * Longest wait that a server may ask for. The reference obeys any; Rails asks
 * for a minute, during which git would hang without a word.
 */
export const RETRY_AFTER_MS_MAX = 10_000;
const WAIT_MS = 1000;

/** Whether another attempt may be answered better. */
export function isRetryableStatus(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

/** What is known about the attempt that failed. */
export interface FailedAttempt {
  /** 1 for the first. */
  readonly number: number;
  /** 0 when there was no answer. */
  readonly status: number;
  /** `Retry-After` as it came. */
  readonly retryAfter: string | undefined;
}

/** How long to wait before the next attempt, in milliseconds. */
export function retryWaitMs(failed: FailedAttempt, nowMs: number): number {
  const mayAsk = failed.status === 429 || failed.status === 503;
  const asked = mayAsk && failed.retryAfter !== undefined
    ? parseRetryAfter(failed.retryAfter, nowMs)
    : undefined;
  if (asked !== undefined) return Math.min(asked, RETRY_AFTER_MS_MAX);
  return WAIT_MS * 2 ** (failed.number - 1);
}

/**
 * Reads `Retry-After`: seconds, or a date in the form of RFC 1123.
 * @returns Milliseconds from `nowMs`; `undefined` for anything else.
 * @example
 * ```ts
 * import { parseRetryAfter } from "./retry.ts";
 * parseRetryAfter("5", 0); // 5000
 * parseRetryAfter("Thu, 01 Jan 1970 00:00:02 GMT", 0); // 2000
 * parseRetryAfter("-1", 0); // undefined
 * ```
 */
export function parseRetryAfter(
  text: string,
  nowMs: number,
): number | undefined {
  if (/^\+?[0-9]{1,15}$/.test(text)) return Number(text) * 1000;
  const isDate =
    /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} (?:GMT|UTC)$/
      .test(text);
  const dateMs = isDate ? Date.parse(text) : NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
