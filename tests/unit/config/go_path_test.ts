import { assertEquals } from "@std/assert";
import {
  cleanPath,
  joinPath,
  parentPath,
} from "../../../src/config/go_path.ts";

const CLEANED = [
  ["", "."],
  [".", "."],
  ["/", "/"],
  ["//", "/"],
  ["/srv/", "/srv"],
  ["/srv//a", "/srv/a"],
  ["/srv/./a", "/srv/a"],
  ["/srv/a/../b", "/srv/b"],
  ["/..", "/"],
  ["/../srv", "/srv"],
  ["..", ".."],
  ["../../a", "../../a"],
  ["a/..", "."],
  ["a/../..", ".."],
  ["./a", "a"],
] as const;
for (const [path, cleaned] of CLEANED) {
  Deno.test(`cleanPath() of ${JSON.stringify(path)}`, () => {
    assertEquals(cleanPath(path), cleaned);
    assertEquals(cleanPath(cleaned), cleaned);
  });
}

Deno.test("joinPath() leaves empty parts out and cleans", () => {
  assertEquals(joinPath("/srv", "config.yml"), "/srv/config.yml");
  assertEquals(joinPath("/srv/", "../x.log"), "/x.log");
  assertEquals(joinPath(".", "config.yml"), "config.yml");
  assertEquals(joinPath("", "a"), "a");
  assertEquals(joinPath("", ""), "");
});

Deno.test("parentPath() takes the last name off", () => {
  assertEquals(parentPath("/x/bin/tool"), "/x/bin");
  assertEquals(parentPath("/x"), "/");
  assertEquals(parentPath("/"), "/");
  assertEquals(parentPath("tool"), ".");
  assertEquals(parentPath("a/b"), "a");
});
