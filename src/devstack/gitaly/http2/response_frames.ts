/**
 * Frames that only a server sends.
 * Source: RFC 9113, sections 6.2, 6.8 and 6.10.
 * @module
 */
import type { FrameBuffer } from "../../../gitaly/http2/frame_buffer.ts";
import { FLAG, FRAME } from "../../../gitaly/http2/frame_decoder.ts";

/** Which block of headers goes out, and in what form. */
export interface ResponseBlock {
  readonly streamId: number;
  readonly block: Uint8Array;
  readonly endsStream: boolean;
  /** Largest payload that the client takes in one frame. */
  readonly framePayloadBytesMax: number;
}

/** Adds HEADERS, and CONTINUATION as far as one frame does not hold the block. */
export function writeResponseBlock(
  frames: FrameBuffer,
  { streamId, block, endsStream, framePayloadBytesMax }: ResponseBlock,
): void {
  let type: number = FRAME.headers;
  let flags: number = endsStream ? FLAG.endStream : 0;
  for (let at = 0; at < block.length;) {
    const part = block.subarray(at, at + framePayloadBytesMax);
    at += part.length;
    if (at === block.length) flags |= FLAG.endHeaders;
    const payloadBytes = part.length;
    frames.writeFrameHeader(type, flags, { streamId, payloadBytes });
    frames.write(part);
    type = FRAME.continuation;
    flags = 0;
  }
}

/** Adds GOAWAY. @param lastStreamId Newest call that is being served. */
export function writeServerGoaway(
  frames: FrameBuffer,
  { lastStreamId, code, text }: {
    readonly lastStreamId: number;
    readonly code: number;
    readonly text: string;
  },
): void {
  const words = new DataView(new ArrayBuffer(8));
  words.setUint32(0, lastStreamId);
  words.setUint32(4, code);
  const reason = new TextEncoder().encode(text);
  const payloadBytes = words.byteLength + reason.length;
  frames.writeFrameHeader(FRAME.goaway, 0, { streamId: 0, payloadBytes });
  frames.write(new Uint8Array(words.buffer));
  frames.write(reason);
}
