/**
 * Finds out before ssh2 does that two sides have no algorithm in common.
 * Row F6: ssh2 ends such a connection with an empty message and an error that
 * names neither list; the operator needs both, as Go's error has them.
 * Source: RFC 4253, section 7.1; GitLab Shell 14.56.1 (golang.org/x/crypto).
 * @module
 */
import type { Ssh2Offer } from "../ssh2_types.ts";
import { SshReader } from "../wire.ts";

const COOKIE_BYTES = 16;
/** A list of the client is its own invention and goes to the log. */
const SHOWN_CHARS_MAX = 1_024;

/** Ciphers that need no MAC, so that none has to be agreed on. */
const AEAD_CIPHERS: ReadonlySet<string> = new Set([
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
]);

/** The lists of the client's KEXINIT, in the order of the message. */
interface ClientOffer {
  kex: string[];
  hostKey: string[];
  cipherIn: string[];
  cipherOut: string[];
  macIn: string[];
  macOut: string[];
  compressIn: string[];
  compressOut: string[];
}

/**
 * Compares our offer with a client's KEXINIT.
 * @returns Go's error text for the first kind that has nothing in common.
 * @throws {ProtocolError} If the message is cut off.
 */
export function findMismatch(
  offer: Ssh2Offer,
  kexInit: Uint8Array,
): string | undefined {
  const client = decodeKexInit(kexInit);
  const kinds: [what: string, ours: readonly string[], theirs: string[]][] = [
    ["key exchange", offer.kex, client.kex],
    ["host key", offer.serverHostKey, client.hostKey],
    ["client to server cipher", offer.cs.cipher, client.cipherIn],
    ["server to client cipher", offer.sc.cipher, client.cipherOut],
  ];
  if (needsMac(offer.cs.cipher, client.cipherIn)) {
    kinds.push(["client to server MAC", offer.cs.mac, client.macIn]);
  }
  if (needsMac(offer.sc.cipher, client.cipherOut)) {
    kinds.push(["server to client MAC", offer.sc.mac, client.macOut]);
  }
  kinds.push(
    ["client to server compression", offer.cs.compress, client.compressIn],
    ["server to client compression", offer.sc.compress, client.compressOut],
  );
  for (const [what, ours, theirs] of kinds) {
    if (theirs.some((name) => ours.includes(name))) continue;
    const shown = theirs.join(" ").slice(0, SHOWN_CHARS_MAX);
    return `ssh: no common algorithm for ${what}; ` +
      `we offered: [${ours.join(" ")}], peer offered: [${shown}]`;
  }
  return undefined;
}

function needsMac(ours: readonly string[], theirs: readonly string[]): boolean {
  const cipher = theirs.find((name) => ours.includes(name));
  return cipher !== undefined && !AEAD_CIPHERS.has(cipher);
}

function decodeKexInit(payload: Uint8Array): ClientOffer {
  const reader = new SshReader(payload, 1 + COOKIE_BYTES);
  return {
    kex: reader.readNameList(),
    hostKey: reader.readNameList(),
    cipherIn: reader.readNameList(),
    cipherOut: reader.readNameList(),
    macIn: reader.readNameList(),
    macOut: reader.readNameList(),
    compressIn: reader.readNameList(),
    compressOut: reader.readNameList(),
  };
}
