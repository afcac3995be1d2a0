/**
 * What of ssh2 is relied on. Several of its defects are cured through private
 * members, so that another version must stop the start and not the first
 * customer.
 * Source: ssh2 1.17.0, lib/protocol/Protocol.js, kex.js and crypto.js.
 * @module
 */

/** The version whose private members are known. */
export const SSH2_VERSION = "1.17.0";

/** Members of a connection and its protocol, with the type that is relied on. */
const PROTOCOL_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["_offer", "object"],
  ["_offer.lists.kex.array", "object"],
  ["_hostKeys", "object"],
  ["_remoteIdentRaw", "object"],
  ["_kex", "undefined"],
  ["_kexinit", "undefined"],
  ["_queue", "undefined"],
  ["rekey", "function"],
  ["_cipher.free", "function"],
  ["_decipher.free", "function"],
  ["_decipher._onPayload", "function"],
  ["_decipher.inSeqno", "number"],
  ["_packetRW.write.alloc", "function"],
  ["_packetRW.write.finalize", "function"],
  ["_packetRW.write.allocStart", "number"],
  ["_packetRW.write.allocStartKEX", "number"],
  ["_destruct", "function"],
  ["_onPayload", "function"],
  ["_onHandshakeComplete", "function"],
  ["channelData", "function"],
  ["channelExtData", "function"],
  ["channelOpenConfirm", "function"],
  ["channelWindowAdjust", "function"],
  ["channelSuccess", "function"],
  ["channelFailure", "function"],
  ["channelEOF", "function"],
  ["channelClose", "function"],
  ["exitStatus", "function"],
]);

/** Members of a key exchange over X25519 that has just begun. */
const EXCHANGE_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["type", "string"],
  ["negotiated.kex", "string"],
  ["negotiated.serverHostKey", "string"],
  ["remoteExtInfoEnabled", "boolean"],
  ["_remoteKexinit", "object"],
  ["_hostKey", "undefined"],
  ["_public", "object"],
  ["_dh", "object"],
  ["generateKeys", "function"],
  ["getPublicKey", "function"],
  ["convertPublicKey", "function"],
  ["computeSecret", "function"],
  ["parse", "function"],
]);

/** Members of ciphers whose work is replaced. */
const CIPHER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["outSeqno", "number"],
  ["_dead", "boolean"],
  ["_onWrite", "function"],
  ["allocPacket", "function"],
  ["encrypt", "function"],
  ["free", "function"],
]);
const CHACHA_CIPHER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ...CIPHER_MEMBERS,
  ["_encKeyMain", "object"],
  ["_encKeyPktLen", "object"],
]);
const GCM_CIPHER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ...CIPHER_MEMBERS,
  ["_encSSLName", "string"],
  ["_encKey", "object"],
  ["_encIV", "object"],
]);
const DECIPHER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["inSeqno", "number"],
  ["_onPayload", "function"],
  ["decrypt", "function"],
  ["free", "function"],
]);
const CHACHA_DECIPHER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ...DECIPHER_MEMBERS,
  ["_decKeyMain", "object"],
  ["_decKeyPktLen", "object"],
]);
const GCM_DECIPHER_MEMBERS: ReadonlyMap<string, string> = new Map([
  ...DECIPHER_MEMBERS,
  ["_decipherSSLName", "string"],
  ["_decipherKey", "object"],
  ["_decipherIV", "object"],
]);

/**
 * Compares one connection with what this room relies on.
 * @param client The connection, its client identified, before key exchange.
 * @param ident What it sent on its own: ssh2 names its version there.
 * @throws {Error} Naming the first difference.
 */
export function checkSsh2(client: unknown, ident: string): void {
  const expected = `SSH-2.0-ssh2js${SSH2_VERSION}\r\n`;
  if (ident !== expected) {
    throw new Error(
      `Cannot use ssh2: it calls itself ${JSON.stringify(ident)}, ` +
        `expected ${JSON.stringify(expected)}`,
    );
  }
  if (memberOf(client, "_sock") === undefined) {
    throw new Error("Cannot use ssh2: a client has no member _sock");
  }
  checkMembers(memberOf(client, "_protocol"), PROTOCOL_MEMBERS);
}

/**
 * Compares a key exchange with what the patches of it rely on.
 * @param exchange One that ssh2 has just made.
 * @throws {Error} Naming the first difference.
 */
export function checkKeyExchange(exchange: unknown): void {
  checkMembers(exchange, EXCHANGE_MEMBERS);
}

/** Ciphers of both directions, as ssh2 makes them. */
export interface ProbedCiphers {
  readonly cipher: unknown;
  readonly decipher: unknown;
}

/**
 * Compares ciphers with what the patches of them rely on.
 * @throws {Error} Naming the first difference.
 */
export function checkCiphers(chacha: ProbedCiphers, gcm: ProbedCiphers): void {
  checkMembers(chacha.cipher, CHACHA_CIPHER_MEMBERS);
  checkMembers(chacha.decipher, CHACHA_DECIPHER_MEMBERS);
  checkMembers(gcm.cipher, GCM_CIPHER_MEMBERS);
  checkMembers(gcm.decipher, GCM_DECIPHER_MEMBERS);
}

function checkMembers(
  owner: unknown,
  members: ReadonlyMap<string, string>,
): void {
  for (const [path, type] of members) {
    let member = owner;
    for (const name of path.split(".")) member = memberOf(member, name);
    const actual: string = typeof member;
    if (actual !== type) {
      throw new Error(
        `Cannot use ssh2: member ${path} is ${actual}, expected ${type}`,
      );
    }
  }
}

/** A member of whatever it is, or `undefined`. */
export function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === "object" && value !== null;
  if (!isObject && typeof value !== "function") return undefined;
  return Reflect.get(value, name);
}
