import { assert, assertEquals, assertRejects } from "@std/assert";
import { isTimeout } from "../../../src/core/deadline.ts";
import { IdleLimit } from "../../../src/core/idle_limit.ts";

const NEVER = new AbortController().signal;

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason))
  );
}

Deno.test("IdleLimit ends a wait that takes too long", async () => {
  using idle = new IdleLimit(40, NEVER);
  const error = await assertRejects(
    () => idle.during(() => untilAborted(idle.signal)),
  );
  assert(isTimeout(error));
});

Deno.test("IdleLimit lets any number of short waits pass", async () => {
  using idle = new IdleLimit(400, NEVER);
  const startMs = performance.now();
  while (performance.now() - startMs < 600) {
    await idle.during(() => new Promise((resolve) => setTimeout(resolve, 5)));
  }
  assertEquals(idle.signal.aborted, false);
});

Deno.test("IdleLimit does not count the time between waits", async () => {
  using idle = new IdleLimit(40, NEVER);
  await idle.during(() => Promise.resolve());
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(idle.signal.aborted, false);
});

Deno.test("IdleLimit: a wait that overlaps shorter ones is kept alive by them, and no longer", async () => {
  using idle = new IdleLimit(400, NEVER);
  const long = idle.during(() => untilAborted(idle.signal)).catch((e) => e);
  const startMs = performance.now();
  while (performance.now() - startMs < 600) {
    await idle.during(() => new Promise((resolve) => setTimeout(resolve, 5)));
  }
  assertEquals(idle.signal.aborted, false);
  assert(isTimeout(await long));
});

Deno.test("IdleLimit passes its parent's reason on", () => {
  const parent = new AbortController();
  using idle = new IdleLimit(1000, parent.signal);
  parent.abort("stop");
  assertEquals(idle.signal.reason, "stop");
  using late = new IdleLimit(1000, parent.signal);
  assertEquals(late.signal.reason, "stop");
});
