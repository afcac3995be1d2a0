import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../../../src/devstack/api/rate_limiter.ts";

const MINUTE_MS = 60_000;
const KEY = ["git-upload-pack", "tanuki/reef", "key", "1"];

/** A clock that stands still until it is set. */
class SetClock {
  atMs = 10 * MINUTE_MS;
  nowMs(): number {
    return this.atMs;
  }
}

function hitTimes(limiter: RateLimiter, times: number, key = KEY): boolean[] {
  return Array.from({ length: times }, () => limiter.hit([key]));
}

Deno.test("RateLimiter.hit() lets 600 pass and refuses the 601st", () => {
  const limiter = new RateLimiter(600, new SetClock());
  assertEquals(hitTimes(limiter, 600).includes(true), false);
  assertEquals(hitTimes(limiter, 2), [true, true]);
});

Deno.test("RateLimiter.hit() begins anew when the clock's minute ends, not a minute after the first hit", () => {
  const clock = new SetClock();
  clock.atMs = 10 * MINUTE_MS + 59_999;
  const limiter = new RateLimiter(1, clock);
  assertEquals(hitTimes(limiter, 2), [false, true]);
  clock.atMs += 1;
  assertEquals(hitTimes(limiter, 2), [false, true]);
  clock.atMs += MINUTE_MS - 1;
  assertEquals(hitTimes(limiter, 1), [true]);
});

Deno.test("RateLimiter.hit() counts refused requests too", () => {
  const limiter = new RateLimiter(1, new SetClock());
  const other = ["git-upload-pack", "tanuki/reef", "ip", "192.0.2.1"];
  assertEquals(hitTimes(limiter, 2), [false, true]);
  // The second counter was never hit alone; the first refuses for both.
  assertEquals(limiter.hit([KEY, other]), true);
  assertEquals(limiter.hit([other]), true);
});

Deno.test("internal-api.md case 134: a limit of 0 limits nothing", () => {
  const limiter = new RateLimiter(0, new SetClock());
  assertEquals(hitTimes(limiter, 1000).includes(true), false);
});

const APART = [
  ["case 131: actions", ["git-receive-pack", "tanuki/reef", "key", "1"]],
  ["case 132: project texts", [
    "git-upload-pack",
    "tanuki/reef.git",
    "key",
    "1",
  ]],
  ["keys", ["git-upload-pack", "tanuki/reef", "key", "2"]],
  ["keys and users of one name", [
    "git-upload-pack",
    "tanuki/reef",
    "user",
    "1",
  ]],
] as const;
for (const [what, other] of APART) {
  Deno.test(`internal-api.md ${what} are counted apart`, () => {
    const limiter = new RateLimiter(1, new SetClock());
    assertEquals(limiter.hit([KEY]), false);
    assertEquals(limiter.hit([other]), false);
    assertEquals(limiter.hit([KEY]), true);
  });
}
