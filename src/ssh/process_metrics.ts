/**
 * What can be said of the process as a whole. Deno keeps /proc from programs
 * that may not do everything, so descriptors and virtual memory are left out.
 * Source: Prometheus, process metrics; GitLab Shell 14.56.1.
 * @module
 */
import process from "node:process";
import type { BuildStamp } from "../core/host.ts";
import { MetricRegistry } from "../core/metrics.ts";

/** Metrics that one thread reports for all. */
export function makeProcessMetrics(build: BuildStamp): MetricRegistry {
  const registry = new MetricRegistry();
  registry.counter({
    name: "gitlab_build_info",
    help: "The build of this program.",
    labelNames: ["built", "version"],
  }).add(1, [build.buildTime, build.version]);
  const startSeconds = performance.timeOrigin / 1000;
  registry.readGauge({
    name: "process_start_time_seconds",
    help: "When the process was started, since 1970.",
  }, () => startSeconds);
  registry.readGauge({
    name: "process_cpu_seconds_total",
    help: "Processor time, user and system.",
    type: "counter",
  }, () => cpuMs() / 1000);
  registry.readGauge({
    name: "process_resident_memory_bytes",
    help: "Memory that is in use.",
  }, () => Deno.memoryUsage().rss);
  return registry;
}

/**
 * Counts how often metrics are asked for.
 * @returns Answers once, counted.
 */
export function countScrapes(
  registry: MetricRegistry,
): (answer: () => Promise<string>) => Promise<string> {
  const total = registry.counter({
    name: "promhttp_metric_handler_requests_total",
    help: "Requests for metrics by status.",
    labelNames: ["code"],
  });
  const inFlight = registry.gauge({
    name: "promhttp_metric_handler_requests_in_flight",
    help: "Requests for metrics that are being answered.",
  });
  return async (answer) => {
    inFlight.add(1);
    try {
      const text = await answer();
      total.add(1, ["200"]);
      return text;
    } catch (error) {
      total.add(1, ["500"]);
      throw error;
    } finally {
      inFlight.add(-1);
    }
  };
}

/** Processor time of this process so far, user and system. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Metrics of one thread's own heap, under the names that dashboards ask for. */
export function addHeapMetrics(registry: MetricRegistry): void {
  registry.readGauge({
    name: "go_memstats_alloc_bytes",
    help: "Heap of the JavaScript engine that is in use.",
  }, () => Deno.memoryUsage().heapUsed);
  registry.readGauge({
    name: "go_memstats_heap_inuse_bytes",
    help: "Heap of the JavaScript engine that is reserved.",
  }, () => Deno.memoryUsage().heapTotal);
}
