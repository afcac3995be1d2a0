/**
 * Listing ids and keys, loosely as gitlab-keys always did, or ours alone.
 * Without lock: a reader finds the old file or the new one.
 * Source: gitlab-keys of GitLab Shell 9.4.2, `list-keys` and `list-key-ids`.
 * @module
 */
import {
  classifyLine,
  type LineShape,
  parseManagedLine,
  startsWith,
} from "./line_class.ts";
import {
  BLOCK_BYTES,
  type BlockSource,
  LineScanner,
  type LineSpan,
} from "./line_scan.ts";
import { findKeyWords } from "./public_key.ts";

const LF = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

const encoder = new TextEncoder();
const COMMAND = encoder.encode('command="');
const KEY_PREFIX = encoder.encode("key-");
const SSH_MARK = encoder.encode("ssh-");
const ECDSA_MARK = encoder.encode("ecdsa-");

/** How a listing is made. */
export interface ListOptions {
  /** Leaves out everything but lines of this root. */
  readonly isManagedOnly: boolean;
  /** Writes whole lines, in large pieces; the bytes are ours again afterwards. */
  print(bytes: Uint8Array): Promise<void>;
}

/** Prints `<id> <base64 and comment>` of every key with a forced command. */
export async function listKeys(
  source: BlockSource,
  shape: LineShape,
  options: ListOptions,
): Promise<void> {
  await listLines(source, options, (line, out) => {
    const parts = options.isManagedOnly
      ? findManagedKey(line, shape)
      : findAnyKey(line, shape);
    if (!parts) return;
    out.add(line.buffer.subarray(parts.idStart, parts.idEnd), SPACE);
    out.add(line.buffer.subarray(parts.restStart, line.end), LF);
  });
}

/** Prints the digits behind the first `key-` of every line. */
export async function listKeyIds(
  source: BlockSource,
  shape: LineShape,
  options: ListOptions,
): Promise<void> {
  // In nearly every line the first `key-` stands behind our constant prefix,
  // unless the root directory is named like a key.
  const mayJump = findKeyDigits(shape.start, 0, shape.start.length) < 0;
  await listLines(source, options, (line, out) => {
    const { buffer, start, end } = line;
    let from = start;
    let to = end;
    if (options.isManagedOnly || mayJump) {
      const isManaged = classifyLine(line, shape) === "managed";
      if (!isManaged && options.isManagedOnly) return;
      if (isManaged) from += shape.start.length;
      if (options.isManagedOnly) to = parseManagedLine(line, shape).idEnd;
    }
    const digits = findKeyDigits(buffer, from, to);
    if (digits < 0) return;
    const digitsEnd = skipDigits(buffer, digits, to);
    const isWholeId = digits === from + KEY_PREFIX.length && digitsEnd === to;
    if (options.isManagedOnly && !isWholeId) return;
    out.add(buffer.subarray(digits, digitsEnd), LF);
  });
}

/** Output of one block; it cannot be longer than what was read for it. */
class OutputBuffer {
  readonly #bytes = new Uint8Array(3 * BLOCK_BYTES);
  #filled = 0;

  /** Adds the bytes and one more. */
  add(bytes: Uint8Array, last: number): void {
    if (bytes.length < 32) {
      for (let at = 0; at < bytes.length; at++) {
        this.#bytes[this.#filled + at] = bytes[at] ?? 0;
      }
    } else {
      this.#bytes.set(bytes, this.#filled);
    }
    this.#filled += bytes.length;
    this.#bytes[this.#filled++] = last;
  }

  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#filled);
    this.#filled = 0;
    return taken;
  }
}

async function listLines(
  source: BlockSource,
  { print }: ListOptions,
  visit: (line: LineSpan, out: OutputBuffer) => void,
): Promise<void> {
  const out = new OutputBuffer();
  const scanner = new LineScanner(source, (line) => visit(line, out));
  for (let goesOn = true; goesOn;) {
    goesOn = scanner.step();
    const bytes = out.take();
    if (bytes.length > 0) await print(bytes);
  }
}

interface ListedKey {
  idStart: number;
  idEnd: number;
  restStart: number;
}

function findManagedKey(
  line: LineSpan,
  shape: LineShape,
): ListedKey | undefined {
  if (classifyLine(line, shape) !== "managed") return undefined;
  const { idStart, idEnd, keyStart, keyEnd } = parseManagedLine(line, shape);
  const { blobStart, blobEnd } = findKeyWords(line.buffer, keyStart, keyEnd);
  if (blobStart === blobEnd) return undefined;
  return { idStart, idEnd, restStart: blobStart };
}

/**
 * What the historic pattern matches: a blank inside the quotes of a leading
 * `command="…"`, later `ssh-` or `ecdsa-`, a blank, and something more.
 */
function findAnyKey(
  span: LineSpan,
  shape: LineShape,
): ListedKey | undefined {
  const { buffer, start, end } = span;
  const line = buffer.subarray(start, end);
  if (classifyLine(span, shape) === "managed") {
    // Our own options hold nothing that looks like a type.
    const { idStart, idEnd, hasOurOptions, keyStart } = parseManagedLine(
      span,
      shape,
    );
    const restStart = findRest(
      line,
      (hasOurOptions ? keyStart : idEnd) - start,
    );
    if (restStart === undefined) return undefined;
    return { idStart, idEnd, restStart: start + restStart };
  }
  if (!startsWith(line, COMMAND)) return undefined;
  const idEnd = line.indexOf(QUOTE, COMMAND.length);
  if (idEnd < 0) return undefined;
  let idStart = COMMAND.length + 1;
  while (idStart < idEnd && !isBlank(line[idStart])) idStart++;
  while (idStart < idEnd && isBlank(line[idStart])) idStart++;
  if (idStart >= idEnd) return undefined;
  const restStart = findRest(line, idEnd + 2);
  if (restStart === undefined) return undefined;
  return {
    idStart: start + idStart,
    idEnd: start + idEnd,
    restStart: start + restStart,
  };
}

/** @returns What follows the type; `undefined` if there is none. */
function findRest(line: Uint8Array, from: number): number | undefined {
  let at = from;
  while (at < line.length && !isTypeMark(line, at)) at++;
  while (at < line.length && !isBlank(line[at])) at++;
  return at + 1 < line.length ? at + 1 : undefined;
}

function isTypeMark(line: Uint8Array, at: number): boolean {
  const first = line[at];
  if (first === SSH_MARK[0]) return startsWith(line.subarray(at), SSH_MARK);
  if (first !== ECDSA_MARK[0]) return false;
  return startsWith(line.subarray(at), ECDSA_MARK);
}

/** @returns Where the digits behind the first `key-<digit>` start, or -1. */
function findKeyDigits(buffer: Uint8Array, from: number, to: number): number {
  const [k, e, y, dash] = KEY_PREFIX;
  for (let at = from; at + KEY_PREFIX.length < to; at++) {
    if (
      buffer[at] === k && buffer[at + 1] === e && buffer[at + 2] === y &&
      buffer[at + 3] === dash && isDigit(buffer[at + 4])
    ) return at + KEY_PREFIX.length;
  }
  return -1;
}

function skipDigits(buffer: Uint8Array, at: number, end: number): number {
  while (at < end && isDigit(buffer[at])) at++;
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte !== undefined && byte >= 0x09 && byte <= 0x0d;
}
