/**
 * A limit on the time that a step of a protocol may take.
 * @module
 */
import { Timer } from "../core/timer.ts";

/** A step took too long. */
export class DeadlineError extends Error {
  override name = "DeadlineError";
}

/**
 * Waits for `work`, but no longer than `timeoutMs`.
 * @throws {DeadlineError} With the text `i/o deadline reached`; `work` goes on
 * and its outcome is ignored.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = new Timer(() =>
    late.reject(new DeadlineError("i/o deadline reached"))
  );
  timer.start(timeoutMs);
  // Awaiting the loser of the race would tell of a failure nobody waits for.
  work.catch(() => {});
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.stop();
  }
}

/**
 * Waits for `work`, and once `signal` has aborted no longer than `graceMs`.
 * @throws {DeadlineError} When that is over; `work` goes on and its outcome is
 * ignored.
 */
export async function withGrace<T>(
  work: Promise<T>,
  { signal, graceMs }: { signal: AbortSignal; graceMs: number },
): Promise<T> {
  try {
    return await untilAborted(work, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    return await withDeadline(work, graceMs);
  }
}

/**
 * Waits for `work` until `signal` aborts.
 * @throws {unknown} `signal.reason`; `work` goes on and its outcome is ignored.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  work.catch(() => {});
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
