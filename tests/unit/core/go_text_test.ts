import { assertEquals } from "@std/assert";
import {
  isGoBlank,
  quoteGo,
  stringifyGoJson,
  trimGoSpace,
} from "../../../src/core/go_text.ts";

const GO_SPACES =
  "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004" +
  "\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

Deno.test("shell.md 3.3: trimGoSpace() knows Go's white space and no other", () => {
  assertEquals(
    trimGoSpace(`${GO_SPACES}a${GO_SPACES}b${GO_SPACES}`),
    `a${GO_SPACES}b`,
  );
  for (const char of ["\ufeff", "\u200b", "\u180e", "\u001c", "\u0000"]) {
    assertEquals(trimGoSpace(` ${char} `), char);
  }
});

Deno.test("isGoBlank() is true for nothing and white space", () => {
  assertEquals(isGoBlank(""), true);
  for (const char of GO_SPACES) assertEquals(isGoBlank(char), true);
  assertEquals(isGoBlank("\ufeff"), false);
});

const QUOTED = [
  ["", '""'],
  ["plain", '"plain"'],
  ['a"b\\c', '"a\\"b\\\\c"'],
  ["\x07\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
  ["\x00\x1b\x7f", '"\\x00\\x1b\\x7f"'],
  ["\u00e9 \u4e2d", '"\u00e9 \u4e2d"'],
  ["\u{1f600}", '"\u{1f600}"'],
  ["\u00a0\u2028\u200b\ufeff", '"\\u00a0\\u2028\\u200b\\ufeff"'],
  ["\u0085", '"\\u0085"'],
  ["\u{e0001}", '"\\U000e0001"'],
  ["'", '"\'"'],
] as const;
for (const [text, quoted] of QUOTED) {
  Deno.test(`quoteGo() of ${JSON.stringify(text)}`, () => {
    assertEquals(quoteGo(text), quoted);
  });
}

Deno.test("stringifyGoJson() escapes what Go's encoder escapes", () => {
  assertEquals(
    stringifyGoJson({ a: "<b>&\u2028\u2029", "<": 1 }),
    '{"a":"\\u003cb\\u003e\\u0026\\u2028\\u2029","\\u003c":1}',
  );
  assertEquals(stringifyGoJson(["\ud800a"]), '["\ufffda"]');
  assertEquals(stringifyGoJson({ a: undefined, b: null }), '{"b":null}');
});
