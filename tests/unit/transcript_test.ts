import { assertEquals, assertMatch } from "@std/assert";
import { findDifference, parseTranscript } from "../support/transcript.ts";

Deno.test("parseTranscript() takes prompts, output and other blocks apart", () => {
  const steps = parseTranscript(
    "a\n```console\n# one | two\nout\n# A comment\n$ three\n```\n```sh\n# no\n```\n",
  );
  assertEquals(steps, [
    {
      prompt: "#",
      command: "one | two",
      expected: ["out", "# A comment"],
      line: 3,
    },
    { prompt: "$", command: "three", expected: [], line: 6 },
  ]);
});

Deno.test("findDifference() knows wildcards, and is strict otherwise", () => {
  assertEquals(findDifference("ok  1.2 ms x\n", ["ok ... ms x"]), undefined);
  assertEquals(findDifference("a\nb\nc\n", ["...", "c"]), undefined);
  assertEquals(findDifference("", []), undefined);
  assertMatch(findDifference("a\n", []) ?? "", /no more/);
  assertMatch(findDifference("a\nb\n", ["a"]) ?? "", /no more/);
  assertMatch(findDifference("a.c\n", ["abc"]) ?? "", /"abc"/);
});
