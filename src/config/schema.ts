/**
 * The table of keys as a JSON Schema, for editors that complete and check
 * `config.yml` while it is written. Pure.
 * Source: JSON Schema, draft 2020-12.
 * @module
 */
import {
  CONFIG_KEYS,
  type ConfigKey,
  type ConfigKeyType,
} from "./config_keys.ts";
import { OBSOLETE_KEYS } from "./lint.ts";

/** A part of a schema, as JSON has it. */
type Schema = { [member: string]: unknown };

const DURATION =
  "^[+-]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$";

/** What YAML may hold under a key of each type; null leaves the default. */
const TYPES: Readonly<Record<ConfigKeyType, Schema>> = {
  string: { type: ["string", "number", "boolean", "null"] },
  bool: {
    anyOf: [
      { type: ["boolean", "null"] },
      { enum: ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"] },
      { enum: ["n", "N", "no", "No", "NO", "off", "Off", "OFF"] },
    ],
  },
  integer: { type: ["number", "null"] },
  seconds: { type: ["number", "null"], minimum: 0 },
  duration: {
    anyOf: [
      { type: ["number", "null"] },
      { type: "string", pattern: DURATION },
    ],
  },
  duration_text: {
    anyOf: [{ type: "null" }, { type: "string", pattern: DURATION }],
  },
  strings: {
    type: ["array", "null"],
    items: { type: ["string", "number", "boolean", "null"] },
  },
};

/** Makes the schema, as indented JSON with a final line end. */
export function formatConfigSchema(): string {
  const root = makeSection("Configuration of GitLab Shell, config.yml");
  for (const row of CONFIG_KEYS) place(root, row.path, describe(row));
  for (const [path, advice] of OBSOLETE_KEYS) {
    place(root, path, { deprecated: true, description: `Key ${advice}` });
  }
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "config.yml of GitLab Shell",
    ...root,
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function makeSection(description: string): Schema {
  return {
    description,
    type: ["object", "null"],
    properties: {},
    // The programs pass unknown keys over; whoever writes the file should not.
    additionalProperties: false,
  };
}

function place(root: Schema, path: string, schema: Schema): void {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let section = root;
  for (const name of names) {
    const properties = section["properties"] as Schema;
    section = (properties[name] ??= makeSection(`Section ${name}`)) as Schema;
  }
  (section["properties"] as Schema)[last] = schema;
}

function describe(row: ConfigKey): Schema {
  const isSecret = "isSecret" in row;
  return {
    description: row.meaning,
    ...TYPES[row.type],
    ...(isSecret ? { writeOnly: true } : { default: spellDefault(row) }),
  };
}

/** The default as it would stand in the file. */
function spellDefault({ type, default: value }: ConfigKey): unknown {
  const isDuration = type === "duration" || type === "duration_text";
  return isDuration ? spellDuration(Number(value)) : value;
}

/**
 * A duration as the file may spell it.
 * @example
 * ```ts
 * import { spellDuration } from "./schema.ts";
 * spellDuration(60_000); // "1m"
 * spellDuration(500); // "500ms"
 * ```
 */
export function spellDuration(ms: number): string {
  if (ms % 60_000 === 0 && ms !== 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
