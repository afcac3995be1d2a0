/**
 * JSON as Go's decoder reads a stream: the first value counts, what follows it
 * does not matter. Members keep their order, repeats and spelling, and numbers
 * their digits, since all of that decides what Go makes of them.
 * Source: Go, package encoding/json (Decoder.Decode); RFC 8259.
 * @module
 */
import { decodeAscii } from "../core/ascii.ts";
import { ProtocolError } from "../core/errors.ts";

/** Levels of nesting; Go allows ten times as many, GitLab sends five. */
export const JSON_DEPTH_MAX = 1000;

/** A number by its digits. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An object's members in order, repeats included. */
export class JsonObject {
  readonly members: readonly (readonly [name: string, value: JsonValue])[];
  constructor(members: readonly (readonly [string, JsonValue])[]) {
    this.members = members;
  }
}

/** Any JSON value. */
export type JsonValue =
  | null
  | boolean
  | string
  | JsonNumber
  | JsonObject
  | readonly JsonValue[];

/**
 * Reads the first value of `bytes`.
 * @throws {ProtocolError} If there is none, or it is nested too deeply.
 */
export function parseFirstJson(bytes: Uint8Array): JsonValue {
  return new Parser(decodeAscii(bytes) ?? decodeUtf8(bytes)).value(0);
}

/** `ignoreBOM` keeps the mark, which then is no JSON, as in Go. */
function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** The value as `JSON.parse` would give it; a repeated name keeps its last value. */
export function toPlainJson(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof JsonObject) {
    // fromEntries() makes own properties even of `__proto__`.
    return Object.fromEntries(
      value.members.map(([name, member]) => [name, toPlainJson(member)]),
    );
  }
  return Array.isArray(value) ? value.map(toPlainJson) : value;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS: readonly (readonly [string, boolean | null])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonValue {
    if (depth > JSON_DEPTH_MAX) this.#fail("JSON is nested too deeply");
    switch (this.#peek()) {
      case "{":
        return this.#object(depth + 1);
      case "[":
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): JsonObject {
    const members: [string, JsonValue][] = [];
    this.#at++;
    if (this.#takes("}")) return new JsonObject(members);
    do {
      if (this.#peek() !== '"') this.#fail("Member has no name");
      const name = this.#string();
      if (!this.#takes(":")) this.#fail("Member has no value");
      members.push([name, this.value(depth)]);
    } while (this.#takes(","));
    if (!this.#takes("}")) this.#fail("Object does not end");
    return new JsonObject(members);
  }

  #array(depth: number): JsonValue[] {
    const items: JsonValue[] = [];
    this.#at++;
    if (this.#takes("]")) return items;
    do items.push(this.value(depth)); while (this.#takes(","));
    if (!this.#takes("]")) this.#fail("Array does not end");
    return items;
  }

  #string(): string {
    const text = this.#text;
    let end = this.#at;
    do {
      end = text.indexOf('"', end + 1);
      if (end < 0) this.#fail("String does not end");
    } while (isEscaped(text, end));
    const literal = text.slice(this.#at, end + 1);
    try {
      // Its judgement on escapes and control characters is Go's too. Half a
      // surrogate pair becomes U+FFFD there.
      const value: unknown = JSON.parse(literal);
      this.#at = end + 1;
      return String(value).toWellFormed();
    } catch {
      this.#fail("String holds what it may not");
    }
  }

  #scalar(): JsonValue {
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    NUMBER.lastIndex = this.#at;
    const [digits] = NUMBER.exec(this.#text) ?? [];
    if (digits === undefined) this.#fail("No JSON value");
    this.#at += digits.length;
    return new JsonNumber(digits);
  }

  /** The next character that is no white space, which is passed over. */
  #peek(): string {
    while (" \t\r\n".includes(this.#text.charAt(this.#at))) {
      // charAt() gives "" past the end, which every string includes.
      if (this.#at >= this.#text.length) break;
      this.#at++;
    }
    return this.#text.charAt(this.#at);
  }

  #takes(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #fail(message: string): never {
    throw new ProtocolError(message, this.#at);
  }
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charAt(at - 1 - backslashes) === "\\") backslashes++;
  return backslashes % 2 === 1;
}
