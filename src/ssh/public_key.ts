/**
 * Public keys of users: wire form to a key that can verify a signature. The
 * length of every field is checked before it is used: short keys have crashed
 * other servers (CVE-2020-9283).
 *
 * A new kind of key, such as `sk-` keys or certificates, is one row of
 * `KEY_TYPES`.
 * Source: RFC 4253, section 6.6; RFC 5656; RFC 8332; RFC 8709; GitLab Shell
 * 14.56.1 (golang.org/x/crypto), limits of RSA keys.
 * @module
 */
import { createPublicKey, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";
import { type Curve, CURVES } from "./openssh_private_key.ts";
import { shorten } from "./shown_text.ts";
import type { Signature } from "./ssh_messages.ts";
import { SshReader, stripZeros, toFixedSize } from "./wire.ts";

/** A parsed key. */
export interface PublicKey {
  /** Name of the format, as records show it. */
  readonly type: string;
  /** Signature algorithms that this key can be used with. */
  readonly algorithms: readonly string[];
  /** Why this key may never log in; absent for others. */
  readonly refusal?: string;
  /**
   * @param data What was signed.
   * @returns Whether the signature is good; a malformed one is not.
   */
  verify(data: Uint8Array, signature: Signature): boolean;
}

/** Hashes of the three ways in which an RSA key signs. */
const RSA_HASHES: ReadonlyMap<string, string> = new Map([
  ["rsa-sha2-256", "sha256"],
  ["rsa-sha2-512", "sha512"],
  ["ssh-rsa", "sha1"],
]);
const RSA_BITS_MAX = 8_192;
const RSA_BITS_MIN = 1_024;
const RSA_EXPONENT_MAX = 1n << 24n;
const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;
const UNCOMPRESSED = 4;

/** A Map, so that a client cannot name a member of an object. */
const KEY_TYPES: ReadonlyMap<string, (reader: SshReader) => PublicKey> =
  new Map([
    ["ssh-ed25519", parseEd25519],
    ["ssh-rsa", parseRsa],
    ["ecdsa-sha2-nistp256", parseEcdsa],
    ["ecdsa-sha2-nistp384", parseEcdsa],
    ["ecdsa-sha2-nistp521", parseEcdsa],
    ["ssh-dss", parseDsa],
  ]);

/**
 * Reads the wire form of a key.
 * @throws {ProtocolError} If it is malformed or of an unknown type.
 */
export function parsePublicKey(blob: Uint8Array): PublicKey {
  const reader = new SshReader(blob);
  const type = reader.readText();
  const parse = KEY_TYPES.get(type);
  if (!parse) {
    throw new ProtocolError(
      `ssh: unknown key algorithm: ${shorten(type)}`,
      0,
    );
  }
  const key = parse(reader);
  reader.expectEnd();
  return key;
}

function parseEd25519(reader: SshReader): PublicKey {
  const x = reader.readString();
  if (x.length !== ED25519_KEY_BYTES) {
    throw new ProtocolError(
      `Cannot use an Ed25519 key of ${x.length} bytes`,
      0,
    );
  }
  const key = { kty: "OKP", crv: "Ed25519", x: base64(x) };
  return {
    type: "ssh-ed25519",
    algorithms: ["ssh-ed25519"],
    verify(data, signature) {
      const bytes = onlyString(signature);
      if (bytes?.length !== ED25519_SIGNATURE_BYTES) return false;
      return check(key, (object) => verify(null, data, object, bytes));
    },
  };
}

function parseRsa(reader: SshReader): PublicKey {
  const exponent = readPositive(reader);
  const modulus = readPositive(reader);
  const e = BigInt(`0x0${exponent.toHex()}`);
  if (e < 3n || e % 2n === 0n || e >= RSA_EXPONENT_MAX) {
    throw new ProtocolError("ssh: incorrect exponent", 0);
  }
  const key = { kty: "RSA", n: base64(modulus), e: base64(exponent) };
  const bits = bitLength(modulus);
  return {
    type: "ssh-rsa",
    algorithms: [...RSA_HASHES.keys()],
    // The reference closes the connection here; a plain refusal lets the
    // client try its other keys.
    ...(bits > RSA_BITS_MAX && { refusal: "ssh: rsa modulus too large" }),
    verify(data, signature) {
      const hash = RSA_HASHES.get(signature.format);
      const bytes = onlyString(signature);
      if (bits < RSA_BITS_MIN || hash === undefined || !bytes) return false;
      // Old PuTTY and SSH.NET leave zeros out at the front.
      const padded = toFixedSize(bytes, modulus.length);
      if (!padded || bytes.length > modulus.length) return false;
      return check(key, (object) => verify(hash, data, object, padded));
    },
  };
}

function parseEcdsa(reader: SshReader): PublicKey {
  const name = reader.readText();
  const curve = CURVES.get(name);
  const point = reader.readString();
  if (!curve) throw new ProtocolError("ssh: unsupported curve", 0);
  const isWhole = point.length === 1 + 2 * curve.fieldBytes;
  if (!isWhole || point[0] !== UNCOMPRESSED) {
    throw new ProtocolError("ssh: invalid curve point", 0);
  }
  const type = `ecdsa-sha2-${name}`;
  const key = {
    kty: "EC",
    crv: curve.name,
    x: base64(point.subarray(1, 1 + curve.fieldBytes)),
    y: base64(point.subarray(1 + curve.fieldBytes)),
  };
  return {
    type,
    algorithms: [type],
    verify(data, signature) {
      const pair = decodeEcdsaSignature(signature, curve);
      if (!pair) return false;
      return check(key, (object) =>
        verify(
          curve.hash,
          data,
          { key: object, dsaEncoding: "ieee-p1363" },
          pair,
        ));
    },
  };
}

/** Read to name it in the log; what it signs is never looked at. */
function parseDsa(reader: SshReader): PublicKey {
  for (let field = 0; field < 4; field++) readPositive(reader);
  return {
    type: "ssh-dss",
    algorithms: ["ssh-dss"],
    refusal: "DSA is prohibited",
    verify: () => false,
  };
}

/** r and s on the length of the field, one after the other. */
function decodeEcdsaSignature(
  signature: Signature,
  { fieldBytes }: Curve,
): Uint8Array | undefined {
  const bytes = onlyString(signature);
  if (!bytes) return undefined;
  try {
    const reader = new SshReader(bytes);
    const r = toFixedSize(readPositive(reader), fieldBytes);
    const s = toFixedSize(readPositive(reader), fieldBytes);
    reader.expectEnd();
    if (!r || !s) return undefined;
    const pair = new Uint8Array(2 * fieldBytes);
    pair.set(r);
    pair.set(s, fieldBytes);
    return pair;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** The one string that the signature of a plain key is. */
function onlyString({ bytes }: Signature): Uint8Array | undefined {
  try {
    const reader = new SshReader(bytes);
    const only = reader.readString();
    reader.expectEnd();
    return only;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** A positive integer in its bare form. */
function readPositive(reader: SshReader): Uint8Array {
  const bytes = reader.readString();
  if (((bytes[0] ?? 0) & 0x80) !== 0) {
    throw new ProtocolError("Cannot use a negative number in a key", 0);
  }
  const bare = stripZeros(bytes);
  if (bare.length === 0) {
    throw new ProtocolError("Cannot use zero in a key", 0);
  }
  return bare;
}

/** Runs a verification; a key that cannot be imported verifies nothing. */
function check(
  key: Record<string, string>,
  verifyWith: (key: KeyObject) => boolean,
): boolean {
  try {
    return verifyWith(createPublicKey({ key, format: "jwk" }));
  } catch {
    return false;
  }
}

function bitLength(bare: Uint8Array): number {
  return bare.length * 8 - Math.clz32(bare[0] ?? 0) + 24;
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
