import { assert, assertEquals } from "@std/assert";
import { IoTimer } from "../../../src/core/io_timer.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

/** A timer whose moments can be waited for. */
function timed() {
  let fired = Promise.withResolvers<void>();
  const counts = { fired: 0 };
  const timer = new IoTimer(() => {
    counts.fired++;
    fired.resolve();
    fired = Promise.withResolvers();
  });
  return { timer, counts, next: () => fired.promise };
}

/** Waits by another clock, which keeps the test alive as well. */
function pass(timeoutMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeoutMs));
}

Deno.test("IoTimer fires once, when its time has passed", async () => {
  const { timer, counts, next } = timed();
  const startMs = performance.now();
  timer.start(20);
  await Promise.all([next(), pass(60)]);
  assert(performance.now() - startMs >= 19);
  assertEquals(counts.fired, 1);
});

Deno.test("IoTimer that is stopped does not fire", async () => {
  const { timer, counts } = timed();
  timer.start(10);
  timer.stop();
  timer.stop();
  await pass(40);
  assertEquals(counts.fired, 0);
});

Deno.test("IoTimer that is started again forgets the wait before", async () => {
  const { timer, counts, next } = timed();
  timer.start(10);
  timer.start(60);
  const startMs = performance.now();
  await Promise.all([next(), pass(100)]);
  assert(performance.now() - startMs >= 59);
  assertEquals(counts.fired, 1);
});

Deno.test("IoTimer can be started by what it calls", async () => {
  let count = 0;
  const done = Promise.withResolvers<void>();
  const timer: IoTimer = new IoTimer(() => {
    if (++count < 3) timer.start(5);
    else done.resolve();
  });
  timer.start(5);
  await Promise.all([done.promise, pass(60)]);
  assertEquals(count, 3);
});

for (const timeoutMs of [0, -1, 0.2]) {
  Deno.test(`IoTimer fires later even when it is given ${timeoutMs} ms`, async () => {
    const { timer, counts, next } = timed();
    timer.start(timeoutMs);
    assertEquals(counts.fired, 0);
    await Promise.all([next(), pass(30)]);
    assertEquals(counts.fired, 1);
  });
}

Deno.test("IoTimer given for ever does not fire, and takes a very long time", async () => {
  const { timer, counts } = timed();
  timer.start(Infinity);
  timer.start(Number.MAX_SAFE_INTEGER);
  await pass(20);
  timer.stop();
  assertEquals(counts.fired, 0);
});

Deno.test("IoTimer keeps no program alive", async () => {
  const module = new URL("../../../src/core/io_timer.ts", import.meta.url);
  using place = makeTempDir({
    "main.ts": `import { IoTimer } from ${JSON.stringify(module.href)};
      new IoTimer(() => console.log("fired")).start(60_000);
      console.log("end");`,
  });
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", `${place.path}/main.ts`],
    stdin: "null",
    signal: AbortSignal.timeout(30_000),
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "end\n");
  assert(success);
});
