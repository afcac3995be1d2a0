/**
 * Host certificates: files to certificates by the type of the host key that
 * they certify.
 * Row F27: ssh2 takes the nonce of a certificate line for the key, so files are
 * read here.
 * Source: GitLab Shell 14.56.1, sshd server configuration; OpenSSH,
 * PROTOCOL.certkeys.
 * @module
 */
import { Buffer } from "node:buffer";
import { errorText, ProtocolError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import {
  type Certificate,
  CERTIFICATE_KIND,
  parseCertificate,
  parseUserKey,
} from "./certificate.ts";
import type { Ssh2HostKey } from "./ssh2_types.ts";

const FOREVER = 2n ** 64n - 1n;

/** What certificates are loaded with. */
export interface HostCertificateOptions {
  /** By type. */
  readonly keys: ReadonlyMap<string, Ssh2HostKey>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** A certificate of one of the host's keys. */
interface LoadedCertificate {
  readonly certificate: Certificate;
  readonly blob: Uint8Array;
}

/**
 * Loads the files in order; one that cannot be used is logged and left out, and
 * so is a second one for the same key.
 * @returns Wire forms by the type of the plain key.
 */
export function loadHostCertificates(
  files: readonly string[],
  options: HostCertificateOptions,
): ReadonlyMap<string, Buffer> {
  const { log } = options;
  const byType = new Map<string, Buffer>();
  for (const filename of files) {
    const loaded = loadFile(filename, log);
    if (!loaded) continue;
    const { certificate: { subject, subjectBlob }, blob } = loaded;
    const key = options.keys.get(subject.type);
    if (!key?.getPublicSSH().equals(subjectBlob)) {
      log.error("no matching private key for certificate", { filename });
    } else if (byType.has(subject.type)) {
      log.error(
        "the host certificate doesn't match the host private key",
        {
          filename,
          error_message: "ssh: signer and cert have different public key",
        },
      );
    } else if (isForHosts(loaded, filename, options)) {
      byType.set(subject.type, Buffer.from(blob));
    }
  }
  return byType;
}

function loadFile(
  filename: string,
  log: Logger,
): LoadedCertificate | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(filename);
  } catch (error) {
    const error_message = errorText(error);
    log.error("failed to read host certificate", { filename, error_message });
    return undefined;
  }
  try {
    const blob = decodeLine(text);
    if (!parseUserKey(blob).certificate) {
      log.error("failed to decode host certificate", { filename });
      return undefined;
    }
    return { certificate: parseCertificate(blob), blob };
  } catch (error) {
    const error_message = errorText(error);
    log.error("failed to parse host certificate", { filename, error_message });
    return undefined;
  }
}

/** @throws {ProtocolError} If no line holds a key. */
function decodeLine(text: string): Uint8Array {
  for (const line of text.split("\n")) {
    const [type = "", body] = line.trim().split(/[ \t]+/);
    if (type === "" || type.startsWith("#") || body === undefined) continue;
    try {
      return Uint8Array.fromBase64(body);
    } catch (cause) {
      throw new ProtocolError("ssh: no key found", 0, { cause });
    }
  }
  throw new ProtocolError("ssh: no key found", 0);
}

/**
 * Whether clients can make anything of it. The reference looks at none of
 * this. What time cures is told and offered all the same.
 */
function isForHosts(
  { certificate }: LoadedCertificate,
  filename: string,
  { log, nowMs }: HostCertificateOptions,
): boolean {
  const warn = (error_message: string) =>
    log.warn("host certificate is of no use to clients", {
      filename,
      error_message,
    });
  const { kind, validAfter, validBefore } = certificate;
  if (kind !== CERTIFICATE_KIND.host) {
    warn("it is not a host certificate");
    return false;
  }
  const now = BigInt(Math.floor(nowMs / 1000));
  if (now < validAfter) warn("it is not yet valid");
  if (validBefore !== FOREVER && now >= validBefore) warn("it has expired");
  const { authority, signature, signedBytes } = certificate;
  if (!authority.verify(signedBytes, signature)) {
    warn("its signature does not verify");
  }
  return true;
}
