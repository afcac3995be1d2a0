/**
 * The frames of yamux, which lays many byte streams over one connection. Pure:
 * bytes in, frames out.
 * Source: hashicorp/yamux, spec.md.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";

/** Every frame begins with a header of this size. */
export const YAMUX_HEADER_BYTES = 12;
/** Credit that both sides of a stream have before any window update. */
export const YAMUX_INITIAL_WINDOW_BYTES = 262_144;

/** Kinds of frames. */
export const YAMUX_TYPE = {
  data: 0,
  windowUpdate: 1,
  ping: 2,
  goAway: 3,
} as const;

/** Bits that may stand together in one frame. */
export const YAMUX_FLAG = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

/** Codes of a go-away frame. */
export const YAMUX_GO_AWAY = { normal: 0, protocol: 1, internal: 2 } as const;

/** One header. */
export interface YamuxFrame {
  /** A value of `YAMUX_TYPE`. */
  type: number;
  /** Bits of `YAMUX_FLAG`; others are kept and mean nothing. */
  flags: number;
  /** 0 for ping and go-away. */
  streamId: number;
  /** Payload bytes, added window, ping's value or go-away's code. */
  length: number;
}

const VERSION = 0;
const NOTHING = new Uint8Array(0);

/** Writes the header of `frame` at `offset`. */
export function writeYamuxHeader(
  target: Uint8Array,
  offset: number,
  { type, flags, streamId, length }: YamuxFrame,
): void {
  target[offset] = VERSION;
  target[offset + 1] = type;
  target[offset + 2] = flags >>> 8;
  target[offset + 3] = flags;
  writeUint32(target, offset + 4, streamId);
  writeUint32(target, offset + 8, length);
}

/** Makes the bytes of one header. */
export function encodeYamuxHeader(frame: YamuxFrame): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(YAMUX_HEADER_BYTES);
  writeYamuxHeader(header, 0, frame);
  return header;
}

/**
 * Takes a connection's bytes apart, however they were cut into chunks. Payload
 * is handed on as it arrives, so that no frame needs a buffer of its own.
 */
export class YamuxDecoder {
  /** The header that `next` came to last; overwritten by the next one. */
  readonly frame: YamuxFrame = { type: 0, flags: 0, streamId: 0, length: 0 };
  /** A piece of the payload of `frame`: a view into the chunk that was fed. */
  payload: Uint8Array = NOTHING;

  readonly #header = new Uint8Array(YAMUX_HEADER_BYTES);
  #headerFilled = 0;
  #payloadMissing = 0;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  #chunkStart = 0;

  /**
   * Lays the next chunk in; the one before must have been read to its end.
   * @throws {TypeError} If it was not.
   */
  feed(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      throw new TypeError("Cannot feed a chunk while another one is not read");
    }
    this.#chunkStart += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * Moves on in the chunk.
   * @returns `header` when `frame` is a new one, `payload` when a piece of its
   * payload is there, `undefined` when more bytes are needed.
   * @throws {ProtocolError} If the version or the type is unknown.
   */
  next(): "header" | "payload" | undefined {
    const left = this.#chunk.length - this.#at;
    if (left === 0) return undefined;
    if (this.#payloadMissing === 0) {
      return this.#readHeader() ? "header" : undefined;
    }
    const size = Math.min(left, this.#payloadMissing);
    this.payload = this.#chunk.subarray(this.#at, this.#at + size);
    this.#at += size;
    this.#payloadMissing -= size;
    return "payload";
  }

  /** Whether the bytes so far end between two frames. */
  get isBetweenFrames(): boolean {
    return this.#headerFilled === 0 && this.#payloadMissing === 0;
  }

  #readHeader(): boolean {
    const chunk = this.#chunk;
    if (
      this.#headerFilled === 0 && chunk.length - this.#at >= YAMUX_HEADER_BYTES
    ) {
      this.#parseHeader(chunk, this.#at);
      this.#at += YAMUX_HEADER_BYTES;
      return true;
    }
    while (this.#at < chunk.length) {
      this.#header[this.#headerFilled++] = chunk[this.#at++] ?? 0;
      if (this.#headerFilled === YAMUX_HEADER_BYTES) {
        this.#headerFilled = 0;
        this.#parseHeader(this.#header, 0);
        return true;
      }
    }
    return false;
  }

  #parseHeader(bytes: Uint8Array, offset: number): void {
    const version = bytes[offset] ?? 0;
    const type = bytes[offset + 1] ?? 0;
    if (version !== VERSION || type > YAMUX_TYPE.goAway) {
      throw new ProtocolError(
        `Cannot accept yamux frame of version ${version} and type ${type}`,
        this.#chunkStart + this.#at,
      );
    }
    const frame = this.frame;
    frame.type = type;
    frame.flags = (bytes[offset + 2] ?? 0) << 8 | (bytes[offset + 3] ?? 0);
    frame.streamId = readUint32(bytes, offset + 4);
    frame.length = readUint32(bytes, offset + 8);
    if (type === YAMUX_TYPE.data) this.#payloadMissing = frame.length;
  }
}

function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 24 | (bytes[offset + 1] ?? 0) << 16 |
    (bytes[offset + 2] ?? 0) << 8 | (bytes[offset + 3] ?? 0)) >>> 0;
}
