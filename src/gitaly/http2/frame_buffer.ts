/**
 * Bytes that are about to be sent, frame by frame, in one buffer that grows:
 * many frames then cost one write.
 * Source: RFC 9113, sections 3.4, 4.1 and 6.
 * @module
 */
import { FLAG, FRAME, FRAME_HEADER_BYTES } from "./frame_decoder.ts";

const FIRST_BYTES = 1_024;
/** What an HTTP/2 client sends before its first frame. */
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Collects frames. */
export class FrameBuffer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #size = 0;

  /** How many bytes are waiting. */
  get sizeBytes(): number {
    return this.#size;
  }

  /** The bytes collected, as a view; valid until the next call. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Forgets the bytes and keeps their room. */
  clear(): void {
    this.#size = 0;
  }

  /** Gives back the room that a large send has left; call it when empty. */
  shrink(): void {
    if (this.#bytes.length > FIRST_BYTES) {
      this.#bytes = new Uint8Array(FIRST_BYTES);
    }
  }

  /** Adds bytes as they are. */
  write(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** Adds the client's connection preface. */
  writePreface(): void {
    this.write(PREFACE);
  }

  /** Adds a frame header; `payloadBytes` bytes must be written after it. */
  writeFrameHeader(
    type: number,
    flags: number,
    where: { streamId: number; payloadBytes: number },
  ): void {
    const { streamId, payloadBytes } = where;
    this.#reserve(FRAME_HEADER_BYTES + payloadBytes);
    const bytes = this.#bytes;
    let at = this.#size;
    bytes[at++] = payloadBytes >>> 16;
    bytes[at++] = payloadBytes >>> 8;
    bytes[at++] = payloadBytes;
    bytes[at++] = type;
    bytes[at++] = flags;
    this.#size = at;
    this.#writeUint32(streamId);
  }

  /** Adds SETTINGS with pairs of identifier and value. */
  writeSettings(
    settings: readonly (readonly [id: number, value: number])[],
  ): void {
    const payloadBytes = settings.length * 6;
    this.writeFrameHeader(FRAME.settings, 0, { streamId: 0, payloadBytes });
    for (const [id, value] of settings) {
      this.#bytes[this.#size++] = id >>> 8;
      this.#bytes[this.#size++] = id;
      this.#writeUint32(value);
    }
  }

  /** Adds the acknowledgement of the peer's SETTINGS. */
  writeSettingsAck(): void {
    const where = { streamId: 0, payloadBytes: 0 };
    this.writeFrameHeader(FRAME.settings, FLAG.ack, where);
  }

  /** Adds PING, or the answer to one. @param opaque Eight bytes. */
  writePing(opaque: Uint8Array, isAck: boolean): void {
    const where = { streamId: 0, payloadBytes: opaque.length };
    this.writeFrameHeader(FRAME.ping, isAck ? FLAG.ack : 0, where);
    this.write(opaque);
  }

  /** Adds WINDOW_UPDATE; stream 0 is the connection. */
  writeWindowUpdate(streamId: number, sizeBytes: number): void {
    const where = { streamId, payloadBytes: 4 };
    this.writeFrameHeader(FRAME.windowUpdate, 0, where);
    this.#writeUint32(sizeBytes);
  }

  /** Adds RST_STREAM. */
  writeRstStream(streamId: number, code: number): void {
    const where = { streamId, payloadBytes: 4 };
    this.writeFrameHeader(FRAME.rstStream, 0, where);
    this.#writeUint32(code);
  }

  /** Adds GOAWAY. No stream of the peer's was ever processed: there are none. */
  writeGoaway(code: number): void {
    this.writeFrameHeader(FRAME.goaway, 0, { streamId: 0, payloadBytes: 8 });
    this.#writeUint32(0);
    this.#writeUint32(code);
  }

  /** Adds HEADERS, and CONTINUATION as far as one frame does not hold the block. */
  writeHeaders(
    streamId: number,
    block: Uint8Array,
    framePayloadBytesMax: number,
  ): void {
    let type: number = FRAME.headers;
    let rest = block;
    do {
      const part = rest.subarray(0, framePayloadBytesMax);
      rest = rest.subarray(part.length);
      const flags = rest.length === 0 ? FLAG.endHeaders : 0;
      const where = { streamId, payloadBytes: part.length };
      this.writeFrameHeader(type, flags, where);
      this.write(part);
      type = FRAME.continuation;
    } while (rest.length > 0);
  }

  #writeUint32(value: number): void {
    const bytes = this.#bytes;
    bytes[this.#size++] = value >>> 24;
    bytes[this.#size++] = value >>> 16;
    bytes[this.#size++] = value >>> 8;
    bytes[this.#size++] = value;
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#size + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.view());
    this.#bytes = larger;
  }
}
