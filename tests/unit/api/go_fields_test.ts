import { assertEquals, assertThrows } from "@std/assert";
import {
  readFields,
  toBoolean,
  toInteger,
  toText,
  toTextMap,
  toTexts,
} from "../../../src/api/go_fields.ts";
import { type JsonValue, parseFirstJson } from "../../../src/api/go_json.ts";
import { ProtocolError } from "../../../src/core/errors.ts";

const json = (text: string) => parseFirstJson(new TextEncoder().encode(text));

function readId(text: string): number {
  let id = 0;
  readFields(json(text), { gl_id: (value) => id = toInteger(value) });
  return id;
}

const IDS: readonly (readonly [text: string, id: number, why: string])[] = [
  ['{"gl_id":7}', 7, "plain"],
  ['{"GL_ID":7}', 7, "other case"],
  ['{"gl_ID":1,"Gl_Id":2}', 2, "the last of two spellings"],
  ['{"gl_id":1,"GL_ID":2,"gl_id":3}', 3, "the last of three"],
  ['{"gl_id":5,"gl_id":null}', 5, "null changes nothing"],
  ['{"gl_id":null}', 0, "null is zero"],
  ["{}", 0, "missing"],
  ["null", 0, "null for all"],
  ['{"other":{"gl_id":7},"x":[1]}', 0, "unknown members"],
  ['{"gl_id":-0}', 0, "minus zero"],
  ['{"gl_id":9007199254740991}', 9007199254740991, "the largest"],
];
for (const [text, id, why] of IDS) {
  Deno.test(`internal-api.md 3.2: readFields() reads ${text} (${why})`, () => {
    assertEquals(readId(text), id);
  });
}

Deno.test("readFields() folds as Go does: the long s and the Kelvin sign are letters", () => {
  let seen = "";
  readFields(json('{"\u017fta\u212aus":"x"}'), {
    stakus: (value) => seen = toText(value),
  });
  assertEquals(seen, "x");
});

for (const name of ["constructor", "__proto__", "toString"]) {
  Deno.test(`readFields() knows no field called ${name}`, () => {
    assertEquals(readId(`{"${name}":7}`), 0);
  });
}

for (const text of ["[]", '"x"', "1", "true"]) {
  Deno.test(`internal-api.md 3.2: readFields() refuses ${text}`, () => {
    assertThrows(() => readId(text), ProtocolError);
  });
}

const WRONG: readonly (readonly [
  name: string,
  read: (value: JsonValue) => unknown,
  texts: readonly string[],
])[] = [
  ["toText", toText, ["1", "true", "{}", "[]"]],
  ["toBoolean", toBoolean, ['"true"', "1", "{}"]],
  ["toInteger", toInteger, [
    '"7"',
    "1.0",
    "1e3",
    "true",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
  ]],
  ["toTexts", toTexts, ['"x"', "{}", "[1]", '["a",{}]']],
  ["toTextMap", toTextMap, ["[]", '"x"', '{"a":1}', '{"a":true}']],
];
for (const [name, read, texts] of WRONG) {
  for (const text of texts) {
    Deno.test(`internal-api.md 3.2: ${name}() refuses ${text}`, () => {
      assertThrows(() => read(json(text)), ProtocolError);
    });
  }
}

Deno.test("toTexts() and toTextMap() read null inside as empty", () => {
  assertEquals(toTexts(json('["a",null]')), ["a", ""]);
  assertEquals(toTextMap(json('{"a":"1","b":null,"a":"2"}')), {
    a: "2",
    b: "",
  });
});

Deno.test("toTextMap() makes a member of __proto__, not a prototype", () => {
  const map = toTextMap(json('{"__proto__":"x"}'));
  assertEquals(Object.keys(map), ["__proto__"]);
  assertEquals(Object.getPrototypeOf(map), Object.prototype);
});
