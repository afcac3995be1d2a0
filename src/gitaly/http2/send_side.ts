/**
 * The sending half of one call: the message that is on its way, how far it
 * got, and what the peer's window lets through.
 * Source: gRPC over HTTP/2, "Requests"; RFC 9113, section 5.2.
 * @module
 */
import { WINDOW_BYTES_MAX } from "./control_frames.ts";
import type { FrameBuffer } from "./frame_buffer.ts";
import { FLAG, FRAME } from "./frame_decoder.ts";
import { MESSAGE_PREFIX_BYTES } from "./message_queue.ts";

/** How much a call may write in one turn. */
export interface TurnLimits {
  readonly bytesMax: number;
  readonly framePayloadBytesMax: number;
}

/** Sends the messages of one call, one at a time. */
export class SendSide {
  readonly #isUnary: boolean;
  readonly #prefix = new Uint8Array(MESSAGE_PREFIX_BYTES);
  #streamId = 0;
  #windowBytes = 0;
  #message: Uint8Array | undefined;
  /** How much of prefix and message is written. */
  #sentBytes = 0;
  #onSent: (() => void) | undefined;
  /** No message will follow those given so far; and this was told the peer. */
  #isClosed = false;
  #toldClosed = false;

  /** @param isUnary Whether the first message is the last. */
  constructor(isUnary: boolean) {
    this.#isUnary = isUnary;
  }

  /** Whether no message may be offered any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether END_STREAM was written. */
  get toldClosed(): boolean {
    return this.#toldClosed;
  }

  /** Whether a turn would write anything, windows permitting. */
  get hasWork(): boolean {
    return this.#message !== undefined || (this.#isClosed && !this.#toldClosed);
  }

  /** What the peer lets this stream send; a change of settings may make it negative. */
  get windowBytes(): number {
    return this.#windowBytes;
  }

  /** The stream is open: HEADERS were written. */
  open(streamId: number, windowBytes: number): void {
    this.#streamId = streamId;
    this.#windowBytes = windowBytes;
  }

  /**
   * Changes what may be sent.
   * @returns Whether the window stayed within what a window may be.
   */
  growWindow(sizeBytes: number): boolean {
    this.#windowBytes += sizeBytes;
    return this.#windowBytes <= WINDOW_BYTES_MAX;
  }

  /**
   * Takes a message; `writeTurn` writes it.
   * @throws {TypeError} If another one is on its way, or none may follow.
   */
  offer(message: Uint8Array): void {
    if (this.#message || this.#isClosed) {
      throw new TypeError("Cannot send now on this call");
    }
    this.#message = message;
    this.#sentBytes = 0;
    new DataView(this.#prefix.buffer).setUint32(1, message.length);
    // The one message of a unary call says itself that it is the last.
    this.#isClosed = this.#isUnary;
  }

  /** @returns When the message offered last is written or given up. */
  written(): Promise<void> {
    if (this.#message === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#onSent = resolve);
  }

  /** Lets no message follow. */
  close(): void {
    this.#isClosed = true;
  }

  /** The call is over: nothing will be written any more. */
  abandon(): void {
    this.#isClosed = this.#toldClosed = true;
    this.#finish();
  }

  /**
   * Writes DATA as far as windows and limits let it.
   * @returns How many bytes were written, in terms of flow control.
   */
  writeTurn(frames: FrameBuffer, limits: TurnLimits): number {
    const message = this.#message;
    if (message === undefined) {
      if (this.hasWork) this.#writeEnd(frames);
      return 0;
    }
    const total = MESSAGE_PREFIX_BYTES + message.length;
    const allowed = Math.min(limits.bytesMax, this.#windowBytes);
    let written = 0;
    while (written < allowed && this.#sentBytes < total) {
      const left = Math.min(allowed - written, total - this.#sentBytes);
      const size = Math.min(left, limits.framePayloadBytesMax);
      this.#writeData(frames, message, size);
      written += size;
    }
    this.#windowBytes -= written;
    if (this.#sentBytes === total) this.#finish();
    return written;
  }

  #writeData(frames: FrameBuffer, message: Uint8Array, size: number): void {
    const start = this.#sentBytes;
    const end = start + size;
    const isLast = end === MESSAGE_PREFIX_BYTES + message.length;
    const endsStream = isLast && this.#isClosed;
    const where = { streamId: this.#streamId, payloadBytes: size };
    frames.writeFrameHeader(FRAME.data, endsStream ? FLAG.endStream : 0, where);
    if (start < MESSAGE_PREFIX_BYTES) {
      frames.write(this.#prefix.subarray(start, end));
    }
    if (end > MESSAGE_PREFIX_BYTES) {
      const from = Math.max(start - MESSAGE_PREFIX_BYTES, 0);
      frames.write(message.subarray(from, end - MESSAGE_PREFIX_BYTES));
    }
    this.#sentBytes = end;
    this.#toldClosed = endsStream;
  }

  #writeEnd(frames: FrameBuffer): void {
    const where = { streamId: this.#streamId, payloadBytes: 0 };
    frames.writeFrameHeader(FRAME.data, FLAG.endStream, where);
    this.#toldClosed = true;
  }

  #finish(): void {
    this.#message = undefined;
    this.#onSent?.();
    this.#onSent = undefined;
  }
}
