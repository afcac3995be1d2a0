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

Deno.test("the window doubles from the second slow round that the consumer waited for", () => {
  const bench = makeWindow();
  const given = [10, 10, 10, 10, 10].map((stepMs) => step(bench, stepMs, true));
  assertEquals(given, [256, 512, 1024, 1024, 1024].map((size) => size * KIB));
});

Deno.test("the window does not grow when the sender is fast or the consumer never waits", () => {
  for (const [stepMs, waits] of [[0.5, true], [10, false]] as const) {
    const bench = makeWindow();
    for (let round = 0; round < 5; round++) {
      assertStrictEquals(step(bench, stepMs, waits), 256 * KIB);
    }
  }
});

Deno.test("the window shrinks by halves when a burst was not waited for", () => {
  const bench = makeWindow();
  for (let round = 0; round < 4; round++) step(bench, 10, true);
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
