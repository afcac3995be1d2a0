/**
 * From JSON to typed fields by Go's rules: names match in any case, the last
 * of several wins, `null` changes nothing, unknown names do not matter, and a
 * value of the wrong type spoils the whole.
 * Source: Go, package encoding/json (Unmarshal).
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { JsonNumber, JsonObject, type JsonValue } from "./go_json.ts";

/** What to do with each known field; `null` never reaches it. */
export type FieldReaders = Readonly<
  Record<string, (value: Exclude<JsonValue, null>) => void>
>;

/**
 * Hands the members of an object to their readers, in order.
 * @param value `null` counts as an object without members.
 * @throws {ProtocolError} If it is neither; or what a reader throws.
 */
export function readFields(value: JsonValue, readers: FieldReaders): void {
  if (value === null) return;
  if (!(value instanceof JsonObject)) fail("an object");
  const known = new Map(Object.entries(readers));
  for (const [name, member] of value.members) {
    if (member !== null) known.get(foldName(name))?.(member);
  }
}

/** @throws {ProtocolError} If it is no string. */
export function toText(value: JsonValue): string {
  if (typeof value !== "string") fail("a string");
  return value;
}

/** @throws {ProtocolError} If it is no boolean. */
export function toBoolean(value: JsonValue): boolean {
  if (typeof value !== "boolean") fail("a boolean");
  return value;
}

/**
 * Reads an integer.
 * @throws {ProtocolError} If it has a fraction or an exponent, or is larger
 * than a number of ours can hold: a rounded id would be somebody else's.
 */
export function toInteger(value: JsonValue): number {
  if (!(value instanceof JsonNumber) || !/^-?[0-9]+$/.test(value.text)) {
    fail("an integer");
  }
  const number = Number(value.text);
  if (!Number.isSafeInteger(number)) fail("an integer below 2^53");
  // "-0" is zero.
  return number + 0;
}

/** @throws {ProtocolError} If it is no array of strings; `null` in it is empty. */
export function toTexts(value: JsonValue): string[] {
  if (!Array.isArray(value)) fail("an array");
  return value.map((item: JsonValue) => item === null ? "" : toText(item));
}

/** @throws {ProtocolError} If it is no object of strings; `null` in it is empty. */
export function toTextMap(value: JsonValue): Record<string, string> {
  if (!(value instanceof JsonObject)) fail("an object");
  return Object.fromEntries(value.members.map(([name, member]) => [
    name,
    member === null ? "" : toText(member),
  ]));
}

/** Lower case in Go's sense, where the long s and the Kelvin sign are letters of ours. */
function foldName(name: string): string {
  return name.toLowerCase().replaceAll("\u017f", "s");
}

function fail(expected: string): never {
  throw new ProtocolError(`Field is not ${expected}`, 0);
}
