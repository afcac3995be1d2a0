/**
 * OpenSSH certificates: wire form to a key that can verify a signature, and
 * what its authority said of it. Pure; nothing is judged here.
 * Source: OpenSSH, PROTOCOL.certkeys; GitLab Shell 14.56.1
 * (golang.org/x/crypto), parsing of certificates.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { parsePublicKey, type PublicKey, readPublicKey } from "./public_key.ts";
import { decodeSignature, type Signature } from "./ssh_messages.ts";
import { SshReader, SshWriter } from "./wire.ts";

/** What a certificate is for. */
export const CERTIFICATE_KIND = { user: 1, host: 2 } as const;

/** What an authority said of a key. */
export interface Certificate {
  /** The key that was certified. */
  readonly subject: PublicKey;
  /** Its wire form, as if it were not certified. */
  readonly subjectBlob: Uint8Array;
  readonly serial: bigint;
  /** One of `CERTIFICATE_KIND`, or a number that nobody knows. */
  readonly kind: number;
  /** What the authority calls the owner. */
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  /** Seconds since 1970; 2^64-1 for no end. */
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
  readonly authority: PublicKey;
  /** Wire form of the authority's key. */
  readonly authorityBlob: Uint8Array;
  /** What the authority signed. */
  readonly signedBytes: Uint8Array;
  readonly signature: Signature;
}

/** Certificate types by the types that they certify. */
const PLAIN_BY_TYPE: ReadonlyMap<string, string> = new Map([
  ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"],
  ["ssh-rsa-cert-v01@openssh.com", "ssh-rsa"],
  ["ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256"],
  ["ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384"],
  ["ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521"],
  ["ssh-dss-cert-v01@openssh.com", "ssh-dss"],
  ["sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com"],
  [
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
  ],
]);

/** Algorithms that name a certificate, by those of the key within. */
const PLAIN_BY_ALGORITHM: ReadonlyMap<string, string> = new Map([
  ...PLAIN_BY_TYPE,
  ["rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256"],
  ["rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512"],
]);

// Text that two byte strings could turn into would let one stand for the other.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The algorithm that a certificate's is judged by; others are their own.
 * @example
 * ```ts
 * import { plainAlgorithm } from "./certificate.ts";
 * plainAlgorithm("rsa-sha2-512-cert-v01@openssh.com"); // "rsa-sha2-512"
 * plainAlgorithm("ssh-ed25519"); // "ssh-ed25519"
 * ```
 */
export function plainAlgorithm(name: string): string {
  return PLAIN_BY_ALGORITHM.get(name) ?? name;
}

/** Algorithms that a certificate of such a key can be used with. */
export function certificateAlgorithms(
  plainNames: readonly string[],
): readonly string[] {
  return plainNames.flatMap((plain) =>
    [...PLAIN_BY_ALGORITHM].filter(([, of]) => of === plain)
      .map(([name]) => name)
  );
}

/**
 * Reads the wire form of a plain key or of a certificate.
 * @throws {ProtocolError} If it is malformed or of an unknown type.
 */
export function parseUserKey(blob: Uint8Array): PublicKey {
  const type = new SshReader(blob).readText();
  if (!PLAIN_BY_TYPE.has(type)) return parsePublicKey(blob);
  const certificate = parseCertificate(blob);
  const { subject, extensions } = certificate;
  const key = extensions.has("no-touch-required")
    ? subject.withoutTouch?.() ?? subject
    : subject;
  return {
    ...key,
    type,
    algorithms: certificateAlgorithms(subject.algorithms),
    formats: subject.algorithms,
    certificate,
  };
}

/**
 * Reads the wire form of a certificate.
 * @throws {ProtocolError} If it is none or malformed.
 */
export function parseCertificate(blob: Uint8Array): Certificate {
  const reader = new SshReader(blob);
  const plain = PLAIN_BY_TYPE.get(reader.readText());
  if (plain === undefined) throw new ProtocolError("Not a certificate", 0);
  reader.readString();
  const fieldsAt = reader.offsetBytes;
  const subject = readPublicKey(plain, reader);
  if (subject.type !== plain) {
    throw new ProtocolError("Cannot use a certificate of another type", 0);
  }
  const subjectBlob = joinBlob(
    plain,
    blob.subarray(fieldsAt, reader.offsetBytes),
  );
  const said = readStatements(reader);
  const authorityBlob = reader.readString();
  const signedBytes = blob.subarray(0, reader.offsetBytes);
  const signature = decodeSignature(reader.readString());
  reader.expectEnd();
  return {
    subject,
    subjectBlob,
    ...said,
    // Not of a certificate: chains are not allowed.
    authority: parsePublicKey(authorityBlob),
    authorityBlob,
    signedBytes,
    signature,
  };
}

/** The fields between the key and its authority. */
function readStatements(reader: SshReader) {
  const serial = reader.readUint64();
  const kind = reader.readUint32();
  const keyId = decodeText(reader.readString());
  const principals = readPrincipals(reader.readString());
  const validAfter = reader.readUint64();
  const validBefore = reader.readUint64();
  const criticalOptions = readOptions(reader.readString());
  const extensions = readOptions(reader.readString());
  reader.readString();
  return {
    serial,
    kind,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    extensions,
  };
}

function readPrincipals(bytes: Uint8Array): string[] {
  const reader = new SshReader(bytes);
  const principals: string[] = [];
  while (reader.offsetBytes < bytes.length) {
    principals.push(decodeText(reader.readString()));
  }
  return principals;
}

/** Names in strict order, each with a string in a string or with nothing. */
function readOptions(bytes: Uint8Array): Map<string, string> {
  const reader = new SshReader(bytes);
  const options = new Map<string, string>();
  let latest: Uint8Array | undefined;
  while (reader.offsetBytes < bytes.length) {
    const name = reader.readString();
    if (latest && !isBefore(latest, name)) {
      throw new ProtocolError("ssh: certificate options are not in order", 0);
    }
    latest = name;
    options.set(decodeText(name), readOptionValue(reader.readString()));
  }
  return options;
}

function readOptionValue(bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const reader = new SshReader(bytes);
  const value = decodeText(reader.readString());
  reader.expectEnd();
  return value;
}

function isBefore(first: Uint8Array, second: Uint8Array): boolean {
  const sizeBytes = Math.min(first.length, second.length);
  for (let at = 0; at < sizeBytes; at++) {
    const difference = (first[at] ?? 0) - (second[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return first.length < second.length;
}

/** @throws {ProtocolError} If the bytes are not UTF-8. */
function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new ProtocolError("Cannot use text that is not UTF-8", 0, { cause });
  }
}

function joinBlob(type: string, fields: Uint8Array): Uint8Array {
  return new SshWriter().string(type).raw(fields).bytes();
}
