/**
 * `gitlab-keys fingerprint`: what a key is, without asking anybody.
 * @module
 */
import { UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { ByteReader } from "../core/io.ts";
import { formatKeyText, type KeyText, parseKeyText } from "../keys/key_text.ts";
import { maskControls } from "../keys/line.ts";
import {
  fingerprintBlob,
  inspectKey,
  type KeyFacts,
} from "../keys/public_key.ts";
import { type KeysRun, print } from "./keys_run.ts";

const INPUT_BYTES_MAX = 16 << 20;
const encoder = new TextEncoder();

/** A key and what can be told from it alone. */
export interface DescribedKey {
  readonly text: KeyText;
  readonly facts: KeyFacts;
  readonly fingerprint: string;
}

/** Describes the key in the words, or each on standard input for `-`. */
export async function runFingerprint(run: KeysRun): Promise<number> {
  let status: number = EXIT_OK;
  for (const line of await readKeyLines(run)) {
    const key = await describeKey(line);
    if (!key) {
      run.warnings.push("no public key in the input");
      status = EXIT_FAILURE;
    } else {
      await print(run, formatDescription(run, key));
    }
  }
  return status;
}

/**
 * Takes the keys from the words of the command.
 * @throws {UsageError} If there is none.
 */
export async function readKeyLines(run: KeysRun): Promise<string[]> {
  const { words, command, host } = run;
  const isInput = words.length === 1 && words[0] === "-";
  const lines = isInput
    ? (await readText(host.io.stdin)).split("\n")
    : [words.join(" ")];
  const keys = lines.map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length > 0) return keys;
  throw new UsageError(
    `${command} needs a public key, or - for standard input`,
  );
}

/** @returns `undefined` if there is no key in the text. */
export async function describeKey(
  line: string,
): Promise<DescribedKey | undefined> {
  const text = parseKeyText(line);
  if (!text) return undefined;
  const bytes = encoder.encode(formatKeyText(text));
  return {
    text,
    facts: inspectKey(bytes, 0, bytes.length),
    fingerprint: await fingerprintBlob(text.blob),
  };
}

/** What may be wrong with a key, in words; `sound` if nothing is. */
export function judgeKey({ facts }: DescribedKey): string {
  if (!facts.isSupported) return "unsupported type";
  if (facts.form !== "complete") return "damaged";
  return facts.weakness === undefined ? "sound" : `weak: ${facts.weakness}`;
}

/** The line that `ssh-keygen -l` would print, and our opinion of a bad key. */
function formatDescription(run: KeysRun, key: DescribedKey): string {
  const { text, facts, fingerprint } = key;
  if (run.options.has("json")) {
    return JSON.stringify({
      type: text.type,
      bits: facts.bits,
      fingerprint,
      comment: text.comment,
      judgement: judgeKey(key),
    });
  }
  const comment = maskControls(text.comment) || "no comment";
  const judgement = judgeKey(key);
  return `${facts.bits} ${fingerprint} ${comment} (${nameOfType(text.type)})` +
    (judgement === "sound" ? "" : ` ${judgement}`);
}

/** The short name that `ssh-keygen -l` uses. */
function nameOfType(type: string): string {
  if (type === "ssh-rsa") return "RSA";
  if (type === "ssh-dss") return "DSA";
  const hardware = type.startsWith("sk-") ? "-SK" : "";
  if (type.includes("cert")) return type;
  return `${type.includes("ecdsa") ? "ECDSA" : "ED25519"}${hardware}`;
}

async function readText(input: ByteReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0;;) {
    const chunk = await input.read();
    if (chunk === null) return text + decoder.decode();
    bytes += chunk.length;
    if (bytes > INPUT_BYTES_MAX) throw new UsageError("the input is too long");
    text += decoder.decode(chunk, { stream: true });
  }
}
