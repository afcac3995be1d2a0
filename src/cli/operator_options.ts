/**
 * Options of the operator's commands: `--name`, `--name=value` or
 * `--name value`, each once. Pure.
 * @module
 */
import { UsageError } from "../core/errors.ts";

/** What was given. */
export interface OperatorOptions {
  readonly words: readonly string[];
  /** Flags that were given, and values by name. */
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** Names that a command knows, without dashes. */
export interface KnownOptions {
  readonly flags: readonly string[];
  readonly values: readonly string[];
}

/**
 * Reads options.
 * @throws {UsageError} For an unknown or repeated option, and a missing value.
 * @example
 * ```ts
 * import { parseOperatorOptions } from "./operator_options.ts";
 * const known = { flags: ["json"], values: ["user"] };
 * parseOperatorOptions(["--user", "mira"], known).values.get("user"); // "mira"
 * ```
 */
export function parseOperatorOptions(
  args: readonly string[],
  known: KnownOptions,
): OperatorOptions {
  const words: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    const [, name, given] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) {
      if (word.startsWith("-") && word !== "-") throw unknownOption(word);
      words.push(word);
    } else if (flags.has(name) || values.has(name)) {
      throw new UsageError(`--${name} was given twice`);
    } else if (known.flags.includes(name)) {
      if (given !== undefined) throw new UsageError(`--${name} has no value`);
      flags.add(name);
    } else if (known.values.includes(name)) {
      const value = given ?? args[++at];
      if (value === undefined || value === "") {
        throw new UsageError(`--${name} needs a value`);
      }
      values.set(name, value);
    } else {
      throw unknownOption(word);
    }
  }
  return { words, flags, values };
}

function unknownOption(word: string): UsageError {
  return new UsageError(`unknown option ${JSON.stringify(word)}`);
}
