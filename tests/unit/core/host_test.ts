import { assert, assertEquals, assertRejects } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";

Deno.test("SYSTEM_CLOCK tells the wall clock's time", () => {
  assert(Math.abs(SYSTEM_CLOCK.nowMs() - Date.now()) < 5_000);
});

Deno.test("SYSTEM_CLOCK.monotonicMs() never goes back", () => {
  let before = SYSTEM_CLOCK.monotonicMs();
  for (let round = 0; round < 1_000; round++) {
    const now = SYSTEM_CLOCK.monotonicMs();
    assert(now >= before);
    before = now;
  }
});

Deno.test("SYSTEM_CLOCK.sleep() waits", async () => {
  const before = performance.now();
  await SYSTEM_CLOCK.sleep(20, new AbortController().signal);
  // A timer counts whole milliseconds, so it may seem to be one early.
  assert(performance.now() - before >= 19);
});

Deno.test("SYSTEM_CLOCK.sleep() ends at once when told, with the reason", async () => {
  const stop = new AbortController();
  const reason = new Error("stop");
  const slept = assertRejects(() => SYSTEM_CLOCK.sleep(60_000, stop.signal));
  stop.abort(reason);
  assertEquals(await slept, reason);
});

Deno.test("SYSTEM_CLOCK.sleep() does not begin after an abort", async () => {
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(() => SYSTEM_CLOCK.sleep(60_000, signal));
  assertEquals(error, reason);
});

Deno.test("SYSTEM_CLOCK.sleep() leaves no listener behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await SYSTEM_CLOCK.sleep(1, signal);
  assertEquals(listeners, 0);
});
