/**
 * What is kept of threads that have broken down: how often it happens, and
 * what they had counted.
 * @module
 */
import {
  joinFamilies,
  type MetricFamily,
  MetricRegistry,
} from "../core/metrics.ts";
import { METRIC_PREFIX } from "./serving_unit.ts";

/** More of them in this time mean that starting anew does not help. */
export const BREAKDOWNS_MAX = 5;
/** The time. */
export const BREAKDOWNS_MS = 60_000;

/** Tells bad luck from a fault that comes back each time. */
export class BreakdownRate {
  #recentMs: number[] = [];

  /**
   * Notes one.
   * @returns Why the program cannot go on, if they are too many.
   */
  note(nowMs: number): string | undefined {
    this.#recentMs = this.#recentMs.filter((ms) => nowMs - ms < BREAKDOWNS_MS);
    this.#recentMs.push(nowMs);
    const count = this.#recentMs.length;
    if (count <= BREAKDOWNS_MAX) return undefined;
    return `${count} threads have broken down within ${
      BREAKDOWNS_MS / 1_000
    } seconds`;
  }
}

/**
 * Metrics of threads, those of broken ones included: a sum that falls would be
 * taken for a restart of everything, and the rest of it for a sudden rise.
 */
export class PastMetrics {
  readonly #own = new MetricRegistry();
  readonly #breakdowns = this.#own.counter({
    name: `${METRIC_PREFIX}_thread_breakdowns_total`,
    help: "Threads that have ended with their sessions and were replaced.",
  });
  #latest: MetricFamily[][] = [];
  #past: MetricFamily[] = [];

  /**
   * Adds to what threads say now what the others have said.
   * @param now By thread; `undefined` for one that has nothing to say.
   */
  join(now: readonly (MetricFamily[] | undefined)[]): MetricFamily[][] {
    this.#latest = now.map((families) => families ?? []);
    return [this.#own.families(), this.#past, ...this.#latest];
  }

  /** Keeps what a thread that has broken down has said last. */
  keep(thread: number): void {
    this.#breakdowns.add();
    const counted = (this.#latest[thread] ?? []).filter(({ type }) =>
      type !== "gauge"
    );
    this.#latest[thread] = [];
    this.#past = joinFamilies([this.#past, counted]);
  }
}
