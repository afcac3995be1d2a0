/**
 * Authorities whose user certificates let into the whole instance.
 * Source: GitLab Shell 14.56.1, sshd server configuration; sshd(8),
 * "AUTHORIZED_KEYS FILE FORMAT".
 * @module
 */
import { errorText } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { parsePublicKey } from "./public_key.ts";
import { SshReader } from "./wire.ts";

/** The keys of the authorities. */
export interface TrustedUserCas {
  /** @param blob Wire form of a key. */
  has(blob: Uint8Array): boolean;
  readonly count: number;
}

/**
 * Loads the files.
 * @throws {Error} If one cannot be read or has something else behind its last
 * key, or files are named and none has a key.
 */
export function loadTrustedUserCas(
  files: readonly string[],
  log: Logger,
): TrustedUserCas {
  const keys = new Set<string>();
  for (const file of files) {
    const text = readCaFile(file);
    try {
      for (const key of parseCaKeys(text)) keys.add(key);
    } catch (cause) {
      if (!(cause instanceof CaFileError)) throw cause;
      throw new Error(
        "failed to load trusted user CA keys: failed to parse trusted user " +
          `CA key in file ${JSON.stringify(file)} after ${cause.keyCount} ` +
          `valid key(s): ${cause.message}`,
        { cause },
      );
    }
  }
  if (files.length > 0 && keys.size === 0) {
    throw new Error(
      "trusted_user_ca_keys configured but no valid CA keys were loaded, " +
        "aborting",
    );
  }
  if (keys.size > 0) {
    log.info(
      "Loaded trusted user CA keys for instance-level SSH certificates",
      { count: keys.size },
    );
  }
  return {
    has: (blob) => keys.has(blob.toBase64()),
    count: keys.size,
  };
}

/** What stands behind the last key is no key. */
export class CaFileError extends Error {
  override name = "CaFileError";
  readonly keyCount: number;
  constructor(message: string, keyCount: number) {
    super(message);
    this.keyCount = keyCount;
  }
}

/**
 * Reads the keys of a file. Blank lines and comments count nowhere; other
 * lines that hold no key are skipped as long as a key follows, as in the
 * reference.
 * @returns Base64 of each key's wire form.
 * @throws {CaFileError} If such a line follows the last key.
 */
export function parseCaKeys(text: string): string[] {
  const keys: string[] = [];
  let hasRest = false;
  for (const line of text.split("\n").map((line) => line.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const key = findKey(line);
    if (key !== undefined) keys.push(key);
    hasRest = key === undefined;
  }
  if (hasRest) throw new CaFileError("ssh: no key found", keys.length);
  return keys;
}

/** The key of a line, which may have options in front of it. */
function findKey(line: string): string | undefined {
  return parseKeyWords(line) ?? parseKeyWords(skipOptions(line));
}

function parseKeyWords(text: string): string | undefined {
  const [type = "", body = ""] = text.split(/[ \t]+/);
  try {
    const blob = Uint8Array.fromBase64(body);
    if (new SshReader(blob).readText() !== type) return undefined;
    parsePublicKey(blob);
    return blob.toBase64();
  } catch {
    return undefined;
  }
}

/** Options end at the first blank that is not in quotes. */
function skipOptions(line: string): string {
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const char = line[at];
    if (char === '"' && line[at - 1] !== "\\") isQuoted = !isQuoted;
    if (!isQuoted && (char === " " || char === "\t")) {
      return line.slice(at).trimStart();
    }
  }
  return "";
}

function readCaFile(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new Error(
      "failed to load trusted user CA keys: failed to read trusted user CA " +
        `key file ${JSON.stringify(file)}: ${errorText(cause)}`,
      { cause },
    );
  }
}
