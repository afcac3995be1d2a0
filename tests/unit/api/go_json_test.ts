import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  JSON_DEPTH_MAX,
  JsonNumber,
  JsonObject,
  type JsonValue,
  parseFirstJson,
  toPlainJson,
} from "../../../src/api/go_json.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const encoder = new TextEncoder();
const parse = (text: string) => parseFirstJson(encoder.encode(text));

const VALUES: readonly (readonly [text: string, value: JsonValue])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
  [" \t\r\n1", new JsonNumber("1")],
  ["-0", new JsonNumber("-0")],
  ["1.50e+3", new JsonNumber("1.50e+3")],
  ["9007199254740993", new JsonNumber("9007199254740993")],
  ['""', ""],
  [String.raw`"a\"\\\/\b\f\n\r\tä"`, 'a"\\/\b\f\n\r\tä'],
  [String.raw`"😀"`, "😀"],
  [String.raw`"\ud83dx"`, "\ufffdx"],
  [String.raw`"\\"`, "\\"],
  ["[]", []],
  ["[1,[null]]", [new JsonNumber("1"), [null]]],
  ["{}", new JsonObject([])],
  [
    '{ "a" : 1 , "A" : 2 , "a" : null }',
    new JsonObject([
      ["a", new JsonNumber("1")],
      ["A", new JsonNumber("2")],
      ["a", null],
    ]),
  ],
];
for (const [text, value] of VALUES) {
  Deno.test(`parseFirstJson() reads ${text.trim()}`, () => {
    assertEquals(parse(text), value);
  });
}

for (const rest of ["xyz", "}", "\0", '{"id":2}', '"', "\ufeff", "  "]) {
  Deno.test(`parseFirstJson() does not care for ${JSON.stringify(rest)} after the value`, () => {
    assertEquals(toPlainJson(parse(`{"id":1}${rest}`)), { id: 1 });
  });
}

Deno.test("parseFirstJson() reads invalid UTF-8 as Go does, a mark for each byte", () => {
  const bytes = Uint8Array.of(0x22, 0xff, 0xfe, 0x61, 0x22);
  assertEquals(parseFirstJson(bytes), "\ufffd\ufffda");
});

const REFUSED = [
  "",
  " ",
  "x",
  "nul",
  "'a'",
  '"a',
  '"a\\"',
  '"a\nb"',
  '"\\x"',
  '"\\u12g4"',
  "-",
  "+1",
  ".5",
  "[1",
  "[1,]",
  "[01]",
  "[1.]",
  "[1e]",
  "{",
  "{a:1}",
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{"a":1 "b":2}',
  "<html>",
  "NaN",
  "\ufeff{}",
  "\u00a0{}",
];
for (const text of REFUSED) {
  Deno.test(`parseFirstJson() refuses ${JSON.stringify(text)}`, () => {
    assertThrows(() => parse(text), ProtocolError);
  });
}

Deno.test("parseFirstJson() has a limit on depth", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert(Array.isArray(parse(nested(JSON_DEPTH_MAX))));
  assertThrows(
    () => parse(nested(JSON_DEPTH_MAX + 2)),
    ProtocolError,
    "too deeply",
  );
  assertThrows(() => parse("[".repeat(1_000_000)), ProtocolError, "too deeply");
  assertThrows(
    () => parse('{"a":'.repeat(1_000_000)),
    ProtocolError,
    "too deeply",
  );
});

Deno.test("toPlainJson() gives what JSON.parse() gives", () => {
  const text = '{"a":[1,2.5,{"b":null,"__proto__":{"x":true}}],"c":"d"}';
  const plain = toPlainJson(parse(text));
  assertEquals(JSON.stringify(plain), text);
  assertEquals(Object.getPrototypeOf(plain), Object.prototype);
});

Deno.test("parseFirstJson() and JSON.parse() agree on texts that are one value", () => {
  const random = new SeededRandom(7);
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "1",
    "-",
    ".5",
    "e3",
    "null",
    " ",
    "\\n",
    "\n",
  ];
  let agreed = 0;
  for (let round = 0; round < 20_000; round++) {
    let text = "";
    for (let count = random.below(8); count >= 0; count--) {
      text += random.pick(pieces);
    }
    let expected: unknown;
    try {
      expected = JSON.parse(text);
    } catch {
      // Not one value. Ours may still find a first one, but fails in no other way.
      try {
        parse(text);
      } catch (error) {
        assert(error instanceof ProtocolError, text);
      }
      continue;
    }
    agreed++;
    assertEquals(toPlainJson(parse(text)), expected, text);
  }
  assert(agreed > 500, `only ${agreed} texts were JSON`);
});
