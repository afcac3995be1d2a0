import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawPerformance } from "../../bench/performance_picture.ts";
import {
  judge,
  median,
  quantile,
  type Question,
  ratio,
} from "../../bench/question.ts";
import { formatRows, formatTable, listMisses } from "../../bench/report.ts";
import { replaceBlock } from "../../bench/results.ts";

const QUESTION: Question = {
  family: "start",
  title: "key <lookup>",
  unit: "ms",
  series: [
    { name: "empty", values: [10, 20, 40], notes: {} },
    { name: "ours", values: [12, 30, 44], notes: { "MiB peak": 39 } },
  ],
  goals: [
    { of: "ours", against: "empty", atMost: 1.25 },
    { of: "ours", against: "empty", atMost: 1.1 },
    { of: "ours", note: "MiB peak", atMost: 42 },
    { of: "ours", against: "nobody", atMost: 1 },
  ],
};

Deno.test("median() and quantile() of odd, even and no values", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([]), NaN);
  assertEquals(quantile([5, 1, 4, 2, 3], 0.9), 5);
  assertEquals(quantile([5, 1, 4, 2, 3], 0.1), 1);
});

Deno.test("ratio() compares round by round, not median with median", () => {
  const [empty, ours] = QUESTION.series;
  if (!empty || !ours) throw new Error("The question has no series");
  // 1.2, 1.5 and 1.1; the medians would say 1.5.
  assertEquals(ratio(ours, empty), 1.2);
});

Deno.test("judge() leaves out what has no contender and tells what was missed", () => {
  assertEquals(judge(QUESTION).map(({ isReached }) => isReached), [
    true,
    false,
    true,
  ]);
  const [miss = ""] = listMisses([QUESTION]);
  assertStringIncludes(miss, "ours 1.20, wanted <= 1.1 x empty");
});

Deno.test("judge() takes a value that is enough for a ratio that is not", () => {
  const goal = { of: "ours", against: "empty", atLeast: 2, orAtLeast: 30 };
  const [verdict] = judge({ ...QUESTION, unit: "MiB/s", goals: [goal] });
  assertEquals(verdict?.isReached, true);
});

Deno.test("formatRows() shows a row for each contender", () => {
  const [first = "", second = ""] = formatRows(QUESTION);
  assertStringIncludes(first, "| key <lookup> | empty | 20 ms |");
  assertStringIncludes(second, "|  | ours | 30 ms | 12 to 44 ms, 3 rounds |");
  assertStringIncludes(second, "1.20 x");
  assertStringIncludes(second, "**<= 1.1 x empty: 1.20, missed**");
});

Deno.test("drawPerformance() writes one well-formed picture", () => {
  const point = (at: number) => ({ curve: "by size", at, unit: "MiB" });
  const picture = drawPerformance(
    [QUESTION, ...[1, 8, 64].map((at) => ({ ...QUESTION, point: point(at) }))],
    "a <run>",
  );
  assertStringIncludes(picture, "<title>a &lt;run&gt;</title>");
  assertStringIncludes(picture, "key &lt;lookup&gt;");
  assertStringIncludes(picture, "<polyline");
  assertEquals(picture.includes("NaN"), false);
  const open = picture.match(/<(?:svg|g|text|title|style)[ >]/g)?.length;
  assertEquals(picture.match(/<\/(?:svg|g|text|title|style)>/g)?.length, open);
});

Deno.test("replaceBlock() leaves the rest of a page as it is", () => {
  const page = "a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb\n";
  const table = formatTable([QUESTION]);
  const replaced = replaceBlock(page, table);
  assertEquals(
    replaced,
    `a\n<!-- bench: begin -->\n\n${table}\n\n<!-- bench: end -->\nb\n`,
  );
  assertEquals(replaceBlock("no place\n", table), undefined);
});
