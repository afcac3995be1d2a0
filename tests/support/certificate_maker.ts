/**
 * Certificates and keys by hand: everything that ssh-keygen would refuse to
 * write, and security keys, which no machine of ours has.
 * Source: OpenSSH, PROTOCOL.certkeys and PROTOCOL.u2f.
 */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { SshWriter } from "../../src/ssh/wire.ts";

/** A key that signs as SSH wants it. */
export interface TestKey {
  /** Type of the plain key. */
  readonly type: string;
  /** Fields of the wire form, behind the type. */
  readonly fields: Uint8Array;
  readonly blob: Uint8Array;
  /** @returns Format and the rest of a signature. */
  sign(data: Uint8Array, options?: SignOptions): Uint8Array;
}

/** How a security key is used. */
export interface SignOptions {
  readonly flags?: number;
  readonly counter?: number;
  readonly application?: string;
}

/** What is written into a certificate. */
export interface CertificateFields {
  type?: string;
  nonce?: Uint8Array;
  serial?: bigint;
  kind?: number;
  keyId?: string | Uint8Array;
  principals?: readonly string[];
  validAfter?: bigint;
  validBefore?: bigint;
  criticalOptions?: readonly Option[];
  extensions?: readonly Option[];
  reserved?: string;
  authorityBlob?: Uint8Array;
  /** Comes behind the signature. */
  trailing?: Uint8Array;
  /** Spoils what the authority signs. */
  signed?: (bytes: Uint8Array) => Uint8Array;
}

type Option = readonly [name: string, value: string | Uint8Array];

const FOREVER = 2n ** 64n - 1n;

export function makeEd25519(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const fields = new SshWriter().string(Buffer.from(x, "base64url")).bytes();
  return makeKey(
    "ssh-ed25519",
    fields,
    (data) =>
      new SshWriter().string("ssh-ed25519").string(sign(null, data, privateKey))
        .bytes(),
  );
}

/** An Ed25519 key in a security key that does as it is told. */
export function makeSkEd25519(application = "ssh:"): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const type = "sk-ssh-ed25519@openssh.com";
  const fields = new SshWriter().string(Buffer.from(x, "base64url"))
    .string(application).bytes();
  return makeKey(type, fields, (data, options) => {
    const { message, tail } = skMessage(data, { application, ...options });
    return new SshWriter().string(type).string(sign(null, message, privateKey))
      .raw(tail).bytes();
  });
}

/** The same on P-256. */
export function makeSkEcdsa(application = "ssh:"): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const type = "sk-ecdsa-sha2-nistp256@openssh.com";
  const point = Buffer.concat([
    Buffer.of(4),
    pad(Buffer.from(x, "base64url")),
    pad(Buffer.from(y, "base64url")),
  ]);
  const fields = new SshWriter().string("nistp256").string(point)
    .string(application).bytes();
  return makeKey(type, fields, (data, options) => {
    const { message, tail } = skMessage(data, { application, ...options });
    const pair = sign("sha256", message, {
      key: privateKey,
      dsaEncoding: "ieee-p1363",
    });
    const inner = new SshWriter().mpint(pair.subarray(0, 32))
      .mpint(pair.subarray(32)).bytes();
    return new SshWriter().string(type).string(inner).raw(tail).bytes();
  });
}

/** Wire form of a certificate for `subject`, signed by `authority`. */
export function makeCertificate(
  subject: TestKey,
  authority: TestKey,
  fields: CertificateFields = {},
): Uint8Array {
  const [base = "", domain] = subject.type.split("@");
  const type = fields.type ??
    `${base}-cert-v01@${domain ?? "openssh.com"}`;
  const body = new SshWriter().string(type)
    .string(fields.nonce ?? crypto.getRandomValues(new Uint8Array(32)))
    .raw(subject.fields).uint64(fields.serial ?? 1n)
    .uint32(fields.kind ?? 1).string(fields.keyId ?? "mira")
    .string(packStrings(fields.principals ?? []))
    .uint64(fields.validAfter ?? 0n).uint64(fields.validBefore ?? FOREVER)
    .string(packOptions(fields.criticalOptions ?? []))
    .string(packOptions(fields.extensions ?? []))
    .string(fields.reserved ?? "")
    .string(fields.authorityBlob ?? authority.blob).bytes();
  const signed = fields.signed?.(body) ?? body;
  return new SshWriter().raw(body).string(authority.sign(signed))
    .raw(fields.trailing ?? new Uint8Array()).bytes();
}

/** Value of an option that has one. */
export function packString(text: string): Uint8Array {
  return new SshWriter().string(text).bytes();
}

function packStrings(texts: readonly string[]): Uint8Array {
  const writer = new SshWriter();
  for (const text of texts) writer.string(text);
  return writer.bytes();
}

function packOptions(options: readonly Option[]): Uint8Array {
  const writer = new SshWriter();
  for (const [name, value] of options) {
    const isText = typeof value === "string";
    writer.string(name)
      .string(isText ? (value === "" ? "" : packString(value)) : value);
  }
  return writer.bytes();
}

function makeKey(
  type: string,
  fields: Uint8Array,
  signWith: TestKey["sign"],
): TestKey {
  const blob = new SshWriter().string(type).raw(fields).bytes();
  return { type, fields, blob, sign: signWith };
}

function skMessage(
  data: Uint8Array,
  { flags = 1, counter = 7, application = "" }: SignOptions,
): { message: Uint8Array; tail: Uint8Array } {
  const sha256 = (bytes: Uint8Array | string) =>
    createHash("sha256").update(bytes).digest();
  const tail = new SshWriter().byte(flags).uint32(counter).bytes();
  const message = new SshWriter().raw(sha256(application)).raw(tail)
    .raw(sha256(data)).bytes();
  return { message, tail };
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(32 - bytes.length), bytes]);
}
