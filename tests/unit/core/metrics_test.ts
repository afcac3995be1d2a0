import { assert, assertEquals, assertThrows } from "@std/assert";
import { watchEventLoop } from "../../../src/core/event_loop_delay.ts";
import {
  formatMetrics,
  joinFamilies,
  MetricRegistry,
} from "../../../src/core/metrics.ts";

Deno.test("formatMetrics() prints counters and gauges, sorted by name", () => {
  const registry = new MetricRegistry();
  const gauge = registry.gauge({ name: "b", help: "Level" });
  const counter = registry.counter({ name: "a:x:total", help: "Counts" });
  counter.add();
  counter.add(2.5);
  gauge.add(3);
  gauge.add(-1);
  assertEquals(
    formatMetrics(registry.families()),
    "# HELP a:x:total Counts\n# TYPE a:x:total counter\na:x:total 3.5\n" +
      "# HELP b Level\n# TYPE b gauge\nb 2\n",
  );
  gauge.set(0);
  assert(formatMetrics(registry.families()).endsWith("\nb 0\n"));
});

Deno.test("formatMetrics() shows labelled metrics once they were counted", () => {
  const registry = new MetricRegistry();
  const name = { name: "a", help: "A", labelNames: ["code", "method"] };
  const counter = registry.counter(name);
  assertEquals(formatMetrics(registry.families()), "");
  counter.add(1, ["200", "get"]);
  counter.add(1, ["200", "get"]);
  counter.add(1, ['4"0\\4\n', "post"]);
  assertEquals(
    formatMetrics(registry.families()),
    "# HELP a A\n# TYPE a counter\n" +
      'a{code="200",method="get"} 2\n' +
      'a{code="4\\"0\\\\4\\n",method="post"} 1\n',
  );
});

Deno.test("formatMetrics() adds up the buckets of a histogram", () => {
  const registry = new MetricRegistry();
  const histogram = registry.histogram({ name: "h", help: "H" }, [0.5, 1, 5]);
  for (const value of [0.1, 0.5, 0.7, 5, 6, 100]) histogram.observe(value);
  assertEquals(
    formatMetrics(registry.families()).split("\n").slice(2, -1),
    [
      'h_bucket{le="0.5"} 2',
      'h_bucket{le="1"} 3',
      'h_bucket{le="5"} 4',
      'h_bucket{le="+Inf"} 6',
      "h_sum 112.3",
      "h_count 6",
    ],
  );
});

Deno.test("joinFamilies() adds what threads have counted, and keeps the largest level where told", () => {
  const parts = [1, 2].map((step) => {
    const registry = new MetricRegistry();
    registry.counter({ name: "c", help: "C", labelNames: ["x"] })
      .add(step, [step === 1 ? "a" : "b"]);
    registry.histogram({ name: "h", help: "H" }, [1]).observe(step);
    registry.readGauge({ name: "g", help: "G", join: "max" }, () => step);
    registry.gauge({ name: "s", help: "S" }).set(step);
    // As threads send them to each other.
    return structuredClone(registry.families());
  });
  const text = formatMetrics(joinFamilies(parts));
  for (
    const line of [
      'c{x="a"} 1',
      'c{x="b"} 2',
      'h_bucket{le="1"} 1',
      'h_bucket{le="+Inf"} 2',
      "h_sum 3",
      "g 2",
      "s 3",
    ]
  ) {
    assert(text.includes(`${line}\n`), `${line} in ${text}`);
  }
});

Deno.test("MetricRegistry has one metric of a name", () => {
  const registry = new MetricRegistry();
  registry.counter({ name: "a", help: "A" });
  assertThrows(() => registry.gauge({ name: "a", help: "A" }), TypeError);
});

Deno.test("watchEventLoop() sees work that keeps others waiting, and tells ours from others'", async () => {
  const registry = new MetricRegistry();
  let [nowMs, cpuMs] = [0, 0];
  const stop = watchEventLoop(registry, "x", {
    monotonicMs: () => nowMs,
    cpuMs: () => cpuMs,
  });
  const largest = (name: string) =>
    registry.families().find((family) => family.name === name)?.samples[0]
      ?.value;
  const tick = async (wallMs: number, ownMs: number) => {
    const before = ticks();
    nowMs += wallMs;
    cpuMs += ownMs;
    while (ticks() === before) await new Promise((done) => setTimeout(done, 1));
  };
  const ticks = () =>
    registry.families()[0]?.samples[0]?.counts?.reduce((sum, one) => sum + one);
  await tick(20, 1);
  assertEquals(largest("x_event_loop_delay_max_seconds"), 0);
  // The system had better things to do.
  await tick(320, 3);
  assertEquals(largest("x_event_loop_delay_max_seconds"), 0.3);
  assertEquals(largest("x_event_loop_blocked_max_seconds"), 0.003);
  // We had.
  await tick(120, 110);
  assertEquals(largest("x_event_loop_blocked_max_seconds"), 0.1);
  // What was long ago is forgotten, in two steps.
  await tick(40_000, 0);
  await tick(40_000, 0);
  await tick(20, 0);
  assertEquals(largest("x_event_loop_blocked_max_seconds"), 0);
  stop();
});
