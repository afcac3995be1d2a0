/**
 * What each line of an authorized_keys file is to us. Pure, on bytes: a file
 * may hold anything, and what we do not manage must come through untouched.
 * @module
 */
import { LINE_OPTIONS, type ShellPath } from "./line.ts";
import type { LineSpan } from "./line_scan.ts";

/**
 * `managed`: ours. `other_root`: GitLab's, of another installation.
 * `tombstone`: a removed line. `marker`: the "Managed by" comment. `foreign`:
 * everything else, blank lines and comments included.
 */
export type LineClass =
  | "managed"
  | "other_root"
  | "tombstone"
  | "marker"
  | "foreign";

/** First line of a file that is written anew. */
export const MARKER_LINE = "# Managed by gitlab-shell";
const RAILS_MARKER_LINE = "# Managed by gitlab-rails";

const encoder = new TextEncoder();
const COMMAND = encoder.encode('command="');
const PROGRAM = encoder.encode("bin/gitlab-shell");
const MARKERS = [MARKER_LINE, RAILS_MARKER_LINE].map((line) =>
  encoder.encode(line)
);
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/** The constant bytes around the id in every line of one root. */
export interface LineShape {
  /** `command="ROOT/bin/gitlab-shell ` */
  readonly start: Uint8Array;
  /** `",OPTIONS ` */
  readonly middle: Uint8Array;
  /** Length of the shortest line that could be written: id and key of 1 byte. */
  readonly bytesMin: number;
}

/** Where the parts of a managed line are, as positions in its buffer. */
export interface ManagedParts {
  idStart: number;
  idEnd: number;
  /** Whether what stands between id and key is exactly what we write. */
  hasOurOptions: boolean;
  /** Start of the key; the end of the line if the options are not ours. */
  keyStart: number;
  /** End of the key; a CR before the line end is not part of it. */
  keyEnd: number;
}

/** Encodes the constant parts of a line. */
export function makeLineShape(shellPath: ShellPath): LineShape {
  const start = encoder.encode(`command="${shellPath} `);
  const middle = encoder.encode(`",${LINE_OPTIONS} `);
  return { start, middle, bytesMin: start.length + 1 + middle.length + 1 };
}

/**
 * Joins the parts to a line, without line end.
 * @param into Where the line is put; a new array if it is left out.
 * @returns The part of `into` that is the line.
 */
export function encodeManagedLine(
  { start, middle }: LineShape,
  { id, key }: { readonly id: Uint8Array; readonly key: Uint8Array },
  into?: Uint8Array,
): Uint8Array {
  const idEnd = start.length + id.length;
  const keyStart = idEnd + middle.length;
  const end = keyStart + key.length;
  const line = into ?? new Uint8Array(end);
  line.set(start);
  line.set(id, start.length);
  line.set(middle, idEnd);
  line.set(key, keyStart);
  return line.subarray(0, end);
}

/** Tells what a line is. A line longer than the scanner's buffer is told by its head. */
export function classifyLine(line: LineSpan, shape: LineShape): LineClass {
  const { buffer, start, end } = line;
  switch (buffer[start]) {
    case COMMAND[0]:
      if (start === end) return "foreign";
      if (isManagedLine(line, shape)) return "managed";
      return isLineOfOtherRoot(line) ? "other_root" : "foreign";
    case HASH:
      if (start === end) return "foreign";
      if (isTombstone(line, shape.bytesMin)) return "tombstone";
      return isMarker(line) ? "marker" : "foreign";
    default:
      return "foreign";
  }
}

/** Finds the parts of a line that is `managed`. */
export function parseManagedLine(
  { buffer, start, end }: LineSpan,
  { start: prefix, middle }: LineShape,
): ManagedParts {
  const idStart = start + prefix.length;
  const idEnd = skipIdentifier(buffer, idStart, end);
  const lineEnd = end > idEnd && buffer[end - 1] === CR ? end - 1 : end;
  const hasOurOptions = idEnd + middle.length <= lineEnd &&
    holdsAt(buffer, idEnd, middle);
  const keyStart = hasOurOptions ? idEnd + middle.length : lineEnd;
  return { idStart, idEnd, hasOurOptions, keyStart, keyEnd: lineEnd };
}

/** Whether `bytes` stand at `at`; the caller knows that there is room. */
function holdsAt(buffer: Uint8Array, at: number, bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (buffer[at + index] !== bytes[index]) return false;
  }
  return true;
}

/** Whether `bytes` begin with `prefix`. */
export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) {
    if (bytes[at] !== prefix[at]) return false;
  }
  return true;
}

/** Whether both hold the same bytes. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && startsWith(left, right);
}

function isManagedLine(
  { buffer, start, end }: LineSpan,
  { start: prefix }: LineShape,
): boolean {
  const idStart = start + prefix.length;
  if (idStart >= end) return false;
  // The end of the prefix differs first: all roots begin alike.
  for (let at = prefix.length - 1; at >= 0; at--) {
    if (buffer[start + at] !== prefix[at]) return false;
  }
  const idEnd = skipIdentifier(buffer, idStart, end);
  return idEnd > idStart && idEnd < end && buffer[idEnd] === QUOTE;
}

function isLineOfOtherRoot({ buffer, start, end }: LineSpan): boolean {
  if (!startsWith(buffer.subarray(start, end), COMMAND)) return false;
  const pathStart = start + COMMAND.length;
  let at = pathStart;
  while (at < end && buffer[at] !== SPACE) {
    if (buffer[at] === QUOTE || buffer[at] === BACKSLASH) return false;
    at++;
  }
  const programStart = at - PROGRAM.length;
  if (programStart < pathStart) return false;
  if (!startsWith(buffer.subarray(programStart, at), PROGRAM)) return false;
  if (programStart > pathStart && buffer[programStart - 1] !== SLASH) {
    return false;
  }
  const idEnd = skipIdentifier(buffer, at + 1, end);
  return idEnd > at + 1 && idEnd < end && buffer[idEnd] === QUOTE;
}

function isTombstone(
  { buffer, start, end }: LineSpan,
  bytesMin: number,
): boolean {
  // A shorter run is somebody's ruler, and stays.
  if (end - start < bytesMin) return false;
  for (let at = start; at < end; at++) {
    if (buffer[at] !== HASH) return false;
  }
  return true;
}

function isMarker({ buffer, start, end }: LineSpan): boolean {
  const lineEnd = buffer[end - 1] === CR ? end - 1 : end;
  const line = buffer.subarray(start, lineEnd);
  return MARKERS.some((marker) => equalBytes(line, marker));
}

/** @returns The end of the run of `[a-zA-Z0-9._-]` that begins at `at`. */
function skipIdentifier(buffer: Uint8Array, at: number, end: number): number {
  while (at < end && isIdentifierByte(buffer[at] ?? 0)) at++;
  return at;
}

function isIdentifierByte(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a || byte >= 0x30 && byte <= 0x39 ||
    byte >= 0x41 && byte <= 0x5a || byte === 0x2d || byte === 0x2e ||
    byte === 0x5f;
}
