/**
 * Host keys: files to keys that sign, and the algorithms that they bring.
 * Rows F15, F16 and F17: ssh2 does not read PKCS#8, breaks P-256 keys on Deno
 * and keeps the first of two keys of a kind where the reference keeps the
 * last, so keys are read and used here and handed to ssh2 as objects.
 * Source: GitLab Shell 14.56.1, server configuration; RFC 4253, section 6.6;
 * RFC 5656, section 3.1; RFC 8332; RFC 8709.
 * @module
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { errorText } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { certificateAlgorithms } from "./certificate.ts";
import { loadHostCertificates } from "./host_certificates.ts";
import {
  type Curve,
  CURVES,
  decodeOpensshPrivateKey,
  PassphraseError,
} from "./openssh_private_key.ts";
import type { Ssh2HostKey } from "./ssh2_types.ts";
import { SshWriter } from "./wire.ts";

/** An RSA key signs in three ways, offered in this order. */
const RSA_ALGORITHMS = ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"] as const;

/** The keys of this host and the names under which they are offered. */
export interface HostKeys {
  readonly algorithms: readonly string[];
  readonly byAlgorithm: Record<string, Ssh2HostKey>;
}

/** Files of certificates, and when they are looked at. */
export interface HostCertificateFiles {
  readonly files: readonly string[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Loads the files in order; one that cannot be used is logged and left out. Of
 * two keys of one type the later takes the place of the earlier.
 * @throws {Error} If no key is left.
 */
export function loadHostKeys(
  files: readonly string[],
  log: Logger,
  certificates: HostCertificateFiles = { files: [], nowMs: 0 },
): HostKeys {
  const byType = new Map<string, Ssh2HostKey>();
  for (const filename of files) {
    const key = loadHostKey(filename, log);
    if (key) byType.set(key.type, key);
  }
  if (byType.size === 0) {
    throw new Error("no host keys could be loaded, aborting");
  }
  const certified = loadHostCertificates(certificates.files, {
    keys: byType,
    log,
    nowMs: certificates.nowMs,
  });
  const algorithms: string[] = [];
  // Without a prototype: a client chooses the names that are looked up here.
  const byAlgorithm: Record<string, Ssh2HostKey> = Object.create(null);
  for (const key of byType.values()) {
    const names = key.type === "ssh-rsa" ? RSA_ALGORITHMS : [key.type];
    const blob = certified.get(key.type);
    // The reference hides the plain key behind its certificate, and clients
    // that know no certificates find no host key.
    if (blob) {
      for (const name of certificateAlgorithms(names)) {
        algorithms.push(name);
        byAlgorithm[name] = certify(key, blob);
      }
    }
    for (const name of names) {
      algorithms.push(name);
      byAlgorithm[name] = key;
    }
  }
  return { algorithms, byAlgorithm };
}

/** The key as it presents itself with what an authority said of it. */
function certify(key: Ssh2HostKey, blob: Buffer): Ssh2HostKey {
  return {
    type: key.type,
    getPublicSSH: () => blob,
    sign: (data, hash) => key.sign(data, hash),
  };
}

function loadHostKey(filename: string, log: Logger): Ssh2HostKey | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(filename);
  } catch (error) {
    const error_message = errorText(error);
    log.error("Failed to read host key", { filename, error_message });
    return undefined;
  }
  try {
    return parseHostKey(text);
  } catch (error) {
    const error_message = errorText(error);
    log.error("Failed to parse host key", { filename, error_message });
    return undefined;
  }
}

const PEM = /-----BEGIN ([A-Z ]+)-----\r?\n([\s\S]*?)-----END \1-----/;

/**
 * Reads an unencrypted private key in any of the forms that OpenSSH and
 * OpenSSL write: OPENSSH, RSA (PKCS#1), EC (SEC 1) and PKCS#8.
 * @throws {PassphraseError} If it is encrypted.
 * @throws {Error} If it is none of these or its type has no use here.
 */
export function parseHostKey(text: string): Ssh2HostKey {
  const [pem, label = "", body = ""] = PEM.exec(text) ?? [];
  if (pem === undefined) throw new Error("ssh: no key found");
  if (label.startsWith("ENCRYPTED") || /^Proc-Type:.*ENCRYPTED/m.test(body)) {
    throw new PassphraseError();
  }
  if (label !== "OPENSSH PRIVATE KEY") return hostKeyOf(createPrivateKey(pem));
  const bytes = Uint8Array.fromBase64(body.replaceAll(/\s/g, ""));
  const key = decodeOpensshPrivateKey(bytes);
  return hostKeyOf(createPrivateKey({ key, format: "jwk" }));
}

function hostKeyOf(privateKey: KeyObject): Ssh2HostKey {
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  const field = (name: "n" | "e" | "x" | "y") =>
    Buffer.from(jwk[name] ?? "", "base64url");
  if (jwk.kty === "RSA") {
    const blob = new SshWriter().string("ssh-rsa").mpint(field("e"))
      .mpint(field("n")).bytes();
    return new RsaHostKey(privateKey, blob);
  }
  if (jwk.crv === "Ed25519") {
    const blob = new SshWriter().string("ssh-ed25519").string(field("x"))
      .bytes();
    return new Ed25519HostKey(privateKey, blob);
  }
  for (const [name, curve] of CURVES) {
    if (curve.name !== jwk.crv) continue;
    const point = Buffer.alloc(1 + 2 * curve.fieldBytes);
    point[0] = 4;
    const x = field("x");
    const y = field("y");
    x.copy(point, 1 + curve.fieldBytes - x.length);
    y.copy(point, point.length - y.length);
    const type = `ecdsa-sha2-${name}`;
    const blob = new SshWriter().string(type).string(name).string(point)
      .bytes();
    return new EcdsaHostKey(privateKey, blob, { type, curve });
  }
  throw new Error(`Cannot use a host key of type ${jwk.kty ?? "unknown"}`);
}

abstract class HostKey implements Ssh2HostKey {
  abstract readonly type: string;
  protected readonly privateKey: KeyObject;
  readonly #blob: Buffer;

  constructor(privateKey: KeyObject, blob: Uint8Array) {
    this.privateKey = privateKey;
    this.#blob = Buffer.from(blob);
  }

  getPublicSSH(): Buffer {
    return this.#blob;
  }

  sign(data: Buffer, hash: string | undefined): Buffer | Error {
    try {
      return this.makeSignature(data, hash);
    } catch (error) {
      // ssh2 expects a failure as a value; thrown, it would not be told apart
      // from one of the client's.
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** @param hash Given for the SHA-2 names of RSA alone. */
  protected abstract makeSignature(
    data: Buffer,
    hash: string | undefined,
  ): Buffer;
}

class RsaHostKey extends HostKey {
  readonly type = "ssh-rsa";
  protected makeSignature(data: Buffer, hash = "sha1"): Buffer {
    return sign(hash, data, this.privateKey);
  }
}

class Ed25519HostKey extends HostKey {
  readonly type = "ssh-ed25519";
  protected makeSignature(data: Buffer): Buffer {
    return sign(null, data, this.privateKey);
  }
}

class EcdsaHostKey extends HostKey {
  readonly type: string;
  readonly #curve: Curve;

  constructor(
    privateKey: KeyObject,
    blob: Uint8Array,
    { type, curve }: { type: string; curve: Curve },
  ) {
    super(privateKey, blob);
    this.type = type;
    this.#curve = curve;
  }

  protected makeSignature(data: Buffer): Buffer {
    const { hash, fieldBytes } = this.#curve;
    const key = this.privateKey;
    const pair = sign(hash, data, { key, dsaEncoding: "ieee-p1363" });
    // Already in SSH's form: its first byte is 0, which ssh2 takes to mean
    // that there is nothing left to convert.
    return Buffer.from(
      new SshWriter().mpint(pair.subarray(0, fieldBytes))
        .mpint(pair.subarray(fieldBytes)).bytes(),
    );
  }
}
