/**
 * Pieces of keys and signatures that several kinds of key have in common.
 * Source: RFC 4253, section 6.6; RFC 5656, section 3.1.2.
 * @module
 */
import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";
import type { Curve } from "./openssh_private_key.ts";
import { SshReader, stripZeros, toFixedSize } from "./wire.ts";

/** First byte of a point that is written with both coordinates. */
const UNCOMPRESSED = 4;

/**
 * r and s on the length of the field, one after the other.
 * @param bytes The inner string of the signature.
 * @returns `undefined` for a malformed one.
 */
export function decodeEcdsaPair(
  bytes: Uint8Array,
  { fieldBytes }: Curve,
): Uint8Array | undefined {
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

/**
 * A point of a curve as a JSON Web Key.
 * @throws {ProtocolError} If it is not written with both coordinates.
 */
export function pointKey(
  point: Uint8Array,
  curve: Curve,
): Record<string, string> {
  const isWhole = point.length === 1 + 2 * curve.fieldBytes;
  if (!isWhole || point[0] !== UNCOMPRESSED) {
    throw new ProtocolError("ssh: invalid curve point", 0);
  }
  return {
    kty: "EC",
    crv: curve.name,
    x: base64(point.subarray(1, 1 + curve.fieldBytes)),
    y: base64(point.subarray(1 + curve.fieldBytes)),
  };
}

/** A positive integer in its bare form. */
export function readPositive(reader: SshReader): Uint8Array {
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
export function check(
  key: Record<string, string>,
  verifyWith: (key: KeyObject) => boolean,
): boolean {
  try {
    return verifyWith(createPublicKey({ key, format: "jwk" }));
  } catch {
    return false;
  }
}

/** As JSON Web Keys have it. */
export function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
