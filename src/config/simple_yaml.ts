/**
 * A reader for the YAML that configuration files are made of: block mappings,
 * one-line scalars, lists of words, comments. Anything else is declined, and
 * the whole file then goes to the complete parser.
 *
 * The complete parser takes 3 to 4 ms of a cold process, a quarter of an empty
 * start (Deno 2.9.6), and every program reads this file before it does anything
 * else. This reader accepts a form only if the complete parser reads it the
 * same way, which a test holds against it with made-up files.
 * Source: YAML 1.1 and 1.2, where both agree with gopkg.in/yaml.v3.
 * @module
 */
import {
  makeNull,
  type YamlEntry,
  type YamlMapping,
  type YamlNode,
} from "./yaml_node.ts";

// Tabs, lone CR, other control characters, other spaces and line breaks, and
// what does not fit 16 bits: rare, and each with rules of its own.
const UNUSUAL = /[^\n\x20-\x7e\xa1-\u167f\u2010-\u2027\u3001-\ud7ff]/;
const KEY = /^[A-Za-z_][\w.-]*$/;
const PLAIN_START = /^(?:[^?:,[\]{}#&*!|>'"%@` -]|-[\w/.])/;
const FLOW_WORD = /^[\w./+~][\w./@+~-]*$/;
// Far below the 1024 characters at which YAML stops looking for the colon.
const KEY_CHARS_MAX = 128;
const DEPTH_MAX = 8;

/** A line that says something. */
interface Line {
  readonly indent: number;
  /** Without indentation and trailing spaces. */
  readonly body: string;
  readonly number: number;
}

/** The lines, and which of them is read next. */
interface Cursor {
  readonly lines: readonly Line[];
  next: number;
}

/**
 * Reads the first document of `text`.
 * @param text Without byte order mark.
 * @returns `undefined` if any part of it needs the complete parser.
 */
export function readSimpleYaml(text: string): YamlNode | undefined {
  const lines = splitLines(text);
  if (!lines) return undefined;
  if (lines.length === 0) return makeNull(1);
  const cursor: Cursor = { lines, next: 0 };
  const mapping = readMapping(cursor, 0, 0);
  return cursor.next === lines.length ? mapping : undefined;
}

function splitLines(text: string): Line[] | undefined {
  const unix = text.includes("\r") ? text.replaceAll("\r\n", "\n") : text;
  if (UNUSUAL.test(unix)) return undefined;
  const lines: Line[] = [];
  let hasStarted = false;
  let number = 0;
  for (const raw of unix.split("\n")) {
    number++;
    const body = raw.trim();
    if (body === "" || body.startsWith("#")) continue;
    const indent = raw.indexOf(body);
    if (indent === 0 && isDocumentMark(body)) {
      // The first document is all that counts; what follows is not even read.
      if (hasStarted || body === "...") break;
      if (body !== "---") return undefined;
    } else {
      lines.push({ indent, body, number });
    }
    hasStarted = true;
  }
  return lines;
}

function isDocumentMark(body: string): boolean {
  const isMark = body.startsWith("---") || body.startsWith("...");
  return isMark && (body.length === 3 || body[3] === " ");
}

// Each of the following returns `undefined` for what the complete parser must
// see; where they stop too early, the next line's indentation gives it away.

function readMapping(
  cursor: Cursor,
  indent: number,
  depth: number,
): YamlMapping | undefined {
  if (depth > DEPTH_MAX) return undefined;
  const entries: YamlEntry[] = [];
  const firstLine = cursor.lines[cursor.next]?.number ?? 0;
  for (;;) {
    const line = cursor.lines[cursor.next];
    if (!line || line.indent < indent) break;
    if (line.indent > indent) return undefined;
    cursor.next++;
    const entry = readEntry(cursor, line, depth);
    if (!entry) return undefined;
    entries.push(entry);
  }
  return { kind: "mapping", entries, line: firstLine };
}

function readEntry(
  cursor: Cursor,
  { body, number, indent }: Line,
  depth: number,
): YamlEntry | undefined {
  const colon = body.indexOf(":");
  const key = body.slice(0, colon);
  const isShort = colon > 0 && colon <= KEY_CHARS_MAX;
  if (!isShort || !KEY.test(key)) return undefined;
  const rest = body.slice(colon + 1);
  const source = rest.trimStart();
  if (source !== "" && rest === source) return undefined;
  const value = source === "" || source.startsWith("#")
    ? readNested(cursor, { indent, number }, depth)
    : readInline(source, number);
  return value && { key, line: number, value };
}

/** Reads what stands below `key:`, if anything does. */
function readNested(
  cursor: Cursor,
  key: { readonly indent: number; readonly number: number },
  depth: number,
): YamlNode | undefined {
  const line = cursor.lines[cursor.next];
  // A list may stand at the indentation of its key, a mapping may not.
  const isList = line?.body.startsWith("- ") ?? false;
  if (!line || line.indent < key.indent + (isList ? 0 : 1)) {
    return makeNull(key.number);
  }
  return isList
    ? readList(cursor, line)
    : readMapping(cursor, line.indent, depth + 1);
}

function readList(cursor: Cursor, first: Line): YamlNode | undefined {
  const items: YamlNode[] = [];
  for (;;) {
    const line = cursor.lines[cursor.next];
    if (line?.indent !== first.indent || !line.body.startsWith("- ")) break;
    const item = readInline(line.body.slice(2).trimStart(), line.number);
    if (item?.kind !== "scalar") return undefined;
    cursor.next++;
    items.push(item);
  }
  return { kind: "sequence", items, line: first.number };
}

function readInline(source: string, line: number): YamlNode | undefined {
  switch (source[0]) {
    case '"':
    case "'":
      return readQuoted(source, line);
    case "[":
      return readFlowList(source, line);
    case "{":
      // Empty ones alone: `pat: {}`.
      return source[1] === "}" && isEndOfValue(source.slice(2))
        ? { kind: "mapping", entries: [], line }
        : undefined;
    default:
      return readPlain(source, line);
  }
}

/** Reads quotes without anything that is spelled otherwise than it reads. */
function readQuoted(source: string, line: number): YamlNode | undefined {
  const quote = source.charAt(0);
  const end = source.indexOf(quote, 1);
  if (end < 0 || !isEndOfValue(source.slice(end + 1))) return undefined;
  const text = source.slice(1, end);
  if (quote === '"' && text.includes("\\")) return undefined;
  return { kind: "scalar", text, isPlain: false, line };
}

function readPlain(source: string, line: number): YamlNode | undefined {
  if (!PLAIN_START.test(source)) return undefined;
  const comment = source.indexOf(" #");
  const text = comment < 0 ? source : source.slice(0, comment).trimEnd();
  if (text.endsWith(":") || text.includes(": ")) return undefined;
  return { kind: "scalar", text, isPlain: true, line };
}

/** Reads a list of words on one line; a bracket or comma in quotes ends it. */
function readFlowList(source: string, line: number): YamlNode | undefined {
  const end = source.indexOf("]");
  if (end < 0 || !isEndOfValue(source.slice(end + 1))) return undefined;
  const inner = source.slice(1, end).trim();
  const items: YamlNode[] = [];
  for (const word of inner === "" ? [] : inner.split(",")) {
    const text = word.trim();
    const item: YamlNode | undefined = FLOW_WORD.test(text)
      ? { kind: "scalar", text, isPlain: true, line }
      : text.startsWith('"') || text.startsWith("'")
      ? readQuoted(text, line)
      : undefined;
    if (!item) return undefined;
    items.push(item);
  }
  return { kind: "sequence", items, line };
}

/** Whether nothing but a comment follows a value that has an end of its own. */
function isEndOfValue(tail: string): boolean {
  return tail === "" || (tail[0] === " " && tail.trimStart()[0] === "#");
}
