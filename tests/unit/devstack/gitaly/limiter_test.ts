import { assertEquals, assertRejects } from "@std/assert";
import { ConcurrencyLimiter } from "../../../../src/devstack/gitaly/limiter.ts";

const NEVER = new AbortController().signal;
const KEY = "SSHReceivePack a.git";

function makeLimiter(queuedMax: number, queueTimeoutMs = 60_000) {
  return new ConcurrencyLimiter(
    { runningMax: 1, queuedMax, queueTimeoutMs },
    8,
  );
}

Deno.test("ConcurrencyLimiter gives a place to the first that waits", async () => {
  const limiter = makeLimiter(2);
  const order: string[] = [];
  const leave = await limiter.enter(KEY, NEVER);
  const waiting = ["first", "second"].map(async (name) => {
    const leaveToo = await limiter.enter(KEY, NEVER);
    order.push(name);
    leaveToo();
  });
  leave();
  await Promise.all(waiting);
  assertEquals(order, ["first", "second"]);
  (await limiter.enter(KEY, NEVER))();
});

Deno.test("ConcurrencyLimiter refuses whom the queue does not hold", async () => {
  const limiter = makeLimiter(0);
  const leave = await limiter.enter(KEY, NEVER);
  await assertRejects(
    () => limiter.enter(KEY, NEVER),
    Error,
    "maximum queue size reached",
  );
  // Another repository has a lane of its own.
  (await limiter.enter("SSHReceivePack b.git", NEVER))();
  leave();
});

Deno.test("ConcurrencyLimiter refuses whoever waited too long", async () => {
  const limiter = makeLimiter(1, 5);
  const leave = await limiter.enter(KEY, NEVER);
  await assertRejects(
    () => limiter.enter(KEY, NEVER),
    Error,
    "maximum time in concurrency queue reached",
  );
  leave();
  (await limiter.enter(KEY, NEVER))();
});

Deno.test("ConcurrencyLimiter forgets a caller that goes away", async () => {
  const limiter = makeLimiter(1);
  const leave = await limiter.enter(KEY, NEVER);
  const caller = new AbortController();
  const waiting = limiter.enter(KEY, caller.signal);
  caller.abort(new Error("gone"));
  await assertRejects(() => waiting, Error, "gone");
  const next = limiter.enter(KEY, NEVER);
  leave();
  (await next)();
});
