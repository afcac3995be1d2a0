import { assertEquals } from "@std/assert";
import {
  parseGoDuration,
  parseGoNumber,
  parseYamlBoolean,
  parseYesOrNo,
} from "../../../src/config/go_scalar.ts";

const whole = (value: number) => ({ isFloat: false, value });
const float = (value: number) => ({ isFloat: true, value });

const NUMBERS = [
  ["0", whole(0)],
  ["300", whole(300)],
  ["-1", whole(-1)],
  ["-0", whole(0)],
  ["+5", whole(5)],
  ["010", whole(8)],
  ["0o17", whole(15)],
  ["0x10", whole(16)],
  ["0X1f", whole(31)],
  ["-0b11", whole(-3)],
  ["1_000", whole(1000)],
  ["1_", whole(1)],
  ["9223372036854775807", whole(2 ** 63)],
  ["18446744073709551615", whole(2 ** 64)],
  ["99999999999999999999", float(1e20)],
  ["08", float(8)],
  ["2.7", float(2.7)],
  [".5", float(0.5)],
  ["5.", float(5)],
  ["1e3", float(1000)],
  ["1e21", float(1e21)],
  [".inf", float(Infinity)],
  ["-.INF", float(-Infinity)],
  [".nan", float(NaN)],
  ["", undefined],
  [" 1", undefined],
  ["_1", undefined],
  ["1e999", undefined],
  ["0x", undefined],
  ["0o8", undefined],
  ["1.2.3", undefined],
  ["1:30", undefined],
  ["2024-01-01", undefined],
  ["Infinity", undefined],
  ["NaN", undefined],
  [".", undefined],
  ["+", undefined],
  ["5s", undefined],
] as const;
for (const [text, number] of NUMBERS) {
  Deno.test(`parseGoNumber() of ${JSON.stringify(text)}`, () => {
    assertEquals(parseGoNumber(text), number);
  });
}

const DURATIONS = [
  ["0", 0],
  ["+0", 0],
  ["1m30s", 90_000],
  ["500ms", 500],
  ["1.5h", 5_400_000],
  [".5s", 500],
  ["5.s", 5_000],
  ["-5s", -5_000],
  ["+5s", 5_000],
  ["1us", 0.001],
  ["1\u00b5s", 0.001],
  ["1\u03bcs", 0.001],
  ["1ns", 0.000001],
  ["1h1m1s1ms", 3_661_001],
  ["9223372036s", 9_223_372_036_000],
  ["9223372037s", undefined],
  ["", undefined],
  ["5", undefined],
  ["1d", undefined],
  ["s", undefined],
  [".s", undefined],
  ["1..5s", undefined],
  ["1s5", undefined],
  ["5 s", undefined],
  ["5S", undefined],
  ["--5s", undefined],
  ["1e3s", undefined],
  ["Infinitys", undefined],
  ["0x5s", undefined],
] as const;
for (const [text, sizeMs] of DURATIONS) {
  Deno.test(`parseGoDuration() of ${JSON.stringify(text)}`, () => {
    assertEquals(parseGoDuration(text), sizeMs);
  });
}

Deno.test("parseYamlBoolean() knows three spellings each", () => {
  const words = ["true", "True", "TRUE", "tRUE", "false", "False", "FALSE"];
  const read = words.map(parseYamlBoolean);
  assertEquals(read, [true, true, true, undefined, false, false, false]);
  assertEquals(parseYamlBoolean("yes"), undefined);
});

Deno.test("keys-and-config.md 6.2: parseYesOrNo() knows sixteen words", () => {
  for (const word of ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]) {
    assertEquals(parseYesOrNo(word), true, word);
  }
  for (const word of ["n", "N", "no", "No", "NO", "off", "Off", "OFF"]) {
    assertEquals(parseYesOrNo(word), false, word);
  }
  for (const word of ["1", "0", "yEs", "true", "", "constructor"]) {
    assertEquals(parseYesOrNo(word), undefined, word);
  }
});
