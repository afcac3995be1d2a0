import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  formatBuildTime,
  parseRelease,
  readStamp,
} from "../../../src/build/stamp.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const CHANGELOGS = [
  ["# Changelog\n\n## Unreleased\n\n- x\n", undefined],
  ["## Unreleased\n\n## 14.57.0\n\n## 14.56.1\n", "v14.57.0"],
  ["## v1.2.3 - 2026-09-01\n", "v1.2.3"],
  ["## 1.2.3-rc1\n", "v1.2.3"],
  ["text 1.2.3\n### 4.5.6\n", undefined],
  ["## 1.2\n", undefined],
] as const;
for (const [changelog, version] of CHANGELOGS) {
  Deno.test(`parseRelease() of ${JSON.stringify(changelog)}`, () => {
    assertStrictEquals(parseRelease(changelog), version);
  });
}

Deno.test("formatBuildTime() writes UTC to the second", () => {
  const date = new Date(Date.UTC(2026, 8, 1, 10, 11, 12, 999));
  assertStrictEquals(formatBuildTime(date), "20260901.101112");
});

Deno.test("readStamp() takes version and time from what it is given", async () => {
  // No repository of git, so the changelog decides.
  using folder = makeTempDir({ "CHANGELOG.md": "## 9.8.7\n" });
  assertEquals(await readStamp(folder.path, "86400"), {
    version: "v9.8.7",
    buildTime: "19700102.000000",
  });
});

Deno.test("formatBuildTime() refuses what is no time", () => {
  assertThrows(() => formatBuildTime(new Date(NaN)), RangeError);
});
