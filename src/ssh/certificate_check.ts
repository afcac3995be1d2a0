/**
 * What every user certificate must fulfil, whoever signed it. Pure: texts are
 * those of the reference, which operators search their logs for.
 * Source: GitLab Shell 14.56.1, sshd user certificates (golang.org/x/crypto,
 * CertChecker); OpenSSH, sshd_config(5), CASignatureAlgorithms.
 * @module
 */
import { quoteGo } from "../core/go_text.ts";
import { isIpInRange, parseIp } from "../core/host_port.ts";
import type { Certificate } from "./certificate.ts";
import { shorten } from "./shown_text.ts";

/** The one critical option that is known here. */
export const SOURCE_ADDRESS = "source-address";
const FOREVER = 2n ** 64n - 1n;
const INT64_MAX = 2n ** 63n - 1n;
/** Signatures over SHA-1, which can be forged for less than a car costs. */
const WEAK_FORMATS: ReadonlySet<string> = new Set(["ssh-rsa", "ssh-dss"]);
/** GitLab's user names. */
const KEY_ID_BYTES_MIN = 2;
const KEY_ID_BYTES_MAX = 255;
const KEY_ID = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,253}[a-zA-Z0-9]$/;
const SPECIAL_PAIR = /[._-]{2}/;
const encoder = new TextEncoder();

/**
 * Judges options, principals, time and signature, in this order.
 * @param user Name that the client wants to log in as.
 * @param nowMs Milliseconds since 1970.
 * @returns Why the certificate cannot be used; `undefined` for a good one.
 */
export function findCertificateFault(
  certificate: Certificate,
  user: string,
  nowMs: number,
): string | undefined {
  for (const name of certificate.criticalOptions.keys()) {
    if (name === SOURCE_ADDRESS) continue;
    return `ssh: unsupported critical option ${
      quoteGo(shorten(name))
    } in certificate`;
  }
  const { principals } = certificate;
  if (principals.length > 0 && !principals.includes(user)) {
    return `ssh: principal ${quoteGo(shorten(user))} not in the set of valid ` +
      `principals for given certificate: [${shorten(principals.join(" "))}]`;
  }
  return findTimeFault(certificate, BigInt(Math.floor(nowMs / 1000))) ??
    findSignatureFault(certificate);
}

/** Go reads both moments as signed numbers. */
function findTimeFault(
  { validAfter, validBefore }: Certificate,
  now: bigint,
): string | undefined {
  if (validAfter > INT64_MAX || now < validAfter) {
    return "ssh: cert is not yet valid";
  }
  if (validBefore === FOREVER) return undefined;
  return validBefore > INT64_MAX || now >= validBefore
    ? "ssh: cert has expired"
    : undefined;
}

function findSignatureFault(
  { authority, signature, signedBytes }: Certificate,
): string | undefined {
  const { format } = signature;
  if (WEAK_FORMATS.has(format)) {
    return `ssh: certificate is signed with ${format}, which is not accepted`;
  }
  const isGood = authority.algorithms.includes(format) &&
    verifies(() => authority.verify(signedBytes, signature));
  return isGood ? undefined : "ssh: certificate signature does not verify";
}

/** A security key that was not touched has signed nothing. */
function verifies(verify: () => boolean): boolean {
  try {
    return verify();
  } catch {
    return false;
  }
}

/**
 * Whether the identity can be a GitLab user name: it becomes one unasked.
 * @returns Why not; `undefined` if it can.
 */
export function findKeyIdFault(keyId: string): string | undefined {
  const sizeBytes = encoder.encode(keyId).length;
  if (sizeBytes === 0) return "certificate has empty KeyId";
  if (sizeBytes < KEY_ID_BYTES_MIN || sizeBytes > KEY_ID_BYTES_MAX) {
    return `certificate KeyId length ${sizeBytes} is outside valid range ` +
      `[${KEY_ID_BYTES_MIN}, ${KEY_ID_BYTES_MAX}]`;
  }
  if (!KEY_ID.test(keyId)) {
    return "certificate KeyId does not match GitLab username format";
  }
  return SPECIAL_PAIR.test(keyId)
    ? "certificate KeyId contains consecutive special characters"
    : undefined;
}

/**
 * Compares where the client is with where it may be.
 * @param allowed Addresses and ranges, separated by commas.
 * @param client The client's IP address; empty if it has none.
 * @returns Why it may not come from there; `undefined` if it may.
 */
export function findSourceFault(
  allowed: string,
  client: string,
): string | undefined {
  const ip = parseIp(client);
  if (!ip) {
    return `ssh: remote address ${client} is not an TCP address when checking ` +
      `source-address match`;
  }
  for (const entry of allowed.split(",")) {
    const address = parseIp(entry);
    if (address) {
      if (isSame(address, ip)) return undefined;
    } else if (!isRange(entry)) {
      return `ssh: error parsing source-address restriction ${
        quoteGo(shorten(entry))
      }`;
    } else if (isIpInRange(ip, entry)) {
      return undefined;
    }
  }
  return `ssh: remote address ${client} is not allowed because of ` +
    `source-address restriction`;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function isRange(entry: string): boolean {
  const [, base = "", bits = ""] = /^([^/]+)\/([0-9]{1,3})$/.exec(entry) ?? [];
  const network = parseIp(base);
  return network !== undefined && Number(bits) <= network.length * 8;
}
