import { assertEquals } from "@std/assert";
import {
  isRetryableStatus,
  parseRetryAfter,
  RETRY_AFTER_MS_MAX,
  retryWaitMs,
} from "../../../src/api/retry.ts";

const NOW_MS = Date.UTC(2026, 7, 18, 9, 21, 49);

const STATUSES: readonly (readonly [status: number, isRetryable: boolean])[] = [
  [200, false],
  [300, false],
  [301, false],
  [400, false],
  [401, false],
  [404, false],
  [408, false],
  [428, false],
  [429, true],
  [499, false],
  [500, true],
  [501, false],
  [502, true],
  [503, true],
  [504, true],
  [599, true],
  [600, true],
  [999, true],
];
for (const [status, isRetryable] of STATUSES) {
  Deno.test(`internal-api.md 1.7: ${status} is ${isRetryable ? "" : "not "}tried again`, () => {
    assertEquals(isRetryableStatus(status), isRetryable);
  });
}

const PARSED: readonly (readonly [text: string, waitMs: number | undefined])[] =
  [
    ["0", 0],
    ["5", 5_000],
    ["+5", 5_000],
    ["60", 60_000],
    ["Tue, 18 Aug 2026 09:21:51 GMT", 2_000],
    ["Tue, 18 Aug 2026 09:21:51 UTC", 2_000],
    ["Tue, 18 Aug 2026 09:21:40 GMT", 0],
    ["-1", undefined],
    ["soon", undefined],
    ["", undefined],
    ["1.5", undefined],
    ["5 ", undefined],
    ["0x5", undefined],
    ["99999999999999999999", undefined],
    ["2026-08-18T09:21:51Z", undefined],
    ["Tue, 99 Aug 2026 09:21:51 GMT", undefined],
  ];
for (const [text, waitMs] of PARSED) {
  Deno.test(`internal-api.md case 35: Retry-After ${JSON.stringify(text)} is ${waitMs} ms`, () => {
    assertEquals(parseRetryAfter(text, NOW_MS), waitMs);
  });
}

const WAITS: readonly (readonly [
  number: number,
  status: number,
  retryAfter: string | undefined,
  waitMs: number,
])[] = [
  [1, 0, undefined, 1_000],
  [2, 0, undefined, 2_000],
  [1, 500, undefined, 1_000],
  [2, 500, undefined, 2_000],
  [1, 503, "5", 5_000],
  [2, 503, "0", 0],
  [1, 429, "3", 3_000],
  [1, 500, "5", 1_000],
  [1, 503, "-1", 1_000],
  [2, 503, "soon", 2_000],
  [1, 503, "60", RETRY_AFTER_MS_MAX],
  [1, 429, "Tue, 18 Aug 2026 10:21:49 GMT", RETRY_AFTER_MS_MAX],
];
for (const [number, status, retryAfter, waitMs] of WAITS) {
  Deno.test(`internal-api.md 1.7: after attempt ${number}, status ${status}, Retry-After ${retryAfter}: ${waitMs} ms`, () => {
    assertEquals(retryWaitMs({ number, status, retryAfter }, NOW_MS), waitMs);
  });
}
