/**
 * chacha20-poly1305@openssh.com with ciphers that are given back.
 * Not in sshd.md's table: ssh2 makes three ciphers for each packet and never
 * ends one, and Deno 2.9.6 keeps about 4 KiB of each for ever: a clone of one
 * gibibyte would leave 350 MiB behind, with the cipher that OpenSSH's clients
 * prefer. Here a packet takes two ciphers, and both are ended. The one for the
 * data goes on where the key of the checksum ends, which saves the third.
 * Source: OpenSSH, PROTOCOL.chacha20poly1305; ssh2 1.17.0,
 * lib/protocol/crypto.js, ChaChaPolyCipherNative.
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, timingSafeEqual } from "node:crypto";
import type {
  Ssh2ChachaCipher,
  Ssh2ChachaDecipher,
  Ssh2Poly1305,
  Ssh2Protocol,
} from "../ssh2_types.ts";
import { FrameReader, payloadOf } from "./frame_reader.ts";
import { allocatePacket } from "./packet_memory.ts";

const LENGTH_BYTES = 4;
const MAC_BYTES = 16;
const BLOCK_BYTES = 8;
const POLY_KEY_BYTES = 32;
/** One block of the stream, which the key of the checksum is taken from. */
const FIRST_BLOCK = Buffer.alloc(64);

/** Replaces the work of both ciphers where they are of this kind. */
export function patchChacha20(
  poly1305: Ssh2Poly1305,
  protocol: Ssh2Protocol,
): void {
  const { _cipher: cipher, _decipher: decipher } = protocol;
  const checksum = new Checksum(poly1305);
  if (isChachaCipher(cipher)) patchCipher(cipher, checksum);
  if (isChachaDecipher(decipher)) patchDecipher(decipher, checksum);
}

function patchCipher(cipher: Ssh2ChachaCipher, checksum: Checksum): void {
  cipher.allocPacket = (payloadBytes) =>
    allocatePacket(payloadBytes, BLOCK_BYTES);
  cipher.encrypt = (packet) => {
    if (cipher._dead) return;
    const nonce = nonceOf(cipher.outSeqno);
    const length = transform(
      cipher._encKeyPktLen,
      nonce,
      packet.subarray(0, LENGTH_BYTES),
    );
    const stream = new KeyStream(cipher._encKeyMain, nonce);
    const body = stream.end(packet.subarray(LENGTH_BYTES));
    cipher._onWrite(length);
    cipher._onWrite(body);
    cipher._onWrite(checksum.compute(stream.polyKey, length, body));
    cipher.outSeqno = (cipher.outSeqno + 1) >>> 0;
  };
}

function patchDecipher(
  decipher: Ssh2ChachaDecipher,
  checksum: Checksum,
): void {
  const frames = new FrameReader({
    blockBytes: BLOCK_BYTES,
    tagBytes: MAC_BYTES,
  });
  decipher.decrypt = (data, from, end) => {
    let at = from;
    while (at < end) {
      const nonce = nonceOf(decipher.inSeqno);
      at = frames.take(data, at, end);
      if (frames.needsLength) {
        if (!frames.isWhole) return undefined;
        const length = transform(decipher._decKeyPktLen, nonce, frames.bytes);
        frames.expectBody(length.readUInt32BE());
        continue;
      }
      if (!frames.isWhole) return undefined;
      const { encryptedLength, bytes } = frames;
      const body = bytes.subarray(0, -MAC_BYTES);
      const stream = new KeyStream(decipher._decKeyMain, nonce);
      const mac = checksum.compute(stream.polyKey, encryptedLength, body);
      const isGenuine = timingSafeEqual(mac, bytes.subarray(-MAC_BYTES));
      // The cipher is ended in any case: it would be kept for ever.
      const packet = stream.end(isGenuine ? body : FIRST_BLOCK);
      if (!isGenuine) throw new Error("Invalid MAC");
      frames.expectLength();
      decipher.inSeqno = (decipher.inSeqno + 1) >>> 0;
      const result = decipher._onPayload(payloadOf(packet));
      if (result !== undefined) return result === false ? at : result;
    }
    return undefined;
  };
}

/** The stream of one packet: the key of its checksum, then its data. */
class KeyStream {
  readonly polyKey: Buffer;
  readonly #cipher: ReturnType<typeof createCipheriv>;

  constructor(key: Buffer, nonce: Buffer) {
    this.#cipher = createCipheriv("chacha20", key, nonce);
    this.polyKey = this.#cipher.update(FIRST_BLOCK).subarray(0, POLY_KEY_BYTES);
  }

  /** Encrypts or decrypts, which is the same, and ends the cipher. */
  end(data: Buffer): Buffer {
    const result = this.#cipher.update(data);
    this.#cipher.final();
    return result;
  }
}

/** Poly1305 over the two parts of a packet, in memory of its own. */
class Checksum {
  readonly #poly1305: Ssh2Poly1305;

  constructor(poly1305: Ssh2Poly1305) {
    this.#poly1305 = poly1305;
  }

  compute(key: Buffer, length: Buffer, body: Buffer): Buffer {
    const { HEAPU8, places, _poly1305_auth } = this.#poly1305;
    HEAPU8.set(key, places.key);
    HEAPU8.set(length, places.length);
    HEAPU8.set(body, places.body);
    _poly1305_auth(
      places.mac,
      places.length,
      length.length,
      places.body,
      body.length,
      places.key,
    );
    return Buffer.from(HEAPU8.slice(places.mac, places.mac + MAC_BYTES).buffer);
  }
}

/** Counter of the first block, then the number of the packet. */
function nonceOf(sequence: number): Buffer {
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32BE(sequence, 12);
  return nonce;
}

function transform(key: Buffer, nonce: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv("chacha20", key, nonce);
  const result = cipher.update(data);
  cipher.final();
  return result;
}

function isChachaCipher(cipher: object): cipher is Ssh2ChachaCipher {
  return "_encKeyPktLen" in cipher && "_encKeyMain" in cipher;
}

function isChachaDecipher(decipher: object): decipher is Ssh2ChachaDecipher {
  return "_decKeyPktLen" in decipher && "_decKeyMain" in decipher;
}
