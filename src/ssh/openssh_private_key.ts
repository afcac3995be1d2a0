/**
 * OpenSSH's own format of private keys, as a JSON Web Key. Pure.
 * ssh2 reads the format too, but writes P-256 keys back with a scalar of 33
 * bytes whenever its top bit is set, and Deno then refuses every exchange
 * (row F16 of sshd.md: 10 of 16 fresh keys).
 * Source: OpenSSH, PROTOCOL.key; RFC 7518, section 6; RFC 8037.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { SshReader, stripZeros, toFixedSize } from "./wire.ts";

const MAGIC = new TextEncoder().encode("openssh-key-v1\0");

/** Curves by the names that SSH has for them. */
export const CURVES: ReadonlyMap<string, Curve> = new Map([
  ["nistp256", { name: "P-256", fieldBytes: 32, hash: "sha256" }],
  ["nistp384", { name: "P-384", fieldBytes: 48, hash: "sha384" }],
  ["nistp521", { name: "P-521", fieldBytes: 66, hash: "sha512" }],
]);

/** A curve, and the hash that signatures over it use. */
export interface Curve {
  readonly name: string;
  readonly fieldBytes: number;
  readonly hash: string;
}

/** The key is encrypted, which a server cannot open on its own. */
export class PassphraseError extends Error {
  override name = "PassphraseError";
  constructor() {
    super("ssh: this private key is passphrase protected");
  }
}

/**
 * Reads one unencrypted key.
 * @param bytes What stands between the lines of the PEM, decoded.
 * @returns Members of a private JSON Web Key.
 * @throws {PassphraseError} If it is encrypted.
 * @throws {ProtocolError} If it is malformed or of a type without use here.
 */
export function decodeOpensshPrivateKey(
  bytes: Uint8Array,
): Record<string, string> {
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new ProtocolError("ssh: invalid openssh private key format", 0);
  }
  const outer = new SshReader(bytes, MAGIC.length);
  const cipher = outer.readText();
  outer.readString();
  outer.readString();
  if (cipher !== "none") throw new PassphraseError();
  const count = outer.readUint32();
  if (count !== 1) {
    throw new ProtocolError(`Cannot use a file of ${count} keys`, 0);
  }
  outer.readString();
  const inner = new SshReader(outer.readString());
  if (inner.readUint32() !== inner.readUint32()) {
    throw new ProtocolError("ssh: malformed OpenSSH key", inner.offsetBytes);
  }
  return decodeFields(inner.readText(), inner);
}

function decodeFields(type: string, reader: SshReader): Record<string, string> {
  if (type === "ssh-ed25519") return decodeEd25519(reader);
  if (type === "ssh-rsa") return decodeRsa(reader);
  if (type.startsWith("ecdsa-sha2-")) return decodeEcdsa(reader);
  throw new ProtocolError(`Cannot use a host key of type ${type}`, 0);
}

function decodeEd25519(reader: SshReader): Record<string, string> {
  const x = reader.readString();
  const seed = reader.readString().subarray(0, 32);
  return { kty: "OKP", crv: "Ed25519", x: base64(x), d: base64(seed) };
}

function decodeEcdsa(reader: SshReader): Record<string, string> {
  const curve = CURVES.get(reader.readText());
  const point = reader.readString();
  const scalar = reader.readString();
  const d = curve && toFixedSize(scalar, curve.fieldBytes);
  if (!curve || !d || point.length !== 1 + 2 * curve.fieldBytes) {
    throw new ProtocolError("ssh: malformed OpenSSH key", reader.offsetBytes);
  }
  const x = point.subarray(1, 1 + curve.fieldBytes);
  const y = point.subarray(1 + curve.fieldBytes);
  return {
    kty: "EC",
    crv: curve.name,
    x: base64(x),
    y: base64(y),
    d: base64(d),
  };
}

function decodeRsa(reader: SshReader): Record<string, string> {
  const n = stripZeros(reader.readString());
  const e = stripZeros(reader.readString());
  const d = stripZeros(reader.readString());
  const qi = stripZeros(reader.readString());
  const p = stripZeros(reader.readString());
  const q = stripZeros(reader.readString());
  return {
    kty: "RSA",
    n: base64(n),
    e: base64(e),
    d: base64(d),
    p: base64(p),
    q: base64(q),
    dp: base64(modulo(d, p)),
    dq: base64(modulo(d, q)),
    qi: base64(qi),
  };
}

/** d mod (prime - 1), which OpenSSH leaves out and JSON Web Keys have. */
function modulo(d: Uint8Array, prime: Uint8Array): Uint8Array {
  const rest = BigInt(`0x0${d.toHex()}`) % (BigInt(`0x0${prime.toHex()}`) - 1n);
  const hex = rest.toString(16);
  return Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
