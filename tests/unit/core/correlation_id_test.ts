import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  chooseCorrelationId,
  makeCorrelationId,
} from "../../../src/core/correlation_id.ts";

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const ZEROS = new Uint8Array(10);
const ONES = new Uint8Array(10).fill(0xff);

const GOLDEN = [
  [0, ZEROS, "00000000000000000000000000"],
  [0, ONES, "0000000000ZZZZZZZZZZZZZZZZ"],
  [2 ** 48 - 1, ONES, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"],
  // The example of the ULID specification's own time part.
  [1_469_918_176_385, ZEROS, "01ARYZ6S410000000000000000"],
  [1_469_918_176_385.9, ZEROS, "01ARYZ6S410000000000000000"],
] as const;
for (const [nowMs, random, id] of GOLDEN) {
  Deno.test(`makeCorrelationId() at ${nowMs} is ${id}`, () => {
    assertEquals(makeCorrelationId(nowMs, random), id);
  });
}

Deno.test("makeCorrelationId() puts every random bit into its place", () => {
  const random = Uint8Array.of(0x08, 0x42, 0x10, 0x84, 0x21, 0, 0, 0, 0, 0);
  assertEquals(makeCorrelationId(0, random).slice(10), "1111111100000000");
});

Deno.test("shell.md case 148: an id is a 26-character ULID, never the same", () => {
  const ids = Array.from({ length: 100 }, () => makeCorrelationId(Date.now()));
  assert(ids.every((id) => ULID.test(id)));
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("keys-and-config.md case 142: CORRELATION_ID is taken as it is", () => {
  for (const id of ["abc123", "E:1:x", "a b", "~".repeat(255)]) {
    assertEquals(chooseCorrelationId(id, 0), id);
  }
});

const UNUSABLE = [
  undefined,
  "",
  " ",
  " a",
  "a\r\nX-Evil: 1",
  "a\n",
  "\u00e9",
  "a\u0000",
  "x".repeat(256),
];
for (const given of UNUSABLE) {
  const name = `chooseCorrelationId() makes one instead of ${
    JSON.stringify(given)?.slice(0, 20)
  }`;
  Deno.test(name, () => {
    const id = chooseCorrelationId(given, Date.now());
    assertNotEquals(id, given);
    assert(ULID.test(id));
  });
}
