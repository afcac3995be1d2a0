/**
 * Public keys of users: wire form to a key that can verify a signature. The
 * length of every field is checked before it is used: short keys have crashed
 * other servers (CVE-2020-9283).
 *
 * A new kind of key is one row of `KEY_TYPES`. Certificates wrap one of these:
 * see `certificate.ts`.
 * Source: RFC 4253, section 6.6; RFC 5656; RFC 8332; RFC 8709; GitLab Shell
 * 14.56.1 (golang.org/x/crypto), limits of RSA keys.
 * @module
 */
import { verify } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";
import type { Certificate } from "./certificate.ts";
import {
  base64,
  check,
  decodeEcdsaPair,
  pointKey,
  readPositive,
} from "./key_parts.ts";
import { CURVES } from "./openssh_private_key.ts";
import { parseSkEcdsa, parseSkEd25519 } from "./security_key.ts";
import { shorten } from "./shown_text.ts";
import type { Signature } from "./ssh_messages.ts";
import { SshReader, toFixedSize } from "./wire.ts";

/** A parsed key. */
export interface PublicKey {
  /** Name of the format, as records show it. */
  readonly type: string;
  /** Signature algorithms that this key can be used with. */
  readonly algorithms: readonly string[];
  /** Formats that its signatures may have; those of `algorithms` if absent. */
  readonly formats?: readonly string[];
  /** What its owner had certified; absent for plain keys. */
  readonly certificate?: Certificate;
  /** Why this key may never log in; absent for others. */
  readonly refusal?: string;
  /**
   * @param data What was signed.
   * @returns Whether the signature is good; a malformed one is not.
   * @throws {Error} If it is good and its owner did not touch the key.
   */
  verify(data: Uint8Array, signature: Signature): boolean;
  /** The same key, satisfied without a touch; absent for other kinds. */
  withoutTouch?(): PublicKey;
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

/** A Map, so that a client cannot name a member of an object. */
const KEY_TYPES: ReadonlyMap<string, (reader: SshReader) => PublicKey> =
  new Map([
    ["ssh-ed25519", parseEd25519],
    ["ssh-rsa", parseRsa],
    ["ecdsa-sha2-nistp256", parseEcdsa],
    ["ecdsa-sha2-nistp384", parseEcdsa],
    ["ecdsa-sha2-nistp521", parseEcdsa],
    ["ssh-dss", parseDsa],
    ["sk-ssh-ed25519@openssh.com", parseSkEd25519],
    ["sk-ecdsa-sha2-nistp256@openssh.com", parseSkEcdsa],
  ]);

/**
 * Reads the wire form of a key.
 * @throws {ProtocolError} If it is malformed or of an unknown type.
 */
export function parsePublicKey(blob: Uint8Array): PublicKey {
  const reader = new SshReader(blob);
  const key = readPublicKey(reader.readText(), reader);
  reader.expectEnd();
  return key;
}

/**
 * Reads the fields of a key that its type's name announced.
 * @throws {ProtocolError} As `parsePublicKey`.
 */
export function readPublicKey(type: string, reader: SshReader): PublicKey {
  const parse = KEY_TYPES.get(type);
  if (!parse) {
    throw new ProtocolError(
      `ssh: unknown key algorithm: ${shorten(type)}`,
      0,
    );
  }
  return parse(reader);
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
  const type = `ecdsa-sha2-${name}`;
  const key = pointKey(point, curve);
  return {
    type,
    algorithms: [type],
    verify(data, signature) {
      const bytes = onlyString(signature);
      const pair = bytes && decodeEcdsaPair(bytes, curve);
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

function bitLength(bare: Uint8Array): number {
  return bare.length * 8 - Math.clz32(bare[0] ?? 0) + 24;
}
