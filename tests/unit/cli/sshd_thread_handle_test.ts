import { assertEquals, assertRejects } from "@std/assert";
import { ServingThreadHandle } from "../../../src/cli/sshd_thread_handle.ts";
import {
  BreakdownRate,
  PastMetrics,
} from "../../../src/cli/thread_breakdowns.ts";
import { Logger } from "../../../src/core/log.ts";
import { MetricRegistry } from "../../../src/core/metrics.ts";

const clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  sleep: () => Promise.resolve(),
};

/** A thread of the test's own; JavaScript. */
function openThread(source: string) {
  const url = URL.createObjectURL(
    new Blob([source], { type: "text/javascript" }),
  );
  const broken = Promise.withResolvers<Error>();
  const handle = new ServingThreadHandle(1, {
    log: new Logger({
      sink: { writeLine: () => {} },
      clock,
      threshold: 0,
      format: "json",
    }),
    onNote: () => {},
    onBroken: broken.resolve,
    open: () => new Worker(url, { type: "module" }),
    pingMs: 20,
  });
  return { handle, broken: broken.promise };
}

const ANSWERS = `self.onmessage = ({ data: { id, task } }) => {
  if (task === "reload") while (true);
  if (task === "stopListening") self.close();
  else self.postMessage({ kind: "result", id });
};
self.postMessage({ kind: "ready" });`;

for (
  const [fault, task] of [
    ["hangs", "reload"],
    ["has ended without a word", "stopListening"],
  ] as const
) {
  Deno.test(`ServingThreadHandle gives up a thread that ${fault}`, async () => {
    const { handle, broken } = openThread(ANSWERS);
    await handle.ask("ping", undefined);
    handle.watch();
    const asked = assertRejects(
      () => handle.ask(task, undefined),
      Error,
      "a thread does not answer any more",
    );
    assertEquals((await broken).message, "a thread does not answer any more");
    await asked;
    assertEquals(handle.hasEnded, true);
  });
}

Deno.test("ServingThreadHandle keeps a thread that answers", async () => {
  const { handle, broken } = openThread(ANSWERS);
  await handle.ask("ping", undefined);
  handle.watch();
  const first = await Promise.race([
    broken,
    // Longer than a silent one would be given.
    new Promise((resolve) => setTimeout(resolve, 500)),
  ]);
  assertEquals(first, undefined);
  assertEquals(handle.hasEnded, false);
  handle.end();
});

Deno.test("BreakdownRate forgets what is a minute old", () => {
  const rate = new BreakdownRate();
  for (let at = 0; at < 50; at++) {
    assertEquals(rate.note(at * 12_000), undefined);
  }
  assertEquals(
    rate.note(49 * 12_000),
    "6 threads have broken down within 60 seconds",
  );
});

Deno.test("PastMetrics keeps the counts of broken threads and drops their levels", () => {
  const registry = new MetricRegistry();
  registry.counter({ name: "a_total", help: "A" }).add(3);
  registry.gauge({ name: "level", help: "L" }).set(7);
  const families = registry.families();
  const past = new PastMetrics();
  past.join([families, families]);
  past.keep(1);
  // What it has said is kept once, however often it is asked for.
  past.keep(1);
  const after = past.join([families, undefined]).flat();
  const valuesOf = (wanted: string) =>
    after.filter(({ name }) => name === wanted)
      .map(({ samples }) => samples[0]?.value);
  assertEquals(valuesOf("a_total"), [3, 3]);
  assertEquals(valuesOf("level"), [7]);
  assertEquals(valuesOf("gitlab_shell_sshd_thread_breakdowns_total"), [2]);
});
