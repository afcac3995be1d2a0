/**
 * The limit on Git operations: fixed windows that follow the clock.
 * Source: GitLab Rails, lib/gitlab/application_rate_limiter.rb,
 * `gitlab_shell_operation`.
 * @module
 */

/** GitLab's own limit for each counter and minute. */
export const GITLAB_RATE_LIMIT = 600;

const WINDOW_MS = 60_000;
/** Keys beyond this number are not counted: a bound, and no test comes near. */
const COUNTERS_MAX = 100_000;

/** Counts requests by key. Nothing is remembered past a window. */
export class RateLimiter {
  readonly #limit: number;
  readonly #clock: { nowMs(): number };
  readonly #counts = new Map<string, number>();
  #window = -1;

  /** @param limit How many pass in a window; 0 lets all pass. */
  constructor(limit: number, clock: { nowMs(): number }) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Counts one request under each key. @returns Whether one is over the limit. */
  hit(keys: readonly (readonly string[])[]): boolean {
    if (this.#limit === 0) return false;
    const window = Math.floor(this.#clock.nowMs() / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#counts.clear();
    }
    // Every counter counts, also when another has already refused.
    return keys.map((key) => this.#count(key)).some((count) =>
      count > this.#limit
    );
  }

  #count(parts: readonly string[]): number {
    const key = JSON.stringify(parts);
    const count = (this.#counts.get(key) ?? 0) + 1;
    const isKept = count > 1 || this.#counts.size < COUNTERS_MAX;
    if (isKept) this.#counts.set(key, count);
    return count;
  }
}
