import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  addCounts,
  formatCounts,
  parseRun,
} from "../../../src/build/test_run.ts";

const SUMMARIES = [
  ["ok | 3 passed | 0 failed (5ms)", [3, 0, 0]],
  ["ok | 3 passed (2 steps) | 0 failed | 1 ignored (5ms)", [3, 0, 1]],
  ["FAILED | 1 passed (1 step) | 2 failed (1 step) | 4 ignored (1s)", [
    1,
    2,
    4,
  ]],
  ["\u001b[32mok\u001b[0m | 3 passed | 0 failed \u001b[2m(5ms)\u001b[0m", [
    3,
    0,
    0,
  ]],
  ["ok | 9 passed | 0 failed (1s)\nok | 3 passed | 0 failed (5ms)", [3, 0, 0]],
  ["ok | 0 passed | 0 failed (0ms)", [0, 0, 0]],
] as const;
for (const [summary, [passed, failed, skipped]] of SUMMARIES) {
  Deno.test(`parseRun() of ${JSON.stringify(summary)}`, () => {
    const { counts } = parseRun(`noise\n${summary}\n`, failed === 0);
    assertEquals(counts, { passed, failed, skipped });
  });
}

Deno.test("parseRun() says nothing of a run that went well", () => {
  const { report } = parseRun("a ... ok\nok | 1 passed | 0 failed (1ms)", true);
  assertEquals(report, "");
});

Deno.test("parseRun() reports a failure from its heading on", () => {
  const text =
    "a ... FAILED\n\n ERRORS \n\na => ./a_test.ts:1:1\nerror: x\n\n" +
    "FAILED | 0 passed | 1 failed (1ms)\n";
  const { report } = parseRun(text, false);
  assertEquals(report.startsWith(" ERRORS "), true);
  assertStringIncludes(report, "a => ./a_test.ts:1:1");
});

Deno.test("parseRun() counts a run that broke off as a failure", () => {
  const { counts, report } = parseRun("error: Module not found", false);
  assertEquals(counts, { passed: 0, failed: 1, skipped: 0 });
  assertEquals(report, "error: Module not found");
});

Deno.test("parseRun() counts a failure that no test had", () => {
  const text = "ok | 5 passed | 0 failed (1ms)\nerror: leak";
  assertEquals(parseRun(text, false).counts.failed, 1);
});

const LINES = [
  [{ passed: 3, failed: 0, skipped: 0 }, "3 passed, 0 failed"],
  [{ passed: 3, failed: 1, skipped: 0 }, "3 passed, 1 failed"],
  [{ passed: 0, failed: 0, skipped: 2 }, "0 passed, 0 failed, 2 skipped"],
] as const;
for (const [counts, line] of LINES) {
  Deno.test(`formatCounts() writes ${line}`, () => {
    assertEquals(formatCounts(counts), line);
  });
}

Deno.test("addCounts() adds each kind", () => {
  assertEquals(
    addCounts(
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ),
    { passed: 11, failed: 22, skipped: 33 },
  );
});
