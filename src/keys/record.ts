/**
 * Key records: one a line, an id, a TAB and a public key. The same rules hold
 * for the arguments of `add-key`.
 * Source: gitlab-keys of GitLab Shell 9.4.2, `add-key` and `batch-add-keys`.
 * @module
 */
import { quoteGo } from "../core/go_text.ts";
import { LINE_BYTES_MAX, RefusedLineError } from "./line.ts";
import { decodeBase64, findKeyWords, isKeyType } from "./public_key.ts";

/** Longest record; a line that is written may not even be as long. */
export const RECORD_BYTES_MAX = 2 * LINE_BYTES_MAX;
const ECHO_BYTES_MAX = 256;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const DELETE = 0x7f;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How much is asked of ids and keys. */
export interface RecordRules {
  /** Ids are `key-<digits>`, types are known, blobs are base64. */
  readonly isStrict: boolean;
}

/** One record; the views are valid until the visitor returns. */
export interface KeyRecord {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
}

/**
 * Checks the id of a key, prefix included.
 * @throws {RefusedLineError} `Invalid key_id: "…"`.
 */
export function parseKeyId(text: string, rules: RecordRules): Uint8Array {
  const id = encoder.encode(text);
  if (!isKeyId(id, rules)) throw invalidKeyId(id);
  return id;
}

/**
 * Checks a public key; one line end behind it is dropped.
 * @throws {RefusedLineError} `Invalid public_key: "…"`.
 */
export function parsePublicKey(text: string, rules: RecordRules): Uint8Array {
  const key = encoder.encode(text.replace(/\r\n$|[\r\n]$/, ""));
  if (!isPublicKey(key, rules)) throw invalidPublicKey(key);
  return key;
}

/**
 * Splits and checks a record.
 * @param line Without bound of trust, with or without its line end.
 * @throws {RefusedLineError} What is wrong, the line number not included.
 */
export function parseRecord(line: Uint8Array, rules: RecordRules): KeyRecord {
  const { start, end } = stripSpace(line);
  const tab = line.subarray(0, end).indexOf(TAB, start);
  if (
    tab < 0 || line.subarray(0, end).includes(TAB, tab + 1) ||
    line.length > RECORD_BYTES_MAX
  ) {
    throw new RefusedLineError(`invalid input ${quoteBytes(line)}`);
  }
  const id = line.subarray(start, tab);
  const key = line.subarray(tab + 1, end);
  if (!isKeyId(id, rules)) throw invalidKeyId(id);
  if (!isPublicKey(key, rules)) throw invalidPublicKey(key);
  return { id, key };
}

/** Quotes bytes for a message, cut where a message becomes a nuisance. */
export function quoteBytes(bytes: Uint8Array): string {
  const quoted = quoteGo(decoder.decode(bytes.subarray(0, ECHO_BYTES_MAX)));
  return bytes.length > ECHO_BYTES_MAX ? `${quoted}...` : quoted;
}

function invalidKeyId(id: Uint8Array): RefusedLineError {
  return new RefusedLineError(`Invalid key_id: ${quoteBytes(id)}`);
}

function invalidPublicKey(key: Uint8Array): RefusedLineError {
  return new RefusedLineError(`Invalid public_key: ${quoteBytes(key)}`);
}

function isKeyId(id: Uint8Array, { isStrict }: RecordRules): boolean {
  if (id.length === 0) return false;
  for (let at = 0; at < id.length; at++) {
    const byte = id[at] ?? 0;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    const isLower = byte >= 0x61 && byte <= 0x7a;
    if (!isDigit && !isLower && byte !== 0x2d) return false;
  }
  return !isStrict || /^key-[0-9]+$/.test(decoder.decode(id));
}

function isPublicKey(key: Uint8Array, { isStrict }: RecordRules): boolean {
  if (key.length === 0 || key.length > LINE_BYTES_MAX) return false;
  for (let at = 0; at < key.length; at++) {
    const byte = key[at] ?? 0;
    if (byte < SPACE || byte === DELETE) return false;
  }
  if (isNoKey(key)) return false;
  return !isStrict || isStrictKey(key);
}

/**
 * Whether something else than a key begins here, such as the options of an
 * authorized_keys line. Behind our own options sshd would not read it, and the
 * key would never work.
 */
function isNoKey(key: Uint8Array): boolean {
  const words = findKeyWords(key, 0, key.length);
  if (words.typeStart === words.typeEnd) return true;
  for (let at = words.typeStart; at < words.typeEnd; at++) {
    const byte = key[at];
    if (byte === QUOTE || byte === COMMA || byte === EQUALS) return true;
  }
  if (words.blobEnd - words.blobStart > 64) return false;
  const word = (start: number, end: number) =>
    decoder.decode(key.subarray(start, end));
  return isKeyType(word(words.blobStart, words.blobEnd)) &&
    !isKeyType(word(words.typeStart, words.typeEnd));
}

function isStrictKey(key: Uint8Array): boolean {
  const words = findKeyWords(key, 0, key.length);
  const type = decoder.decode(key.subarray(words.typeStart, words.typeEnd));
  return isKeyType(type) && words.typeStart === 0 &&
    words.blobEnd > words.blobStart &&
    decodeBase64(key, words.blobStart, words.blobEnd) !== undefined;
}

/** Drops white space on both ends, the line end included. */
function stripSpace(line: Uint8Array): { start: number; end: number } {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line[start])) start++;
  while (end > start && isSpace(line[end - 1])) end--;
  return { start, end };
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === undefined || byte >= TAB && byte <= CR;
}
