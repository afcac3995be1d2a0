import { assertEquals, assertThrows } from "@std/assert";
import { readFullYaml } from "../../../src/config/full_yaml.ts";
import {
  entriesWithMerges,
  findEntry,
  MergeError,
} from "../../../src/config/yaml_merge.ts";

/** Keys and values of the mapping at `a`. */
function mergedAt(text: string): (readonly [string, string])[] {
  const node = findEntry(readFullYaml(text, "config.yml").root, ["a"])?.value;
  if (node?.kind !== "mapping") throw new TypeError("No mapping at a");
  return entriesWithMerges(node).map(({ key, value }) =>
    [key, value.kind === "scalar" ? value.text : value.kind] as const
  );
}

const MERGES = [
  ["a: {b: 1}", [["b", "1"]]],
  ["x: &x {b: 1, c: 2}\na: {<<: *x, b: 3}", [["b", "3"], ["c", "2"]]],
  ["x: &x {b: 1}\ny: &y {b: 2, c: 3}\na: {<<: [*x, *y]}", [
    ["b", "1"],
    ["c", "3"],
  ]],
  ["x: &x {b: 1}\ny: &y {<<: *x, c: 2}\na: {<<: *y}", [["c", "2"], ["b", "1"]]],
  ["x: &x {b: 1}\na: {<<: [*x, *x]}", [["b", "1"]]],
] as const;
for (const [text, entries] of MERGES) {
  const name = `keys-and-config.md 6.2: merges in ${JSON.stringify(text)}`;
  Deno.test(name, () => assertEquals(mergedAt(text), entries));
}

const REFUSED = [
  "a: {<<: 5}",
  "a: {<<: }",
  "a: {<<: [5]}",
  "a: &a {<<: *a}",
  "a: &a {<<: {<<: *a}}",
];
for (const text of REFUSED) {
  Deno.test(`entriesWithMerges() refuses ${text}`, () => {
    assertThrows(() => mergedAt(text), MergeError);
  });
}

Deno.test("entriesWithMerges() takes each mapping once", () => {
  const lines = ["x0: &x0 {b: 1}"];
  for (let at = 1; at < 40; at++) {
    lines.push(`x${at}: &x${at} {<<: [*x${at - 1}, *x${at - 1}]}`);
  }
  lines.push("a: {<<: *x39}");
  assertEquals(mergedAt(lines.join("\n")), [["b", "1"]]);
});
