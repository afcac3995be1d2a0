import { assertStrictEquals, assertThrows } from "@std/assert";
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
    const set = new Map<string, string>([["HOME", home]]);
    if (callerHome !== undefined) set.set("CALLER_HOME", callerHome);
    const value = readVariable("HOME", (name) => set.get(name));
    assertStrictEquals(value, expected);
  });
}

Deno.test("readVariable() takes what Deno refuses to decode", () => {
  const value = readVariable("ANY", () => {
    throw new Deno.errors.InvalidData(
      String.raw`environment variable was not valid unicode: "a\xFF\n"`,
    );
  });
  assertStrictEquals(value, "a\uFFFD\n");
});

Deno.test("readVariable() passes on what it does not know", () => {
  const refusal = new Deno.errors.InvalidData("said in other words");
  assertThrows(
    () =>
      readVariable("ANY", () => {
        throw refusal;
      }),
    Deno.errors.InvalidData,
    "in other words",
  );
});

Deno.test("readVariable() knows no variable that is not set", () => {
  assertStrictEquals(readVariable("NO_SUCH_VARIABLE_HERE"), undefined);
});
