/**
 * YAML nodes to configuration values, by the table of keys and the rules of
 * Go's decoder: what is wrong is collected, what is unknown is passed over.
 * Source: gopkg.in/yaml.v3 3.0.1 (decode), config.YamlDuration of GitLab Shell.
 * @module
 */
import { CONFIG_KEYS, type ConfigKey } from "./config_keys.ts";
import { ConfigValues } from "./config_values.ts";
import {
  parseGoDuration,
  parseGoNumber,
  parseYamlBoolean,
  parseYesOrNo,
} from "./go_scalar.ts";
import { entriesWithMerges } from "./yaml_merge.ts";
import {
  isNull,
  type YamlEntry,
  type YamlMapping,
  type YamlNode,
  type YamlScalar,
} from "./yaml_node.ts";

/** A place in the file; line 0 means that it has to be looked up. */
export interface KeyPlace {
  readonly path: readonly string[];
  readonly line: number;
}

/** A value that its key cannot hold, or a key that stands twice. */
export interface DecodeFault extends KeyPlace {
  readonly text: string;
  /** Where the key stood first, if that is the fault. */
  readonly firstLine?: number;
}

/** All that a file says. */
export interface DecodedConfig {
  readonly values: ConfigValues;
  readonly faults: DecodeFault[];
  readonly unknown: KeyPlace[];
}

/** A mapping on the way, and the section that it belongs to. */
interface Section {
  readonly mapping: YamlMapping;
  readonly path: readonly string[];
}

/** An entry on the way: nothing is made of it that only a fault would need. */
interface FoundEntry {
  readonly path: readonly string[];
  readonly entry: YamlEntry;
  readonly decoded: DecodedConfig;
}

// As floats, which is how Go compares them too.
const INT64_MAX = 2 ** 63;
const UINT64_MAX = 2 ** 64;
const SHOWN_CHARS_MAX = 10;
const SHOWN_CHARS_CUT = 7;

/**
 * Decodes a document over the defaults.
 * @throws {MergeError} If a merge key has nothing to merge.
 */
export function decodeConfig(root: YamlNode): DecodedConfig {
  const values = new ConfigValues();
  const decoded: DecodedConfig = { values, faults: [], unknown: [] };
  if (root.kind === "mapping") {
    decodeSection({ mapping: root, path: [] }, decoded);
  } else if (!isNull(root)) {
    const tag = describe(root, false);
    const text = `cannot unmarshal ${tag} into a mapping of keys`;
    decoded.faults.push({ path: [], line: root.line, text });
  }
  return decoded;
}

function decodeSection(section: Section, decoded: DecodedConfig): void {
  // As in Go, a mapping with a doubled key is not decoded any further.
  if (hasDoubledKeys(section, decoded)) return;
  const { mapping, path } = section;
  const prefix = path.length === 0 ? "" : `${path.join(".")}.`;
  for (const entry of entriesWithMerges(mapping)) {
    // A dot inside a key does not make a section.
    const name = entry.key.includes(".") ? "" : prefix + entry.key;
    const row = decoded.values.row(name);
    const found = { path, entry, decoded };
    if (row) decodeValue(row, found);
    else if (isSection(name)) decodeSubsection(found);
    else decoded.unknown.push(placeOf(found));
  }
}

function isSection(name: string): boolean {
  const prefix = `${name}.`;
  return CONFIG_KEYS.some(({ path }) => path.startsWith(prefix));
}

function decodeSubsection(found: FoundEntry): void {
  const { path, entry: { key, value }, decoded } = found;
  if (value.kind === "mapping") {
    decodeSection({ mapping: value, path: [...path, key] }, decoded);
  } else if (!isNull(value)) {
    refuse(found, value, { type: "a section" });
  }
}

function hasDoubledKeys(
  { mapping: { entries }, path }: Section,
  { faults }: DecodedConfig,
): boolean {
  const keys = new Set<string>();
  for (const { key } of entries) keys.add(key);
  if (keys.size === entries.length) return false;
  for (const [at, first] of entries.entries()) {
    for (const { key, line } of entries.slice(at + 1)) {
      if (key !== first.key) continue;
      const text = `mapping key ${JSON.stringify(key)} already defined`;
      const firstLine = first.line;
      faults.push({ path: [...path, key], line, text, firstLine });
    }
  }
  return true;
}

function decodeValue(row: ConfigKey, found: FoundEntry): void {
  const { entry: { value: node }, decoded: { values } } = found;
  // Null is a list of its own in Go, where other keys keep their default.
  if (isNull(node)) {
    if (row.type === "strings") values.set(row, []);
  } else if (row.type === "strings") {
    values.set(row, decodeList(found));
  } else if (row.type === "string") {
    if (node.kind === "scalar") values.set(row, node.text);
    else refuse(found, node, { type: "string" });
  } else {
    const { type, convert } = CONVERSIONS[row.type];
    const value = node.kind === "scalar" ? convert(node) : undefined;
    if (value !== undefined) values.set(row, value);
    else refuse(found, node, { type, isShown: true });
  }
}

function decodeList(found: FoundEntry): string[] {
  const node = found.entry.value;
  const texts: string[] = [];
  if (node.kind !== "sequence") {
    refuse(found, node, { type: "[]string" });
    return texts;
  }
  for (const item of node.items) {
    if (isNull(item)) continue;
    if (item.kind === "scalar") texts.push(item.text);
    else refuse(found, item, { type: "string" });
  }
  return texts;
}

function placeOf({ path, entry: { key, line } }: FoundEntry): KeyPlace {
  return { path: [...path, key], line };
}

/** @param node The value, or the part of it that is wrong. */
function refuse(
  found: FoundEntry,
  node: YamlNode,
  { type, isShown = false }: { type: string; isShown?: boolean },
): void {
  const { path, line } = placeOf(found);
  const text = `cannot unmarshal ${describe(node, isShown)} into ${type}`;
  found.decoded.faults.push({ path, line: node.line || line, text });
}

function describe(node: YamlNode, isShown: boolean): string {
  if (node.kind === "sequence") return "!!seq";
  if (node.kind === "mapping") return "!!map";
  const number = node.isPlain ? parseGoNumber(node.text) : undefined;
  const tag = number
    ? number.isFloat ? "!!float" : "!!int"
    : node.isPlain && parseYamlBoolean(node.text) !== undefined
    ? "!!bool"
    : "!!str";
  // Where text was not asked for, it may be a secret in the wrong place.
  if (!isShown) return tag;
  const shown = node.text.length > SHOWN_CHARS_MAX
    ? `${node.text.slice(0, SHOWN_CHARS_CUT)}...`
    : node.text;
  return `${tag} \`${shown}\``;
}

/** What `type` is called in a fault, and how a scalar becomes a value. */
interface Conversion {
  readonly type: string;
  convert(scalar: YamlScalar): boolean | number | undefined;
}

const CONVERSIONS: Readonly<
  Record<
    "bool" | "integer" | "seconds" | "duration" | "duration_text",
    Conversion
  >
> = {
  bool: { type: "bool", convert: toBoolean },
  integer: { type: "int64", convert: toInteger },
  seconds: { type: "uint64", convert: toUnsigned },
  duration: { type: "time.Duration", convert: toDurationMs },
  duration_text: { type: "time.Duration", convert: toDurationTextMs },
};

function toBoolean({ text, isPlain }: YamlScalar): boolean | undefined {
  return (isPlain ? parseYamlBoolean(text) : undefined) ?? parseYesOrNo(text);
}

function toInteger({ text, isPlain }: YamlScalar): number | undefined {
  const value = isPlain ? parseGoNumber(text)?.value : undefined;
  return value !== undefined && value <= INT64_MAX
    ? Math.trunc(value)
    : undefined;
}

function toUnsigned({ text, isPlain }: YamlScalar): number | undefined {
  const number = isPlain ? parseGoNumber(text) : undefined;
  if (!number || !(number.value <= UINT64_MAX)) return undefined;
  if (number.value >= 0) return Math.trunc(number.value);
  // Go lets a negative float wrap around to a huge number.
  return number.isFloat ? UINT64_MAX : undefined;
}

function toDurationMs(scalar: YamlScalar): number | undefined {
  // A bare 0 is both, and the same.
  const durationMs = parseGoDuration(scalar.text);
  if (durationMs !== undefined) return durationMs;
  const seconds = toInteger(scalar);
  return seconds === undefined ? undefined : seconds * 1000;
}

function toDurationTextMs({ text, isPlain }: YamlScalar): number | undefined {
  const durationMs = parseGoDuration(text);
  // A bare 0 is a number, and numbers have no unit; `"0"` is a duration.
  return isPlain && durationMs === 0 && text.endsWith("0")
    ? undefined
    : durationMs;
}
