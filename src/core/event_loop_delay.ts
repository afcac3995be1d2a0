/**
 * How long work that is due has to wait: because other work of ours has the
 * processor, or because the system has given it to somebody else.
 * @module
 */
import type { MetricRegistry } from "./metrics.ts";

const INTERVAL_MS = 20;
const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
/** The largest values are kept for one to two of these. */
const WINDOW_MS = 30_000;

/** What is measured with. */
export interface EventLoopClocks {
  monotonicMs(): number;
  /** Processor time of this process so far. */
  cpuMs(): number;
}

/**
 * Measures until it is told to stop. A delay is *blocked* as far as the process
 * has used the processor meanwhile; the rest is the system's doing.
 * @param prefix Of the metrics' names.
 * @returns Stops it.
 */
export function watchEventLoop(
  registry: MetricRegistry,
  prefix: string,
  clocks: EventLoopClocks,
): () => void {
  const delay = new Watched(registry, `${prefix}_event_loop_delay`, {
    help: "How late a timer of 20 ms rings.",
    maxHelp: "The largest such delay of the last minute.",
  });
  const blocked = new Watched(registry, `${prefix}_event_loop_blocked`, {
    help: "How much of that the process itself has computed.",
    maxHelp: "The largest such part of the last minute.",
  });
  let startMs = clocks.monotonicMs();
  let startCpuMs = clocks.cpuMs();
  const timer = setInterval(() => {
    const nowMs = clocks.monotonicMs();
    const cpuMs = clocks.cpuMs();
    const lateMs = Math.max(nowMs - startMs - INTERVAL_MS, 0);
    delay.add(lateMs, nowMs);
    blocked.add(Math.min(lateMs, cpuMs - startCpuMs), nowMs);
    startMs = nowMs;
    startCpuMs = cpuMs;
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}

/** A histogram, and the largest of its latest values. */
class Watched {
  readonly #histogram;
  #windowStartMs = -Infinity;
  #oldMax = 0;
  #newMax = 0;

  constructor(
    registry: MetricRegistry,
    name: string,
    { help, maxHelp }: { help: string; maxHelp: string },
  ) {
    this.#histogram = registry.histogram(
      { name: `${name}_seconds`, help },
      BOUNDS,
    );
    registry.readGauge(
      { name: `${name}_max_seconds`, help: maxHelp, join: "max" },
      () => Math.max(this.#oldMax, this.#newMax),
    );
  }

  add(ms: number, nowMs: number): void {
    const seconds = ms / 1000;
    this.#histogram.observe(seconds);
    if (nowMs - this.#windowStartMs > WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#oldMax = this.#newMax;
      this.#newMax = 0;
    }
    this.#newMax = Math.max(this.#newMax, seconds);
  }
}
