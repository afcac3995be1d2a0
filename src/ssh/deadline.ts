/**
 * A time limit around one operation.
 * @module
 */

/**
 * Runs `operation` with a signal that aborts when `signal` does or when the
 * time is over, and leaves neither timer nor listener behind.
 * @throws {DOMException} A `TimeoutError` once `timeoutMs` have passed, even if
 * the operation takes no notice; or whatever the operation fails with.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal,
  operation: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const over = Promise.withResolvers<never>();
  // Raced below; without a handler of its own it could end the process.
  over.promise.catch(() => {});
  const stop = (reason: unknown) => {
    controller.abort(reason);
    over.reject(reason);
  };
  const timer = setTimeout(
    () => stop(new DOMException("Signal timed out.", "TimeoutError")),
    timeoutMs,
  );
  const forward = () => stop(signal.reason);
  signal.addEventListener("abort", forward);
  try {
    return await Promise.race([operation(controller.signal), over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", forward);
  }
}
