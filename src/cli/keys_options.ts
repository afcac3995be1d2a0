/**
 * The command line of gitlab-keys: a command, its words, and options in the
 * form `--name` or `--name=value` among them.
 * Source: gitlab-keys of GitLab Shell 9.4.2 for the words; it had no options.
 * @module
 */
import { UsageError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";

type OptionKind = "flag" | "text" | "seconds" | "count";

const OPTION_KINDS: ReadonlyMap<string, OptionKind> = new Map([
  ["adopt-root", "text"],
  ["allow-empty", "flag"],
  ["auth-file", "text"],
  ["ca-file", "text"],
  ["dry-run", "flag"],
  ["fix", "flag"],
  ["from-api", "flag"],
  ["json", "flag"],
  ["keep-foreign", "flag"],
  ["lock-timeout", "seconds"],
  ["managed-only", "flag"],
  ["no-progress", "flag"],
  ["quiet", "flag"],
  ["skip-invalid", "flag"],
  ["strict", "flag"],
  ["total", "count"],
]);
const WRITING = ["dry-run", "lock-timeout"];
const PROGRESS = ["no-progress", "quiet", "total"];
const EVERYWHERE = ["auth-file"];

/**
 * How many words may follow a command. The commands of old ignore what is too
 * many, as they always did, and others join their words to a key.
 */
const WORDS_MAX: ReadonlyMap<string, number> = new Map([
  ["compact", 0],
  ["dedupe", 0],
  ["rebuild", 1],
  ["sshd-config", 1],
  ["verify", 1],
]);
/** The options that each command knows, besides those of every command. */
const COMMAND_OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ["add-key", [...WRITING, "strict"]],
  ["batch-add-keys", [...WRITING, ...PROGRESS, "strict"]],
  ["check-permissions", []],
  ["clear", [...WRITING, "keep-foreign"]],
  ["compact", WRITING],
  ["dedupe", WRITING],
  ["fingerprint", ["json"]],
  ["list-key-ids", ["managed-only"]],
  ["list-keys", ["managed-only"]],
  ["lookup", ["json"]],
  ["rebuild", [
    ...WRITING,
    ...PROGRESS,
    "adopt-root",
    "allow-empty",
    "from-api",
    "skip-invalid",
    "strict",
  ]],
  ["rm-key", WRITING],
  ["sshd-config", ["ca-file"]],
  ["verify", [...WRITING, ...PROGRESS, "fix", "from-api", "json"]],
]);

/** What the arguments say, still to be understood by the command. */
export interface KeysArguments {
  /** Empty if there is none. */
  readonly command: string;
  /** Words behind the command. */
  readonly words: readonly string[];
  readonly options: KeysOptions;
}

/** Options by name, checked for their form. */
export class KeysOptions {
  readonly #values: ReadonlyMap<string, string>;
  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }
  /** Whether a flag is given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }
  /** @returns `undefined` if it is not given. */
  text(name: string): string | undefined {
    return this.#values.get(name);
  }
  /** @returns `undefined` if it is not given. */
  number(name: string): number | undefined {
    const text = this.#values.get(name);
    return text === undefined ? undefined : Number(text);
  }
}

/** Whether gitlab-keys has the command; those that sshd calls are not among them. */
export function isKeysCommand(command: string): boolean {
  return COMMAND_OPTIONS.has(command);
}

/**
 * Splits the arguments. A public key never starts with `-`, so that no word of
 * the historic interface is taken for an option.
 * @throws {UsageError} For an option that does not exist, does not belong to
 * the command, or has the wrong form, and for words that mean nothing.
 * @example
 * ```ts
 * import { parseKeysArguments } from "./keys_options.ts";
 * parseKeysArguments(["rm-key", "--dry-run", "key-1"]).words; // ["key-1"]
 * ```
 */
export function parseKeysArguments(args: readonly string[]): KeysArguments {
  const words: string[] = [];
  const values = new Map<string, string>();
  for (const [at, argument] of args.entries()) {
    if (argument === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (argument.startsWith("--")) addOption(values, argument);
    else words.push(argument);
  }
  const command = words.shift() ?? "";
  const known = COMMAND_OPTIONS.get(command);
  for (const name of known ? values.keys() : []) {
    if (!EVERYWHERE.includes(name) && !known?.includes(name)) {
      throw new UsageError(`${command} has no option --${name}`);
    }
  }
  const most = WORDS_MAX.get(command) ?? Infinity;
  if (words.length > most) {
    throw new UsageError(
      `${command} takes ${most} words at most, not ${words.length}`,
    );
  }
  return { command, words, options: new KeysOptions(values) };
}

function addOption(values: Map<string, string>, argument: string): void {
  const equals = argument.indexOf("=");
  const name = argument.slice(2, equals < 0 ? undefined : equals);
  const value = equals < 0 ? undefined : argument.slice(equals + 1);
  const kind = OPTION_KINDS.get(name);
  if (kind === undefined) {
    throw new UsageError(`unknown option ${quoteGo(argument.slice(0, 80))}`);
  }
  if ((kind === "flag") !== (value === undefined)) {
    throw new UsageError(
      `--${name} ${kind === "flag" ? "takes no value" : "needs a value"}`,
    );
  }
  if (kind === "seconds" && !/^\d{1,6}(\.\d{1,3})?$/.test(value ?? "")) {
    throw new UsageError(`--${name} needs a number of seconds`);
  }
  if (kind === "count" && !/^\d{1,12}$/.test(value ?? "")) {
    throw new UsageError(`--${name} needs a number`);
  }
  if (kind === "text" && value === "") {
    throw new UsageError(`--${name} needs a value`);
  }
  values.set(name, value ?? "");
}
