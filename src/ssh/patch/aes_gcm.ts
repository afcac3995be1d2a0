/**
 * The AES-GCM ciphers at half the cost, and on another thread.
 * Not in sshd.md's table: `createCipheriv` of Deno 2.9.6 takes 130 us for a
 * packet of 32 KiB, WebCrypto 55 us and none of it here. Its result comes
 * later, so the connection's output keeps the order. Small packets are not
 * worth the way, and are encrypted at once as ssh2 does it.
 * Source: RFC 5647; OpenSSH, PROTOCOL, section 1.6; ssh2 1.17.0,
 * lib/protocol/crypto.js, AESGCMCipherNative.
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";
import type { Ssh2GcmCipher, Ssh2Protocol } from "../ssh2_types.ts";
import { allocatePacket } from "./packet_memory.ts";

const LENGTH_BYTES = 4;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
/** Where the number of the packet begins in the nonce. */
const COUNTER_AT = 4;
/** Packets below are encrypted and decrypted here. */
export const REMOTE_BYTES_MIN = 4 * 1024;

/** Where bytes go that are made later. */
export interface LaterOutput {
  /** @param sizeBytes How many there will be. */
  writeLater(sizeBytes: number, bytes: Promise<Uint8Array>): void;
}

/**
 * Replaces the work of an outgoing cipher of this kind.
 * @param output The connection's; without it nothing is encrypted elsewhere.
 */
export function patchAesGcm(
  { _cipher: cipher }: Ssh2Protocol,
  output: LaterOutput | undefined,
): void {
  if (!isGcmCipher(cipher)) return;
  const remote = output && new RemoteKey(cipher._encKey, "encrypt");
  cipher.allocPacket = (payloadBytes) =>
    allocatePacket(payloadBytes, BLOCK_BYTES);
  cipher.encrypt = (packet) => {
    if (cipher._dead) return;
    const isLarge = packet.length >= REMOTE_BYTES_MIN;
    const key = isLarge ? remote?.take() : undefined;
    const length = Buffer.from(packet.subarray(0, LENGTH_BYTES));
    cipher._onWrite(length);
    const body = packet.subarray(LENGTH_BYTES);
    if (key && output) {
      const sealed = encryptRemotely(key, cipher._encIV, { length, body });
      output.writeLater(body.length + TAG_BYTES, sealed);
    } else {
      encryptHere(cipher, { length, body });
    }
    countPacket(cipher._encIV);
    cipher.outSeqno = (cipher.outSeqno + 1) >>> 0;
  };
}

/** The key as WebCrypto has it, imported when it is first of use. */
export class RemoteKey {
  readonly #bytes: Buffer;
  readonly #usage: "encrypt" | "decrypt";
  #key: CryptoKey | undefined;
  #isImporting = false;

  constructor(bytes: Buffer, usage: "encrypt" | "decrypt") {
    this.#bytes = bytes;
    this.#usage = usage;
  }

  /** @returns `undefined` until it is imported, and if it cannot be. */
  take(): CryptoKey | undefined {
    if (!this.#isImporting) {
      this.#isImporting = true;
      crypto.subtle.importKey(
        "raw",
        new Uint8Array(this.#bytes),
        "AES-GCM",
        false,
        [this.#usage],
      ).then((key) => this.#key = key, () => {});
    }
    return this.#key;
  }
}

/** A packet before it is sealed. */
interface OpenPacket {
  /** Sent as it is, and covered by the tag. */
  readonly length: Buffer<ArrayBuffer>;
  /** Memory of the next packet, once the function that has it returns. */
  readonly body: Buffer;
}

/** WebCrypto copies what it is given before it returns its promise. */
async function encryptRemotely(
  key: CryptoKey,
  iv: Buffer,
  { length, body }: OpenPacket,
): Promise<Uint8Array> {
  const sealed = await crypto.subtle.encrypt(
    {
      name: "AES-GCM",
      iv: new Uint8Array(iv),
      additionalData: length,
      tagLength: TAG_BYTES * 8,
    },
    key,
    isPlainMemory(body) ? body : new Uint8Array(body),
  );
  return new Uint8Array(sealed);
}

/** WebCrypto takes no memory that threads share; nor do we have any. */
export function isPlainMemory(
  bytes: Uint8Array,
): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}

function encryptHere(
  cipher: Ssh2GcmCipher,
  { length, body }: OpenPacket,
): void {
  const { _encSSLName, _encKey, _encIV } = cipher;
  const instance = createCipheriv(_encSSLName, _encKey, _encIV);
  instance.setAAD(length);
  cipher._onWrite(instance.update(body));
  instance.final();
  cipher._onWrite(instance.getAuthTag());
}

/** The nonce's counter is 64 bits wide and may wrap. */
export function countPacket(iv: Buffer): void {
  const count = BigInt.asUintN(64, iv.readBigUInt64BE(COUNTER_AT) + 1n);
  iv.writeBigUInt64BE(count, COUNTER_AT);
}

function isGcmCipher(cipher: object): cipher is Ssh2GcmCipher {
  return "_encSSLName" in cipher && "_encIV" in cipher;
}
