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
  const decoded = { values: new ConfigValues(), faults: [], unknown: [] };
  if (root.kind === "mapping") {
    decodeSection({ mapping: root, path: [] }, decoded);
  } else if (!isNull(root)) {
    refuse(decoded, root, { type: "a mapping of keys", path: [], line: 0 });
  }
  return decoded;
}

function decodeSection(
  { mapping, path: parent }: Section,
  decoded: DecodedConfig,
): void {
  // As in Go, a mapping with a doubled key is not decoded any further.
  if (hasDoubledKeys({ mapping, path: parent }, decoded)) return;
  const prefix = parent.map((name) => `${name}.`).join("");
  for (const { key, line, value } of entriesWithMerges(mapping)) {
    // A dot inside a key does not make a section.
    const name = key.includes(".") ? "" : prefix + key;
    const row = decoded.values.row(name);
    const place = { path: [...parent, key], line };
    if (row) decodeValue(row, value, { place, decoded });
    else if (!isSection(name)) decoded.unknown.push(place);
    else if (value.kind === "mapping") {
      decodeSection({ mapping: value, path: place.path }, decoded);
    } else if (!isNull(value)) {
      refuse(decoded, value, { type: "a section", ...place });
    }
  }
}

function isSection(name: string): boolean {
  const prefix = `${name}.`;
  return CONFIG_KEYS.some(({ path }) => path.startsWith(prefix));
}

function hasDoubledKeys(
  { mapping: { entries }, path: parent }: Section,
  { faults }: DecodedConfig,
): boolean {
  const keys = new Set(entries.map(({ key }) => key));
  if (keys.size === entries.length) return false;
  for (const [at, first] of entries.entries()) {
    for (const { key, line } of entries.slice(at + 1)) {
      if (key !== first.key) continue;
      const text = `mapping key ${JSON.stringify(key)} already defined`;
      const path = [...parent, key];
      faults.push({ path, line, text, firstLine: first.line });
    }
  }
  return true;
}

function decodeValue(
  row: ConfigKey,
  node: YamlNode,
  { place, decoded }: { place: KeyPlace; decoded: DecodedConfig },
): void {
  // Null is a list of its own in Go, where other keys keep their default.
  if (isNull(node)) {
    if (row.type === "strings") decoded.values.set(row, []);
  } else if (row.type === "strings") {
    decoded.values.set(row, decodeList(node, { place, decoded }));
  } else if (row.type === "string") {
    if (node.kind === "scalar") decoded.values.set(row, node.text);
    else refuse(decoded, node, { type: "string", ...place });
  } else {
    const { type, convert } = CONVERSIONS[row.type];
    const value = node.kind === "scalar" ? convert(node) : undefined;
    if (value !== undefined) decoded.values.set(row, value);
    else refuse(decoded, node, { type, ...place, isShown: true });
  }
}

function decodeList(
  node: YamlNode,
  { place, decoded }: { place: KeyPlace; decoded: DecodedConfig },
): string[] {
  const texts: string[] = [];
  if (node.kind !== "sequence") {
    refuse(decoded, node, { type: "[]string", ...place });
    return texts;
  }
  for (const item of node.items) {
    if (isNull(item)) continue;
    if (item.kind === "scalar") texts.push(item.text);
    else refuse(decoded, item, { type: "string", ...place });
  }
  return texts;
}

/** What was expected where, and whether the value may be repeated. */
interface Refusal extends KeyPlace {
  readonly type: string;
  readonly isShown?: boolean;
}

function refuse(
  { faults }: DecodedConfig,
  node: YamlNode,
  { type, path, line, isShown = false }: Refusal,
): void {
  const text = `cannot unmarshal ${describe(node, isShown)} into ${type}`;
  faults.push({ path, line: node.line || line, text });
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
