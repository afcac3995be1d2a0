import { assertEquals, assertStrictEquals } from "@std/assert";
import { ReceiveWindow } from "../../../src/gitaly/receive_window.ts";

const KIB = 1024;

/** A window of 256 KiB to 1 MiB and the clock that it looks at. */
function makeWindow() {
  const clock = { nowMs: 0 };
  const window = new ReceiveWindow({
    windowBytes: { initial: 256 * KIB, max: 1024 * KIB },
    nowMs: () => clock.nowMs,
  });
  return { window, clock };
}

Deno.test("gitaly.md 5.3: credit is given back when it is half of the window", () => {
  const { window } = makeWindow();
  assertStrictEquals(window.use(128 * KIB - 1), true);
  assertStrictEquals(window.replenish(0), 0);
  assertStrictEquals(window.use(1), true);
  assertStrictEquals(window.replenish(0), 128 * KIB);
  assertStrictEquals(window.credit, 256 * KIB);
});

Deno.test("what the consumer has not taken is not given back", () => {
  const { window } = makeWindow();
  window.use(256 * KIB);
  assertStrictEquals(window.replenish(256 * KIB), 0);
  assertStrictEquals(window.replenish(128 * KIB + 1), 0);
  assertStrictEquals(window.replenish(128 * KIB), 128 * KIB);
  assertStrictEquals(window.credit, 128 * KIB);
});

Deno.test("not a byte beyond the credit is accepted", () => {
  const { window } = makeWindow();
  assertStrictEquals(window.use(256 * KIB + 1), false);
  assertStrictEquals(window.credit, 256 * KIB);
  assertStrictEquals(window.use(256 * KIB), true);
  assertStrictEquals(window.use(1), false);
  assertStrictEquals(window.use(0), true);
});

/** Half a window comes after `stepMs` and is taken; what is given back for it. */
function step(
  { window, clock }: ReturnType<typeof makeWindow>,
  stepMs: number,
  waits: boolean,
): number {
  if (waits) window.noteIdle();
  clock.nowMs += stepMs;
  window.use(window.credit);
  return window.replenish(0);
}

Deno.test("the window doubles from the second time that it stopped the sender", () => {
  const bench = makeWindow();
  const given = [10, 10, 10, 10, 10].map((stepMs) => step(bench, stepMs, true));
  assertEquals(given, [256, 256, 512, 1024, 1024].map((size) => size * KIB));
});

Deno.test("the window does not grow when it stops the sender for a moment or nobody waits", () => {
  for (const [stepMs, waits] of [[1.9, true], [10, false]] as const) {
    const bench = makeWindow();
    for (let round = 0; round < 5; round++) {
      assertStrictEquals(step(bench, stepMs, waits), 256 * KIB);
    }
  }
});

Deno.test("the window does not grow for a sender that is slow and stops elsewhere", () => {
  const { window, clock } = makeWindow();
  for (let round = 0; round < 20; round++) {
    for (const sizeBytes of [60 * KIB, 60 * KIB, 8 * KIB + 1]) {
      window.noteIdle();
      clock.nowMs += 10;
      assertStrictEquals(window.use(sizeBytes), true);
      const given = window.replenish(0);
      if (given > 0) assertStrictEquals(given, 128 * KIB + 1);
    }
  }
  assertStrictEquals(window.credit, 256 * KIB);
});

Deno.test("the window grows for a sender from whom updates are on the way twice", () => {
  const { window, clock } = makeWindow();
  // What has come is given back by halves, and is 10 ms on its way: the sender
  // uses up its 256 KiB first.
  let given = 0;
  window.use(128 * KIB);
  given += window.replenish(0);
  window.use(128 * KIB);
  given += window.replenish(0);
  let most = 0;
  for (let round = 0; round < 5; round++) {
    window.noteIdle();
    clock.nowMs += 10;
    const sending = given;
    given = 0;
    for (let sent = 0; sent < sending; sent += 64 * KIB) {
      window.use(64 * KIB);
      given += window.replenish(0);
      most = Math.max(most, window.credit);
    }
  }
  assertStrictEquals(most, 1024 * KIB);
});

Deno.test("the window shrinks by halves when a burst was not waited for", () => {
  const bench = makeWindow();
  for (let round = 0; round < 5; round++) step(bench, 10, true);
  const { window } = bench;
  assertStrictEquals(window.credit, 1024 * KIB);
  window.use(1024 * KIB);
  window.noteIdle();
  // Waited for: it may come from afar all at once.
  assertStrictEquals(window.replenish(1000 * KIB), 0);
  assertStrictEquals(window.replenish(0), 1024 * KIB);
  window.use(1024 * KIB);
  assertStrictEquals(window.replenish(1000 * KIB), 0);
  assertStrictEquals(window.replenish(900 * KIB), 0);
  assertStrictEquals(window.replenish(800 * KIB), 0);
  assertStrictEquals(window.replenish(0), 256 * KIB);
});

Deno.test("a window that is widened never gets smaller, from the next credit on", () => {
  const { window } = makeWindow();
  window.widen(512 * KIB);
  assertStrictEquals(window.credit, 256 * KIB);
  window.use(128 * KIB);
  assertStrictEquals(window.replenish(0), 384 * KIB);
  assertStrictEquals(window.credit, 512 * KIB);
  for (let round = 0; round < 3; round++) {
    window.use(512 * KIB);
    assertStrictEquals(window.replenish(500 * KIB), 0);
    assertStrictEquals(window.replenish(0), 512 * KIB);
  }
  // Nor larger than allowed.
  window.widen(4096 * KIB);
  window.use(512 * KIB);
  assertStrictEquals(window.replenish(0), 1024 * KIB);
});
