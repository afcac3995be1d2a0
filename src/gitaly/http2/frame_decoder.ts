/**
 * Cuts what a peer sends into HTTP/2 frames. Pure: bytes in, frames out.
 *
 * Payloads of DATA are handed on piece by piece as they come, without a copy;
 * other frames are collected, for they are short.
 * Source: RFC 9113, sections 4.1, 4.2 and 6.1.
 * @module
 */
import { HTTP2_ERROR, Http2Error } from "./http2_error.ts";

/** Frame types. */
export const FRAME = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Flags. `ack` and `endStream` share a bit; the frame type tells them apart. */
export const FLAG = {
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Size of every frame's header. */
export const FRAME_HEADER_BYTES = 9;
/** Largest payload that a peer may send unless told otherwise, which we never do. */
export const FRAME_PAYLOAD_BYTES_MAX = 16_384;
const STREAM_ID_MASK = 0x7fffffff;

/** A whole frame of any type but DATA; `payload` is valid until the next call. */
export interface ControlFrame {
  readonly kind: "control";
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** A part of a DATA frame, or all of it. */
export interface DataPiece {
  readonly kind: "data";
  readonly streamId: number;
  /** The data in this part, without padding; a view of what was pushed. */
  readonly payload: Uint8Array;
  /** What this part costs in flow control: data, padding and its length. */
  readonly flowBytes: number;
  /** Whether this part ends the frame. */
  readonly isLast: boolean;
  /** Whether the frame is the last of its stream. */
  readonly endsStream: boolean;
}

/** Decodes one direction of one connection. */
export class FrameDecoder {
  #chunk = new Uint8Array(0) as Uint8Array;
  #at = 0;
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Payload bytes of the current frame that are still to come. */
  #left = 0;
  /** Of these, how many are padding; -1 while its length is still to come. */
  #padding = 0;
  /** Where a frame that comes in parts is put together; made when one does. */
  #collected: Uint8Array | undefined;
  #collectedBytes = 0;

  /** Takes the next bytes; call `next` until it returns nothing before more. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * Takes the next frame, or part of one, out of the bytes pushed last.
   * @returns `undefined` if more bytes are needed.
   * @throws {Http2Error} If a frame is larger than allowed or padded wrongly.
   */
  next(): ControlFrame | DataPiece | undefined {
    if (this.#headerBytes < FRAME_HEADER_BYTES && !this.#readHeader()) {
      return undefined;
    }
    return this.#type === FRAME.data ? this.#readData() : this.#readControl();
  }

  #readHeader(): boolean {
    const wanted = FRAME_HEADER_BYTES - this.#headerBytes;
    const taken = this.#take(wanted);
    this.#header.set(taken, this.#headerBytes);
    this.#headerBytes += taken.length;
    if (taken.length < wanted) return false;
    const [b0 = 0, b1 = 0, b2 = 0, type = 0, flags = 0] = this.#header;
    this.#left = (b0 << 16) | (b1 << 8) | b2;
    this.#type = type;
    this.#flags = flags;
    this.#streamId = readUint32(this.#header, 5) & STREAM_ID_MASK;
    this.#collectedBytes = 0;
    // Judged before the payload arrives: a hostile length must not fill memory.
    if (this.#left > FRAME_PAYLOAD_BYTES_MAX) {
      throw new Http2Error("frame too large", HTTP2_ERROR.frameSize);
    }
    this.#padding = type === FRAME.data && (flags & FLAG.padded) ? -1 : 0;
    if (this.#padding < 0 && this.#left === 0) {
      throw new Http2Error("padded frame has no length", HTTP2_ERROR.frameSize);
    }
    return true;
  }

  #readData(): DataPiece | undefined {
    if (this.#streamId === 0) throw new Http2Error("DATA frame on stream 0");
    if (this.#left > 0 && this.#at >= this.#chunk.length) return undefined;
    let flowBytes = 0;
    if (this.#padding < 0) {
      this.#padding = this.#take(1)[0] ?? 0;
      this.#left--;
      flowBytes = 1;
      if (this.#padding > this.#left) {
        throw new Http2Error("padding larger than frame");
      }
    }
    const payload = this.#take(this.#left - this.#padding);
    this.#left -= payload.length;
    flowBytes += payload.length;
    if (this.#left === this.#padding) {
      const skipped = this.#take(this.#padding).length;
      this.#padding -= skipped;
      this.#left -= skipped;
      flowBytes += skipped;
    }
    const isLast = this.#left === 0;
    if (isLast) this.#headerBytes = 0;
    return {
      kind: "data",
      streamId: this.#streamId,
      payload,
      flowBytes,
      isLast,
      endsStream: isLast && (this.#flags & FLAG.endStream) !== 0,
    };
  }

  #readControl(): ControlFrame | undefined {
    let payload = this.#take(this.#left);
    this.#left -= payload.length;
    if (this.#left > 0 || this.#collectedBytes > 0) {
      const whole = this.#collected ??= new Uint8Array(FRAME_PAYLOAD_BYTES_MAX);
      whole.set(payload, this.#collectedBytes);
      this.#collectedBytes += payload.length;
      if (this.#left > 0) return undefined;
      payload = whole.subarray(0, this.#collectedBytes);
    }
    this.#headerBytes = 0;
    return {
      kind: "control",
      type: this.#type,
      flags: this.#flags,
      streamId: this.#streamId,
      payload,
    };
  }

  /** At most `sizeBytes` of what is there. */
  #take(sizeBytes: number): Uint8Array {
    const start = this.#at;
    this.#at = Math.min(start + sizeBytes, this.#chunk.length);
    return this.#chunk.subarray(start, this.#at);
  }
}

/** Reads four bytes, most significant first, as an unsigned number. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return high * 0x10000 + low;
}
