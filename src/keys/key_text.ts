/**
 * A key as an operator has it at hand: a line of a `.pub` file, a line of an
 * authorized_keys file, or the bare base64 that sshd logs. Pure.
 * @module
 */
import { decodeBase64, isKeyType } from "./public_key.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const LENGTH_BYTES = 4;

/** The parts of a key. */
export interface KeyText {
  readonly type: string;
  /** Base64 with padding, as sshd passes it to its helpers. */
  readonly base64: string;
  readonly blob: Uint8Array;
  /** Empty if there is none. */
  readonly comment: string;
}

/**
 * Finds the key in a text.
 * @returns `undefined` if there is none.
 */
export function parseKeyText(text: string): KeyText | undefined {
  const line = text.trim();
  const words = line.split(/[ \t]+/);
  for (const [at, word] of words.entries()) {
    const base64 = words[at + 1];
    // Inside the quotes of an option no type is followed by its own blob.
    if (base64 === undefined || !isTypeWord(word)) continue;
    const key = decodeKey(word, base64);
    if (key) return { ...key, comment: words.slice(at + 2).join(" ") };
  }
  const [only = ""] = words;
  const key = words.length === 1 ? decodeKey(undefined, only) : undefined;
  return key && { ...key, comment: "" };
}

/** The key as it stands in a `.pub` file. */
export function formatKeyText({ type, base64, comment }: KeyText): string {
  return comment === "" ? `${type} ${base64}` : `${type} ${base64} ${comment}`;
}

function isTypeWord(word: string): boolean {
  return isKeyType(word) || /^[a-z0-9-]+-cert-v01@openssh\.com$/.test(word);
}

function decodeKey(
  type: string | undefined,
  base64: string,
): Omit<KeyText, "comment"> | undefined {
  const bytes = encoder.encode(base64);
  const blob = decodeBase64(bytes, 0, bytes.length);
  if (!blob || blob.length <= LENGTH_BYTES) return undefined;
  const nameBytes = new DataView(blob.buffer).getUint32(0);
  if (nameBytes > blob.length - LENGTH_BYTES) return undefined;
  const name = decoder.decode(
    blob.subarray(LENGTH_BYTES, LENGTH_BYTES + nameBytes),
  );
  if (type === undefined ? !isTypeWord(name) : name !== type) return undefined;
  const unpadded = base64.replace(/=+$/, "");
  const padded = unpadded.padEnd(Math.ceil(unpadded.length / 4) * 4, "=");
  return { type: name, base64: padded, blob };
}
