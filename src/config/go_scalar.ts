/**
 * How Go reads the scalars of a YAML file and its durations.
 * Source: gopkg.in/yaml.v3 3.0.1 (resolve), Go strconv.ParseInt with base 0,
 * Go time.ParseDuration.
 * @module
 */

/** A plain scalar that Go takes for a number. */
export interface GoNumber {
  readonly isFloat: boolean;
  readonly value: number;
}

// Neighbours of these are not told apart: a number is a float here anyway.
const UINT64_MAX = 2 ** 64;
const INT64_MIN = -(2 ** 63);
const NUMBER_START = /^[-+.0-9]/;
const INTEGER =
  /^([-+]?)(?:0x([0-9a-f]+)|0b([01]+)|0o?([0-7]+)|(0|[1-9][0-9]*))$/i;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const INFINITY = /^[-+]?\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;

/**
 * Reads a plain scalar as a number.
 * @returns `undefined` if Go takes it for text. Numbers that fit 64 bits are
 * whole, larger ones are floats, as in Go.
 * @example
 * ```ts
 * import { parseGoNumber } from "./go_scalar.ts";
 * parseGoNumber("0x10"); // { isFloat: false, value: 16 }
 * ```
 */
export function parseGoNumber(text: string): GoNumber | undefined {
  // The usual spelling, without the cost of the patterns below in a cold start.
  const usual = Number(text);
  if (Number.isSafeInteger(usual) && String(usual) === text) {
    return { isFloat: false, value: usual };
  }
  if (!NUMBER_START.test(text)) return undefined;
  if (INFINITY.test(text)) {
    return { isFloat: true, value: text[0] === "-" ? -Infinity : Infinity };
  }
  if (NOT_A_NUMBER.test(text)) return { isFloat: true, value: NaN };
  const digits = text.replaceAll("_", "");
  const whole = parseWhole(digits);
  if (whole !== undefined) return { isFloat: false, value: whole };
  const value = FLOAT.test(digits) ? Number(digits) : NaN;
  return Number.isFinite(value) ? { isFloat: true, value } : undefined;
}

function parseWhole(digits: string): number | undefined {
  const match = INTEGER.exec(digits);
  if (!match) return undefined;
  const [, sign, hex, binary, octal, decimal = ""] = match;
  const size = hex
    ? parseInt(hex, 16)
    : binary
    ? parseInt(binary, 2)
    : octal
    ? parseInt(octal, 8)
    : Number(decimal);
  if (sign === "-") return -size >= INT64_MIN ? 0 - size : undefined;
  return size <= (sign === "+" ? -INT64_MIN : UINT64_MAX) ? size : undefined;
}

/** Whether a plain scalar is one of YAML's booleans; `undefined` if neither. */
export function parseYamlBoolean(text: string): boolean | undefined {
  if (text === "true" || text === "True" || text === "TRUE") return true;
  if (text === "false" || text === "False" || text === "FALSE") return false;
  return undefined;
}

const YES_WORDS = ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"];
const NO_WORDS = ["n", "N", "no", "No", "NO", "off", "Off", "OFF"];

/** The older words for a boolean, which count even in quotes. */
export function parseYesOrNo(text: string): boolean | undefined {
  if (YES_WORDS.includes(text)) return true;
  return NO_WORDS.includes(text) ? false : undefined;
}

const DURATION_MS_MAX = 2 ** 63 / 1e6;

/**
 * Reads a duration such as `1m30s`.
 * @returns Milliseconds, or `undefined` if Go refuses the text: no unit, an
 * unknown one, or more than 64 bits of nanoseconds.
 * @example
 * ```ts
 * import { parseGoDuration } from "./go_scalar.ts";
 * parseGoDuration("1m30s"); // 90000
 * ```
 */
export function parseGoDuration(text: string): number | undefined {
  const isNegative = text.startsWith("-");
  const parts = isNegative || text.startsWith("+") ? text.slice(1) : text;
  if (parts === "0") return 0;
  let sizeMs = 0;
  let at = 0;
  do {
    const amountEnd = endOfRun(parts, at, true);
    const unitEnd = endOfRun(parts, amountEnd, false);
    const amount = parseAmount(parts.slice(at, amountEnd));
    sizeMs += amount * unitMs(parts.slice(amountEnd, unitEnd));
    at = unitEnd;
  } while (at < parts.length);
  // Not a number if any part was not.
  if (!(sizeMs < DURATION_MS_MAX)) return undefined;
  return isNegative ? -sizeMs : sizeMs;
}

/** Where the digits and points, or the other characters, from `at` on end. */
function endOfRun(text: string, at: number, isAmount: boolean): number {
  let end = at;
  for (; end < text.length; end++) {
    const char = text.charAt(end);
    if ((char === "." || (char >= "0" && char <= "9")) !== isAmount) break;
  }
  return end;
}

function parseAmount(digits: string): number {
  // Number() refuses two points and a lone one, but takes nothing for zero.
  return digits === "" ? NaN : Number(digits);
}

function unitMs(unit: string): number {
  switch (unit) {
    case "h":
      return 3_600_000;
    case "m":
      return 60_000;
    case "s":
      return 1_000;
    case "ms":
      return 1;
    case "us":
    case "\u00b5s":
    case "\u03bcs":
      return 1e-3;
    case "ns":
      return 1e-6;
    default:
      return NaN;
  }
}
