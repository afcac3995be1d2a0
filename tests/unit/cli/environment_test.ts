import { assertStrictEquals } from "@std/assert";
import {
  decodeQuotedValue,
  readVariable,
} from "../../../src/cli/environment.ts";

const QUOTED = [
  ["plain é 😀", "plain é 😀"],
  [String.raw`a\"b\\c`, 'a"b\\c'],
  [String.raw`\t\n\r\0\'`, "\t\n\r\0'"],
  [String.raw`\xFF\xfe`, "\uFFFDxfe"],
  [String.raw`\xE9\x90`, "\uFFFD\uFFFD"],
  [String.raw`\\xFF`, "\\xFF"],
  [String.raw`\u{200b}\u{1}\u{1f600}`, "\u200B\u0001😀"],
] as const;
for (const [quoted, value] of QUOTED) {
  Deno.test(`decodeQuotedValue() of ${quoted}`, () => {
    assertStrictEquals(decodeQuotedValue(quoted), value);
  });
}

const HOMES = [
  [undefined, "/deno/home", "/deno/home"],
  ["/home/git", "/deno/home", "/home/git"],
  ["", "/deno/home", ""],
] as const;
for (const [callerHome, home, expected] of HOMES) {
  Deno.test(`readVariable() of HOME when the caller's is ${callerHome}`, () => {
    const before = ["HOME", "CALLER_HOME"].map((name) =>
      [name, Deno.env.get(name)] as const
    );
    try {
      Deno.env.set("HOME", home);
      if (callerHome === undefined) Deno.env.delete("CALLER_HOME");
      else Deno.env.set("CALLER_HOME", callerHome);
      assertStrictEquals(readVariable("HOME"), expected);
    } finally {
      for (const [name, value] of before) {
        if (value === undefined) Deno.env.delete(name);
        else Deno.env.set(name, value);
      }
    }
  });
}

Deno.test("readVariable() knows no variable that is not set", () => {
  assertStrictEquals(readVariable("NO_SUCH_VARIABLE_HERE"), undefined);
});
