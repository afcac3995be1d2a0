/**
 * Cuts what arrives into encrypted packets, for ciphers whose work is replaced.
 * Source: RFC 4253, section 6; ssh2 1.17.0, lib/protocol/crypto.js, the
 * bounds of its deciphers.
 * @module
 */
import { Buffer } from "node:buffer";

const LENGTH_BYTES = 4;
/** Largest packet that ssh2 takes. */
const PACKET_BYTES_MAX = 35_000;

/** How the packets of a cipher are built. */
export interface FrameShape {
  /** What the length is a multiple of. */
  readonly blockBytes: number;
  /** What comes behind a packet and is not counted in its length. */
  readonly tagBytes: number;
}

/** Collects the parts of a packet, without a copy where a part came whole. */
export class FrameReader {
  readonly #shape: FrameShape;
  /** The length field as it came: the tag covers it. */
  encryptedLength: Buffer = Buffer.alloc(LENGTH_BYTES);
  needsLength = true;
  bytes: Buffer = Buffer.alloc(0);
  #sizeBytes = LENGTH_BYTES;
  #held: Buffer | undefined;
  #heldBytes = 0;

  constructor(shape: FrameShape) {
    this.#shape = shape;
  }

  get isWhole(): boolean {
    return this.bytes.length === this.#sizeBytes;
  }

  /** @returns Where the bytes that were not needed begin. */
  take(data: Buffer, at: number, end: number): number {
    const count = Math.min(this.#sizeBytes - this.#heldBytes, end - at);
    if (this.#heldBytes === 0 && count === this.#sizeBytes) {
      this.bytes = data.subarray(at, at + count);
      return at + count;
    }
    this.#held ??= Buffer.allocUnsafe(this.#sizeBytes);
    data.copy(this.#held, this.#heldBytes, at, at + count);
    this.#heldBytes += count;
    this.bytes = this.#held.subarray(0, this.#heldBytes);
    return at + count;
  }

  /** @throws {Error} If no packet can have this length. */
  expectBody(lengthBytes: number): void {
    const { blockBytes, tagBytes } = this.#shape;
    const isLength = lengthBytes >= blockBytes &&
      lengthBytes <= PACKET_BYTES_MAX && lengthBytes % blockBytes === 0;
    if (!isLength) throw new Error("Bad packet length");
    this.encryptedLength = Buffer.from(this.bytes);
    this.#expect(lengthBytes + tagBytes, false);
  }

  expectLength(): void {
    this.#expect(LENGTH_BYTES, true);
  }

  #expect(sizeBytes: number, needsLength: boolean): void {
    this.needsLength = needsLength;
    this.#sizeBytes = sizeBytes;
    this.#held = undefined;
    this.#heldBytes = 0;
    this.bytes = Buffer.alloc(0);
  }
}

/** What stands between the length of the padding and the padding. */
export function payloadOf(packet: Buffer): Buffer {
  const [paddingBytes = 0] = packet;
  const end = packet.length - paddingBytes;
  if (end < 1) throw new Error("Bad padding length");
  return packet.subarray(1, end);
}
