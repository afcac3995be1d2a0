/**
 * Arguments of commands: `key=value`. Pure.
 * Source: git-lfs-transfer as GitLab Shell 14.56.1 has it; Go, strconv.
 * @module
 */
import { quoteGo } from "../../core/go_text.ts";
import { parseError } from "./transfer_error.ts";

/** Values by key; of repeated keys the last one counts. */
export type Arguments = ReadonlyMap<string, string>;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Reads a list of arguments.
 * @throws {TransferError} If one of them has no `=`.
 * @example
 * ```ts
 * import { parseArguments } from "./arguments.ts";
 * parseArguments(["size=12", "path=a=b"]).get("path"); // "a=b"
 * ```
 */
export function parseArguments(list: readonly string[]): Arguments {
  return new Map(list.map(splitArgument));
}

/** @throws {TransferError} If there is no `=`. */
export function splitArgument(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  if (at < 0) throw parseError(`invalid argument: ${quoteGo(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Reads a decimal integer of 64 bits, as Go does: a sign may stand before it.
 * @returns `undefined` if it is none.
 */
export function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text) || text.length > 1000) return undefined;
  const digits = BigInt(text.replace(/^[+-]/, ""));
  const value = text.startsWith("-") ? -digits : digits;
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}
