/**
 * Keys that live in a security key: `sk-` keys. What such a key signs names
 * the application, says whether its owner touched it, and counts.
 * Source: OpenSSH, PROTOCOL.u2f; GitLab Shell 14.56.1 (golang.org/x/crypto),
 * which wants a touch, ignores the counter and asks for no PIN.
 * @module
 */
import { createHash, verify } from "node:crypto";
import { ProtocolError } from "../core/errors.ts";
import { base64, check, decodeEcdsaPair, pointKey } from "./key_parts.ts";
import { CURVES } from "./openssh_private_key.ts";
import type { PublicKey } from "./public_key.ts";
import type { Signature } from "./ssh_messages.ts";
import { SshReader, SshWriter } from "./wire.ts";

const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;
/** Bit of the flags: the owner touched the key. */
const USER_PRESENT = 0x01;
const CURVE = "nistp256";

/** Checks the inner signature over what the security key signed. */
type InnerVerifier = (message: Uint8Array, signature: Uint8Array) => boolean;

/** What a security key says of its signature. */
interface SkSignature {
  readonly inner: Uint8Array;
  readonly flags: number;
  readonly counter: number;
}

/** @throws {ProtocolError} If the key is malformed. */
export function parseSkEd25519(reader: SshReader): PublicKey {
  const x = reader.readString();
  const application = reader.readString();
  if (x.length !== ED25519_KEY_BYTES) {
    throw new ProtocolError(
      `Cannot use an Ed25519 key of ${x.length} bytes`,
      0,
    );
  }
  const key = { kty: "OKP", crv: "Ed25519", x: base64(x) };
  return makeSecurityKey(
    "sk-ssh-ed25519@openssh.com",
    application,
    (message, signature) =>
      signature.length === ED25519_SIGNATURE_BYTES &&
      check(key, (object) => verify(null, message, object, signature)),
  );
}

/** @throws {ProtocolError} If the key is malformed. */
export function parseSkEcdsa(reader: SshReader): PublicKey {
  const name = reader.readText();
  const point = reader.readString();
  const application = reader.readString();
  const curve = CURVES.get(name);
  if (!curve || name !== CURVE) {
    throw new ProtocolError("ssh: unsupported curve", 0);
  }
  const key = pointKey(point, curve);
  return makeSecurityKey(
    "sk-ecdsa-sha2-nistp256@openssh.com",
    application,
    (message, signature) => {
      const pair = decodeEcdsaPair(signature, curve);
      return pair !== undefined && check(key, (object) => {
        const dsaEncoding = "ieee-p1363";
        return verify(
          curve.hash,
          message,
          { key: object, dsaEncoding },
          pair,
        );
      });
    },
  );
}

function makeSecurityKey(
  type: string,
  application: Uint8Array,
  verifyInner: InnerVerifier,
): PublicKey {
  const verifyWith = (
    data: Uint8Array,
    signature: Signature,
    needsTouch: boolean,
  ) => {
    const parts = decodeSkSignature(signature);
    if (!parts) return false;
    const message = signedMessage(application, data, parts);
    if (!verifyInner(message, parts.inner)) return false;
    if (needsTouch && (parts.flags & USER_PRESENT) === 0) {
      throw new Error("ssh: signature missing required user presence flag");
    }
    return true;
  };
  const key = {
    type,
    algorithms: [type],
    verify: (data: Uint8Array, signature: Signature) =>
      verifyWith(data, signature, true),
  };
  return {
    ...key,
    withoutTouch: () => ({
      ...key,
      verify: (data, signature) => verifyWith(data, signature, false),
    }),
  };
}

/** @returns `undefined` for a malformed one. */
function decodeSkSignature({ bytes }: Signature): SkSignature | undefined {
  try {
    const reader = new SshReader(bytes);
    const inner = reader.readString();
    const flags = reader.readByte();
    const counter = reader.readUint32();
    reader.expectEnd();
    return { inner, flags, counter };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function signedMessage(
  application: Uint8Array,
  data: Uint8Array,
  { flags, counter }: SkSignature,
): Uint8Array {
  return new SshWriter().raw(sha256(application)).byte(flags).uint32(counter)
    .raw(sha256(data)).bytes();
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
