/**
 * Errors that nobody waits for.
 * @module
 */
import { errorText } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";

/**
 * Keeps the server up when something fails that nobody waits for: one session's
 * bug must not end everybody's.
 * @returns Ends it.
 */
export function catchStrayErrors(log: Logger): () => void {
  const report = (event: Event) => {
    event.preventDefault();
    const error = event instanceof PromiseRejectionEvent
      ? event.reason
      : event instanceof ErrorEvent
      ? event.error
      : undefined;
    log.error("panic", { recovered_error: errorText(error) });
  };
  addEventListener("error", report);
  addEventListener("unhandledrejection", report);
  return () => {
    removeEventListener("error", report);
    removeEventListener("unhandledrejection", report);
  };
}
