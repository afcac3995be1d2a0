/**
 * Tells callers that ping too often from those that keep a connection alive.
 * Source: grpc-go, keepalive.EnforcementPolicy, with Gitaly's ten seconds.
 * @module
 */

const INTERVAL_MS_MIN = 10_000;
const STRIKES_MAX = 2;

/** Counts the pings that came too early since we last had something to say. */
export class PingPolice {
  #lastMs = -Infinity;
  #strikes = 0;

  /** Headers or data were sent: whoever receives may measure the connection. */
  forgive(): void {
    this.#lastMs = -Infinity;
    this.#strikes = 0;
  }

  /** Takes a ping. @param nowMs Monotonic. @returns Whether it is one too many. */
  isTooMany(nowMs: number): boolean {
    if (nowMs - this.#lastMs < INTERVAL_MS_MIN) this.#strikes++;
    this.#lastMs = nowMs;
    return this.#strikes > STRIKES_MAX;
  }
}
