import { assertStrictEquals } from "@std/assert";
import { formatUtcTime } from "../../../src/core/utc_time.ts";

const DAY_MS = 86_400_000;

Deno.test("formatUtcTime() says what Date says on every day of 800 years", () => {
  const first = Date.UTC(1600, 0, 1);
  for (let day = 0; day < 2 * 146_097; day++) {
    const ms = first + day * DAY_MS + (day * 7_919_123) % DAY_MS;
    assertStrictEquals(formatUtcTime(ms), new Date(ms).toISOString());
  }
});

const EDGES = [
  0,
  -1,
  999,
  DAY_MS - 1,
  DAY_MS,
  Date.UTC(2000, 1, 29),
  Date.UTC(2100, 2, 1) - 1,
  Date.UTC(9999, 11, 31, 23, 59, 59, 999),
];
for (const ms of EDGES) {
  Deno.test(`formatUtcTime() says what Date says at ${ms}`, () => {
    assertStrictEquals(formatUtcTime(ms), new Date(ms).toISOString());
    assertStrictEquals(formatUtcTime(ms + 0.9), new Date(ms).toISOString());
  });
}
