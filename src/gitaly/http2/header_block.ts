/**
 * Puts header blocks together: HEADERS, then CONTINUATION up to the last.
 * Source: RFC 9113, sections 4.3, 6.2 and 6.10.
 * @module
 */
import { decodeHeadersFragment } from "./control_frames.ts";
import { type ControlFrame, FLAG, FRAME } from "./frame_decoder.ts";
import { HTTP2_ERROR, Http2Error } from "./http2_error.ts";

/** A block that is whole. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly endsStream: boolean;
  /** Valid until the next frame is decoded. */
  readonly bytes: Uint8Array;
}

/** Collects the blocks of one connection. */
export class HeaderBlockReader {
  readonly #bytesMax: number;
  #streamId = 0;
  #endsStream = false;
  #parts: Uint8Array[] = [];
  #sizeBytes = 0;

  /** @param bytesMax Most that one block may have, all parts together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether a block has begun: nothing but its CONTINUATION may come now. */
  get isInsideBlock(): boolean {
    return this.#streamId !== 0;
  }

  /**
   * Takes HEADERS or CONTINUATION.
   * @returns The block, if this frame ends it.
   * @throws {Http2Error} If the frame may not come now, or the block is too large.
   */
  take(frame: ControlFrame): HeaderBlock | undefined {
    const fragment = frame.type === FRAME.headers
      ? this.#begin(frame)
      : this.#continue(frame);
    if ((frame.flags & FLAG.endHeaders) === 0) {
      this.#keep(fragment);
      return undefined;
    }
    const streamId = this.#streamId;
    const bytes = this.#parts.length === 0 ? fragment : this.#join(fragment);
    this.#streamId = 0;
    return { streamId, endsStream: this.#endsStream, bytes };
  }

  #begin(frame: ControlFrame): Uint8Array {
    const fragment = decodeHeadersFragment(frame);
    this.#streamId = frame.streamId;
    this.#endsStream = (frame.flags & FLAG.endStream) !== 0;
    return fragment;
  }

  #continue({ streamId, payload }: ControlFrame): Uint8Array {
    if (streamId !== this.#streamId || streamId === 0) {
      throw new Http2Error("CONTINUATION frame without HEADERS");
    }
    return payload;
  }

  #keep(fragment: Uint8Array): void {
    this.#sizeBytes += fragment.length;
    if (this.#sizeBytes > this.#bytesMax) {
      throw new Http2Error(
        "header block too large",
        HTTP2_ERROR.enhanceYourCalm,
      );
    }
    this.#parts.push(fragment.slice());
  }

  #join(last: Uint8Array): Uint8Array {
    this.#keep(last);
    const bytes = new Uint8Array(this.#sizeBytes);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#sizeBytes = 0;
    return bytes;
  }
}
