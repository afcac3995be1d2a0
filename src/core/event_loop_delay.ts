/**
 * How long work that is due has to wait because other work has the processor.
 * @module
 */
import type { MetricRegistry } from "./metrics.ts";

const INTERVAL_MS = 20;
const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
/** The largest delay is kept for one to two of these. */
const WINDOW_MS = 30_000;

/**
 * Measures until it is told to stop.
 * @returns Stops it.
 */
export function watchEventLoop(
  registry: MetricRegistry,
  { prefix, monotonicMs }: { prefix: string; monotonicMs: () => number },
): () => void {
  const delays = registry.histogram({
    name: `${prefix}_event_loop_delay_seconds`,
    help: "How late a timer of 20 ms rings.",
  }, BOUNDS);
  let windowStartMs = monotonicMs();
  let [oldMax, newMax] = [0, 0];
  registry.readGauge({
    name: `${prefix}_event_loop_delay_max_seconds`,
    help: "The largest such delay of the last minute.",
    join: "max",
  }, () => Math.max(oldMax, newMax));
  let dueMs = monotonicMs() + INTERVAL_MS;
  const timer = setInterval(() => {
    const nowMs = monotonicMs();
    const delay = Math.max(nowMs - dueMs, 0) / 1000;
    dueMs = nowMs + INTERVAL_MS;
    delays.observe(delay);
    if (nowMs - windowStartMs > WINDOW_MS) {
      windowStartMs = nowMs;
      oldMax = newMax;
      newMax = 0;
    }
    newMax = Math.max(newMax, delay);
  }, INTERVAL_MS);
  return () => clearInterval(timer);
}
