/**
 * Public keys as OpenSSH writes them: type, base64 blob, comment. Pure, but for
 * the hash of the fingerprint. What is judged is the key's form, never whether
 * somebody holds its other half.
 * Source: RFC 4253, section 6.6; RFC 5656; RFC 8709; OpenSSH, PROTOCOL.u2f and
 * sshd(8), "AUTHORIZED_KEYS FILE FORMAT".
 * @module
 */

/** Types that sshd may accept, each with the number of fields in its blob. */
const FIELDS_BY_TYPE: ReadonlyMap<string, number> = new Map([
  ["ssh-rsa", 3],
  ["ssh-dss", 5],
  ["ssh-ed25519", 2],
  ["ecdsa-sha2-nistp256", 3],
  ["ecdsa-sha2-nistp384", 3],
  ["ecdsa-sha2-nistp521", 3],
  ["sk-ssh-ed25519@openssh.com", 3],
  ["sk-ecdsa-sha2-nistp256@openssh.com", 4],
]);
const FIXED_BITS: ReadonlyMap<string, number> = new Map([
  ["ssh-ed25519", 256],
  ["ecdsa-sha2-nistp256", 256],
  ["ecdsa-sha2-nistp384", 384],
  ["ecdsa-sha2-nistp521", 521],
  ["sk-ssh-ed25519@openssh.com", 256],
  ["sk-ecdsa-sha2-nistp256@openssh.com", 256],
]);
/** Below this NIST and GitLab both call an RSA key weak. */
const RSA_BITS_MIN = 2_048;
const SPACE = 0x20;
const TAB = 0x09;
const PADDING = 0x3d;
const LENGTH_BYTES = 4;

const decoder = new TextDecoder();
const BASE64 =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SEXTET = new Int8Array(256).fill(-1);
for (let at = 0; at < BASE64.length; at++) SEXTET[BASE64.charCodeAt(at)] = at;

/** Where the words of a key are, as positions in its buffer. */
export interface KeyWords {
  typeStart: number;
  typeEnd: number;
  /** Equal to `blobEnd` if there is no second word. */
  blobStart: number;
  blobEnd: number;
}

/**
 * `complete`: every field of the type is there and nothing more.
 * `torn`: the beginning of a key that was cut off. `unknown`: anything else.
 */
export type KeyForm = "complete" | "torn" | "unknown";

/** What an operator wants to know of a key. */
export interface KeyFacts {
  readonly type: string;
  readonly form: KeyForm;
  /** 0 if the form is not `complete`. */
  readonly bits: number;
  /** Whether sshd knows the type at all. */
  readonly isSupported: boolean;
  /** Why the key should be replaced; `undefined` for a sound one. */
  readonly weakness: string | undefined;
}

/** Whether the word is a key type that sshd may accept. */
export function isKeyType(word: string): boolean {
  return FIELDS_BY_TYPE.has(word);
}

/** Finds the first two words, blank-separated as sshd separates them. */
export function findKeyWords(
  buffer: Uint8Array,
  start: number,
  end: number,
): KeyWords {
  const typeStart = skipBlanks(buffer, start, end);
  const typeEnd = skipWord(buffer, typeStart, end);
  const blobStart = skipBlanks(buffer, typeEnd, end);
  return {
    typeStart,
    typeEnd,
    blobStart,
    blobEnd: skipWord(buffer, blobStart, end),
  };
}

/**
 * Decodes base64, with or without padding.
 * @returns The bytes, or `undefined` if it is not base64.
 */
export function decodeBase64(
  buffer: Uint8Array,
  start: number,
  end: number,
): Uint8Array | undefined {
  let textEnd = end;
  while (textEnd > start && buffer[textEnd - 1] === PADDING) textEnd--;
  const padding = end - textEnd;
  const chars = textEnd - start;
  if (chars % 4 === 1 || padding > 2) return undefined;
  if (padding > 0 && (chars + padding) % 4 !== 0) return undefined;
  const bytes = new Uint8Array(Math.floor(chars * 3 / 4));
  let held = 0;
  let bits = 0;
  let filled = 0;
  for (let at = start; at < textEnd; at++) {
    const sextet = SEXTET[buffer[at] ?? 0] ?? -1;
    if (sextet < 0) return undefined;
    held = (held << 6 | sextet) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[filled++] = held >> bits;
    }
  }
  return bytes;
}

/** Tells what stands in `buffer` between the two positions. */
export function inspectKey(
  buffer: Uint8Array,
  start: number,
  end: number,
): KeyFacts {
  const words = findKeyWords(buffer, start, end);
  const type = decoder.decode(buffer.subarray(words.typeStart, words.typeEnd));
  const fields = readFields(buffer, words);
  const form = judgeForm(type, fields, words.typeEnd === end);
  const bits = form === "complete" ? countBits(type, fields.list) : 0;
  return {
    type,
    form,
    bits,
    isSupported: isKeyType(type),
    weakness: form === "complete" ? findWeakness(type, bits) : undefined,
  };
}

/** The SHA-256 fingerprint of a blob, as `ssh-keygen -l` prints it. */
export async function fingerprintBlob(blob: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", blob.slice());
  const text = new Uint8Array(digest).toBase64({ omitPadding: true });
  return `SHA256:${text}`;
}

interface BlobFields {
  /** Fields that are there in full. */
  list: Uint8Array[];
  /** Whether the blob ends with the last of them. */
  isExact: boolean;
  isBase64: boolean;
  /** Whether what follows could be the beginning of another field. */
  isPlausible: boolean;
}

function readFields(
  buffer: Uint8Array,
  { blobStart, blobEnd }: KeyWords,
): BlobFields {
  // A write that was cut leaves any number of characters behind, one more
  // than base64 can have included.
  const isOdd = (blobEnd - blobStart) % 4 === 1;
  const blob = decodeBase64(buffer, blobStart, blobEnd - (isOdd ? 1 : 0));
  const list: Uint8Array[] = [];
  if (!blob) {
    return { list, isExact: false, isBase64: false, isPlausible: false };
  }
  const view = new DataView(blob.buffer);
  let at = 0;
  while (at + LENGTH_BYTES <= blob.length) {
    const fieldStart = at + LENGTH_BYTES;
    const fieldEnd = fieldStart + view.getUint32(at);
    if (fieldEnd > blob.length) break;
    list.push(blob.subarray(fieldStart, fieldEnd));
    at = fieldEnd;
  }
  const isPlausible = at === blob.length || blob[at] === 0;
  const isExact = at === blob.length && !isOdd && blob.length > 0;
  return { list, isExact, isBase64: true, isPlausible };
}

function judgeForm(
  type: string,
  { list, isExact, isBase64, isPlausible }: BlobFields,
  isTypeLast: boolean,
): KeyForm {
  const wanted = FIELDS_BY_TYPE.get(type);
  if (wanted === undefined) {
    const isCut = isTypeLast &&
      [...FIELDS_BY_TYPE.keys()].some((known) => known.startsWith(type));
    return isCut ? "torn" : "unknown";
  }
  if (!isBase64) return "unknown";
  const [name] = list;
  if (name && decoder.decode(name) !== type) return "unknown";
  if (isExact && list.length === wanted) return "complete";
  return isPlausible && list.length < wanted ? "torn" : "unknown";
}

function countBits(type: string, fields: readonly Uint8Array[]): number {
  const fixed = FIXED_BITS.get(type);
  if (fixed !== undefined) return fixed;
  // ssh-rsa: name, exponent, modulus. ssh-dss: name, prime, and three more.
  const number = fields[type === "ssh-rsa" ? 2 : 1] ?? new Uint8Array();
  let first = 0;
  while (first < number.length && number[first] === 0) first++;
  if (first === number.length) return 0;
  return (number.length - first) * 8 - (Math.clz32(number[first] ?? 0) - 24);
}

function findWeakness(type: string, bits: number): string | undefined {
  if (type === "ssh-dss") return "DSA is refused by OpenSSH since 7.0";
  if (type === "ssh-rsa" && bits < RSA_BITS_MIN) {
    return `RSA with ${bits} bits, fewer than ${RSA_BITS_MIN}`;
  }
  return undefined;
}

function skipBlanks(buffer: Uint8Array, at: number, end: number): number {
  while (at < end && isBlank(buffer[at])) at++;
  return at;
}

function skipWord(buffer: Uint8Array, at: number, end: number): number {
  while (at < end && !isBlank(buffer[at])) at++;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}
