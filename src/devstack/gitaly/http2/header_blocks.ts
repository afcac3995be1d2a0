/**
 * Joins HEADERS and CONTINUATION to whole header blocks, and decodes them.
 * Source: RFC 9113, sections 4.3, 6.2 and 6.10.
 * @module
 */
import {
  type ControlFrame,
  FLAG,
  FRAME,
} from "../../../gitaly/http2/frame_decoder.ts";
import { HpackDecoder } from "../../../gitaly/http2/hpack_decoder.ts";
import type { HeaderField } from "../../../gitaly/http2/hpack_table.ts";
import { HTTP2_ERROR, Http2Error } from "../../../gitaly/http2/http2_error.ts";

/** A decoded block. */
export interface ReceivedHeaders {
  readonly streamId: number;
  readonly fields: readonly HeaderField[];
  readonly endsStream: boolean;
}

const TABLE_BYTES_MAX = 4096;
const LIST_BYTES_MAX = 1024 * 1024;
const PRIORITY_BYTES = 5;

/** The header blocks of one connection, in order. */
export class HeaderBlocks {
  readonly #decoder = new HpackDecoder({
    tableBytesMax: TABLE_BYTES_MAX,
    listBytesMax: LIST_BYTES_MAX,
  });
  #open:
    | { streamId: number; endsStream: boolean; bytes: Uint8Array }
    | undefined;

  /** Whether only CONTINUATION may follow. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /**
   * Takes a HEADERS or CONTINUATION frame.
   * @returns The headers, once the block is whole.
   * @throws {Http2Error} If frames are out of order, or too much comes.
   * @throws {ProtocolError} If the block is no HPACK.
   */
  take(frame: ControlFrame): ReceivedHeaders | undefined {
    const { streamId, flags } = frame;
    if (frame.type === FRAME.headers) {
      const endsStream = (flags & FLAG.endStream) !== 0;
      this.#open = { streamId, endsStream, bytes: unpad(frame).slice() };
    } else {
      if (this.#open?.streamId !== streamId) {
        throw new Http2Error("CONTINUATION of nothing");
      }
      this.#open.bytes = join(this.#open.bytes, frame.payload);
    }
    if (!(flags & FLAG.endHeaders)) return undefined;
    const { endsStream, bytes } = this.#open;
    this.#open = undefined;
    const { fields } = this.#decoder.decode(bytes);
    return { streamId, fields, endsStream };
  }
}

function unpad({ flags, payload }: ControlFrame): Uint8Array {
  const isPadded = (flags & FLAG.padded) !== 0;
  const start = (isPadded ? 1 : 0) +
    (flags & FLAG.priority ? PRIORITY_BYTES : 0);
  const end = payload.length - (isPadded ? payload[0] ?? 0 : 0);
  if (start > end) throw new Http2Error("padding larger than frame");
  return payload.subarray(start, end);
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  if (joined.length > LIST_BYTES_MAX) {
    throw new Http2Error("header block too large", HTTP2_ERROR.enhanceYourCalm);
  }
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
