/**
 * The text of `config.yml` to values. Touches nothing but the text.
 * Source: GitLab Shell 14.56.1, gopkg.in/yaml.v3 3.0.1.
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import type { ConfigValues } from "./config_values.ts";
import {
  decodeConfig,
  type DecodedConfig,
  type DecodeFault,
  type KeyPlace,
} from "./decode.ts";
import { readSimpleYaml } from "./simple_yaml.ts";
import { MergeError } from "./yaml_merge.ts";

/** What a file says, defaults filled in. */
export interface ParsedConfig {
  readonly values: ConfigValues;
  /** Whether the file has a `rootdir`, which the Go programs obey by accident. */
  readonly hasRootDirKey: boolean;
}

/** A key that no program reads. */
export interface UnknownKey {
  /** Dotted name. */
  readonly path: string;
  /** From 1; 0 if it cannot be told. */
  readonly line: number;
}

/** A decoded file whose keys can be located. */
interface LocatedConfig extends DecodedConfig {
  locate(place: KeyPlace): number;
}

/**
 * Parses a configuration.
 * @param text UTF-8 decoded; a byte order mark is passed over.
 * @param file Where it comes from, for errors.
 * @throws {ConfigError} If it is not YAML, or any value cannot be held by its
 * key; all of those are named, with their lines.
 * @example
 * ```ts
 * import { parseConfig } from "./parse.ts";
 * const { values } = await parseConfig("user: jane", "/srv/config.yml");
 * values.text("user"); // "jane"
 * ```
 */
export async function parseConfig(
  text: string,
  file: string,
): Promise<ParsedConfig> {
  const decoded = await decodeText(text, file);
  const [first] = decoded.faults;
  if (first) {
    const lines = decoded.faults.map((fault) => formatFault(fault, decoded));
    const message = `yaml: unmarshal errors:\n  ${lines.join("\n  ")}`;
    throw new ConfigError(message, { file, key: first.path.join(".") });
  }
  return {
    values: decoded.values,
    hasRootDirKey: decoded.unknown.some(({ path }) =>
      path.length === 1 && path[0] === "rootdir"
    ),
  };
}

/**
 * Lists what the file says in vain, in its order; for a lint, never for a
 * refusal: files of old installations carry such keys.
 * @throws {ConfigError} If `text` is not YAML.
 */
export async function listUnknownKeys(
  text: string,
  file: string,
): Promise<UnknownKey[]> {
  const decoded = await decodeText(text, file);
  return decoded.unknown.map((place) => ({
    path: place.path.join("."),
    line: decoded.locate(place),
  }));
}

async function decodeText(text: string, file: string): Promise<LocatedConfig> {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  const simple = readSimpleYaml(body);
  if (simple) return withLines(decodeConfig(simple), () => 0);
  const { readFullYaml } = await import("./full_yaml.ts");
  const { root, locate } = readFullYaml(body, file);
  try {
    return withLines(decodeConfig(root), locate);
  } catch (error) {
    if (!(error instanceof MergeError)) throw error;
    throw new ConfigError(`yaml: ${error.message}`, { file });
  }
}

function withLines(
  { values, faults, unknown }: DecodedConfig,
  locateKey: (path: readonly string[]) => number,
): LocatedConfig {
  const locate = ({ path, line }: KeyPlace) => line || locateKey(path);
  return { values, faults, unknown, locate };
}

function formatFault(fault: DecodeFault, decoded: LocatedConfig): string {
  const { path, text, firstLine } = fault;
  const first = firstLine === undefined
    ? ""
    : ` at line ${decoded.locate({ path, line: firstLine })}`;
  const line = decoded.locate(fault) || 1;
  const key = path.length > 0 ? ` (${path.join(".")})` : "";
  return `line ${line}: ${text}${first}${key}`;
}
