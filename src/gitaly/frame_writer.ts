/**
 * The outgoing side of a yamux connection: frames are gathered while the
 * socket is busy, so that headers, small messages and payload leave in few
 * writes. Two buffers take turns; nothing else is ever queued.
 * @module
 */
import type { Socket } from "./socket.ts";
import {
  writeYamuxHeader,
  YAMUX_HEADER_BYTES,
  YAMUX_TYPE,
  type YamuxFrame,
} from "./yamux_frame.ts";

/** What of a buffer data frames may fill. */
const DATA_BYTES_MAX = 262_144;
/**
 * What is left for frames that cannot wait: window updates, answers to pings.
 * A peer that causes more of them than it reads is not one to serve.
 */
const CONTROL_BYTES_MAX = 65_536;
/** Payload of one frame; libp2p's yamux keeps to this size as well. */
const PAYLOAD_BYTES_MAX = 65_524;

const DONE: Promise<void> = Promise.resolve();

/** Gathers and writes frames; `onFailure` hears of a socket that failed. */
export class FrameWriter {
  readonly #socket: Pick<Socket, "write">;
  readonly #onFailure: (error: unknown) => void;
  #filling = new Uint8Array(DATA_BYTES_MAX + CONTROL_BYTES_MAX);
  #spare = new Uint8Array(DATA_BYTES_MAX + CONTROL_BYTES_MAX);
  #filled = 0;
  #isFlushing = false;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  constructor(
    socket: Pick<Socket, "write">,
    onFailure: (error: unknown) => void,
  ) {
    this.#socket = socket;
    this.#onFailure = onFailure;
  }

  /**
   * Sends bytes in front of the first frame, at once: the server has something
   * to look at while we make the frames.
   */
  writePreamble(bytes: Uint8Array): void {
    this.#filling.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#isFlushing = true;
    void this.#flush();
  }

  /** Queues a frame without payload. Fails the connection if the peer does not read. */
  writeControl(frame: YamuxFrame): void {
    if (this.#isClosed) return;
    if (this.#filled + YAMUX_HEADER_BYTES > this.#filling.length) {
      this.#onFailure(
        new Error("Cannot queue another frame: the peer does not read"),
      );
      return;
    }
    writeYamuxHeader(this.#filling, this.#filled, frame);
    this.#filled += YAMUX_HEADER_BYTES;
    this.#flushSoon();
  }

  /**
   * Queues as much of `bytes` as there is room for.
   * @returns How many bytes were copied; 0 means wait for `room`.
   */
  writeData(streamId: number, bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && !this.#isClosed) {
      const room = DATA_BYTES_MAX - this.#filled - YAMUX_HEADER_BYTES;
      const length = Math.min(bytes.length - taken, room, PAYLOAD_BYTES_MAX);
      if (length <= 0) break;
      const header = { type: YAMUX_TYPE.data, flags: 0, streamId, length };
      writeYamuxHeader(this.#filling, this.#filled, header);
      this.#filling.set(
        taken === 0 && length === bytes.length
          ? bytes
          : bytes.subarray(taken, taken + length),
        this.#filled + YAMUX_HEADER_BYTES,
      );
      this.#filled += YAMUX_HEADER_BYTES + length;
      taken += length;
    }
    this.#flushSoon();
    return taken;
  }

  /** Waits until a buffer went out, or the writer is closed. */
  room(): Promise<void> {
    if (this.#isClosed) return DONE;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Drops what is queued and wakes whoever waits. */
  close(): void {
    this.#isClosed = true;
    this.#filled = 0;
    this.#wake();
  }

  /** Starts writing in a microtask, so that frames of one turn leave together. */
  #flushSoon(): void {
    if (this.#isFlushing || this.#filled === 0) return;
    this.#isFlushing = true;
    queueMicrotask(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    try {
      while (this.#filled > 0 && !this.#isClosed) {
        const full = this.#filling;
        const size = this.#filled;
        this.#filling = this.#spare;
        this.#spare = full;
        this.#filled = 0;
        this.#wake();
        for (let at = 0; at < size;) {
          at += await this.#socket.write(full.subarray(at, size));
        }
      }
    } catch (error) {
      if (!this.#isClosed) this.#onFailure(error);
    } finally {
      this.#isFlushing = false;
    }
  }

  #wake(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}
