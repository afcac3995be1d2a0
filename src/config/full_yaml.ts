/**
 * The complete YAML parser behind the same kind of tree as the simple reader.
 * Loaded late: few files need it, and it is the dearest part of a start.
 *
 * The package tells neither lines nor quotes nor doubled keys, so they are
 * asked of it: parsing once with every scalar as text and once with numbers
 * and booleans tells which scalars are plain, and putting a mark in front of a
 * key and parsing again tells where that key stands.
 * @module
 */
import { parse } from "@std/yaml/parse";
import { ConfigError, errorText } from "../core/errors.ts";
import { findEntry } from "./yaml_merge.ts";
import { parseGoNumber } from "./go_scalar.ts";
import {
  makeNull,
  type YamlEntry,
  type YamlMapping,
  type YamlNode,
} from "./yaml_node.ts";
import { findTabIndentation } from "./yaml_tabs.ts";

// A private-use character: legal in YAML, part of no name.
const MARK = "\ue000";
const MARKED_KEY = /^\ue000([0-9]+)\ue000["']?(.*?)["']?$/s;
const DOUBLED_KEYS_MAX = 100;
const DOUBLED_KEY_TEXT = "Cannot store mapping pair: duplicated key";
const DOCUMENT_MARK = /^(?:---|\.\.\.)(?=\s|$)/;
const BLANK_OR_DIRECTIVE = /^(?:\s*(?:#.*)?|%.*)$/;
const QUOTES_IN_MESSAGE = / ?(?:"[^]*"|!<[^]*>)/;
/** A parsed file that can still be asked for lines. */
export interface FullYaml {
  readonly root: YamlNode;
  /** Line of the key at the end of `path`, or 0 if it cannot be told. */
  locate(path: readonly string[]): number;
}

/**
 * Reads the first document of `text`.
 * @param text Without byte order mark.
 * @param file For the error.
 * @throws {ConfigError} If it is not YAML, or uses tags beyond `!!str`,
 * `!!seq` and `!!map`.
 */
export function readFullYaml(text: string, file: string): FullYaml {
  try {
    const marked = markDoubledKeys(keepFirstDocument(text));
    const tabbed = findTabIndentation(marked);
    if (tabbed > 0) {
      const message = `yaml: line ${tabbed}: a tab cannot indent`;
      throw new ConfigError(message, { file });
    }
    return {
      root: buildTree(marked),
      locate: (path) => locateKey(marked, path),
    };
  } catch (error) {
    throw error instanceof ConfigError ? error : toConfigError(error, file);
  }
}

/** Cuts at the second document: Go decodes the first and reads no further. */
function keepFirstDocument(text: string): string {
  let hasStarted = false;
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\n", at) + 1 || text.length;
    const line = text.slice(at, end).trimEnd();
    if (DOCUMENT_MARK.test(line)) {
      if (hasStarted || line.startsWith(".")) return text.slice(0, at);
      hasStarted = true;
    } else if (!BLANK_OR_DIRECTIVE.test(line)) {
      hasStarted = true;
    }
    at = end;
  }
  return text;
}

/** Makes doubled keys differ, so that the tree can hold both. */
function markDoubledKeys(text: string): string {
  let marked = text;
  for (let count = 0;; count++) {
    try {
      parse(marked, { schema: "failsafe" });
      return marked;
    } catch (error) {
      const place = doubledKeyPlace(error);
      if (!place || count === DOUBLED_KEYS_MAX) throw error;
      marked = insertMark(marked, place.offset, `${MARK}${place.line}${MARK}`);
    }
  }
}

/** What the package's error says; its class is not exported beside `parse`. */
interface YamlFault extends Error {
  readonly line: number;
  readonly offset: number;
}

function isYamlFault(error: unknown): error is YamlFault {
  return error instanceof SyntaxError && "line" in error &&
    typeof error.line === "number" && "offset" in error &&
    typeof error.offset === "number";
}

function doubledKeyPlace(error: unknown): YamlFault | undefined {
  const isDoubled = isYamlFault(error) &&
    error.message.startsWith(DOUBLED_KEY_TEXT);
  return isDoubled ? error : undefined;
}

function insertMark(text: string, offset: number, mark: string): string {
  return text.slice(0, offset) + mark + text.slice(offset);
}

function toConfigError(error: unknown, file: string): ConfigError {
  if (error instanceof RangeError) {
    return new ConfigError("yaml: nested too deeply", { file });
  }
  // What stands in quotes is the file's, and so are the lines that follow: it
  // may be a secret, and this text can reach a remote user.
  const what = errorText(error).split(/ at line \d|\n/, 1)[0] ?? "";
  const text = what.replace(QUOTES_IN_MESSAGE, "");
  const line = isYamlFault(error) ? `line ${error.line}: ` : "";
  const message = `yaml: ${line}${text.charAt(0).toLowerCase()}${
    text.slice(1)
  }`;
  return new ConfigError(message, { file });
}

function buildTree(text: string): YamlNode {
  const asText: unknown = parse(text, {
    schema: "failsafe",
    allowDuplicateKeys: true,
  });
  const asTyped: unknown = parse(text, {
    schema: "core",
    allowDuplicateKeys: true,
  });
  return new TreeBuilder().build(asText, asTyped);
}

/** Walks both readings of one document in step. */
class TreeBuilder {
  /** An alias is the same object again: without this, a few could fill memory. */
  readonly #built = new Map<object, YamlNode>();

  build(asText: unknown, asTyped: unknown): YamlNode {
    if (asText === null || asText === undefined) return makeNull(0);
    if (typeof asText !== "object") return buildScalar(String(asText), asTyped);
    const known = this.#built.get(asText);
    if (known) return known;
    return Array.isArray(asText)
      ? this.#buildSequence(asText, asTyped)
      : this.#buildMapping(asText, asTyped);
  }

  #buildSequence(asText: unknown[], asTyped: unknown): YamlNode {
    const items: YamlNode[] = [];
    const node: YamlNode = { kind: "sequence", items, line: 0 };
    this.#built.set(asText, node);
    const typedItems: unknown[] = Array.isArray(asTyped) ? asTyped : [];
    for (const [at, item] of asText.entries()) {
      items.push(this.build(item, typedItems[at]));
    }
    return node;
  }

  #buildMapping(asText: object, asTyped: unknown): YamlMapping {
    const entries: YamlEntry[] = [];
    const node: YamlMapping = { kind: "mapping", entries, line: 0 };
    this.#built.set(asText, node);
    // Keys that read as numbers are spelled anew in the second parse and miss
    // here; no key that a program reads is one.
    const typed = new Map<string, unknown>(
      typeof asTyped === "object" && asTyped !== null
        ? Object.entries(asTyped)
        : [],
    );
    for (const [key, value] of Object.entries(asText)) {
      const [, line = "0", original = key] = MARKED_KEY.exec(key) ?? [];
      const child = this.build(value, typed.get(key));
      entries.push({ key: original, line: Number(line), value: child });
    }
    return node;
  }
}

function buildScalar(text: string, asTyped: unknown): YamlNode {
  const isPlain = typeof asTyped !== "string" || isNumberForGoAlone(text);
  return { kind: "scalar", text, isPlain, line: 0 };
}

/**
 * Whether Go reads a plain `text` as a number and the package as text, such as
 * `0o17`: then quotes leave no trace. It is taken for plain, so that no file
 * is refused that Go accepts.
 */
function isNumberForGoAlone(text: string): boolean {
  return parseGoNumber(text) !== undefined &&
    typeof parse(text, { schema: "core" }) === "string";
}

/** Finds the key whose renaming makes `path` lead nowhere, or elsewhere. */
function locateKey(text: string, path: readonly string[]): number {
  const last = path.at(-1);
  if (last === undefined) return 0;
  const name = RegExp.escape(last);
  const spelled = new RegExp(`(?<![\\w.-])${name}(?=["'\\s:])`, "g");
  for (const { index } of text.matchAll(spelled)) {
    if (!isKeyAt(insertMark(text, index, MARK), path)) continue;
    return text.slice(0, index).split("\n").length;
  }
  return 0;
}

function isKeyAt(renamed: string, path: readonly string[]): boolean {
  try {
    // A doubled key has a line of its own, and is not the one looked for.
    return findEntry(buildTree(renamed), path)?.line !== 0;
  } catch {
    // The mark broke the file, so this was no key.
    return false;
  }
}
