/**
 * One stream of a yamux session, seen from the server.
 * Source: hashicorp/yamux, spec.md; its windows and ends as Gitaly sets them.
 * @module
 */
import type { ByteDuplex } from "../../core/io.ts";
import {
  encodeYamuxHeader,
  writeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_HEADER_BYTES,
  YAMUX_INITIAL_WINDOW_BYTES,
  YAMUX_TYPE,
  type YamuxFrame,
} from "../../gitaly/yamux_frame.ts";

/** Largest payload put in one frame; libp2p's bound, and more than a packet. */
const FRAME_PAYLOAD_BYTES_MAX = 65_524;
const NO_FLAGS = 0;

/** What a stream needs of its session. */
export interface StreamLink {
  readonly receiveWindowBytesMax: number;
  readonly closeTimeoutMs: number;
  send(frame: Uint8Array): Promise<void>;
  post(frame: Uint8Array): void;
  /** Both directions are over: later frames of this id are ignored. */
  forget(streamId: number): void;
}

type State = "open" | "finished" | "reset";

/** A byte stream inside a session. Its `read` and `write` follow `ByteDuplex`. */
export class YamuxStream implements ByteDuplex {
  readonly id: number;
  readonly #link: StreamLink;
  #sendWindowBytes = YAMUX_INITIAL_WINDOW_BYTES;
  #receiveWindowBytes = YAMUX_INITIAL_WINDOW_BYTES;
  #bufferedBytes = 0;
  readonly #received: Uint8Array[] = [];
  #local: State = "open";
  #remote: State = "open";
  #readFailure: Error | undefined;
  #writeFailure: Error | undefined;
  #isDiscarding = false;
  #flagsToSend: number;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** @param firstFlags What the first frame must carry: SYN or ACK. */
  constructor(id: number, link: StreamLink, firstFlags: number) {
    this.id = id;
    this.#link = link;
    this.#flagsToSend = firstFlags;
  }

  /** Sends SYN or ACK at once, and the larger window with it. */
  announce(): void {
    this.#postWindowUpdate(this.#takeCredit(0));
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#received.shift();
      if (chunk) {
        this.#bufferedBytes -= chunk.length;
        this.#grantCredit();
        return chunk;
      }
      if (this.#readFailure) throw this.#readFailure;
      if (this.#remote !== "open" || this.#isDiscarding) return null;
      await new Promise<void>((wake) => this.#wakeReader = wake);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const buffer = new Uint8Array(YAMUX_HEADER_BYTES + bytes.length);
    buffer.set(bytes, YAMUX_HEADER_BYTES);
    await this.writeBehindHeadroom(buffer);
  }

  /**
   * Writes what stands behind the first 12 bytes of `buffer`, without a copy:
   * headers are put in front of each part, over bytes that have gone out.
   */
  async writeBehindHeadroom(buffer: Uint8Array): Promise<void> {
    for (let at = YAMUX_HEADER_BYTES; at < buffer.length;) {
      if (this.#writeFailure) throw this.#writeFailure;
      if (this.#local !== "open") throw new Error("stream closed");
      if (this.#sendWindowBytes === 0) {
        await new Promise<void>((wake) => this.#wakeWriter = wake);
        continue;
      }
      const sizeBytes = Math.min(
        buffer.length - at,
        this.#sendWindowBytes,
        FRAME_PAYLOAD_BYTES_MAX,
      );
      this.#sendWindowBytes -= sizeBytes;
      const frame = buffer.subarray(at - YAMUX_HEADER_BYTES, at + sizeBytes);
      writeYamuxHeader(frame, 0, this.#header(YAMUX_TYPE.data, sizeBytes));
      await this.#link.send(frame);
      at += sizeBytes;
    }
  }

  closeWrite(): Promise<void> {
    if (this.#local === "open") {
      this.#local = "finished";
      this.#post(YAMUX_FLAG.fin);
      this.#wakeWriter?.();
      if (this.#remote === "open") this.#armCloseTimer();
    }
    this.#forgetIfOver();
    return Promise.resolve();
  }

  close(): void {
    this.#isDiscarding = true;
    this.#dropReceived();
    this.closeWrite();
    this.#wakeReader?.();
  }

  /** Ends both directions with RST. Idempotent. */
  reset(): void {
    if (this.#local === "reset" || this.#remote === "reset") return;
    this.#post(YAMUX_FLAG.rst);
    this.fail(new Error("stream reset"));
  }

  /** Ends the stream without a frame: the peer or the session did. */
  fail(error: Error): void {
    this.#readFailure ??= error;
    this.#writeFailure ??= error;
    this.#local = this.#remote = "reset";
    this.#forgetIfOver();
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** The session is over: what was received stays readable, then comes the end. */
  endOfSession(error: Error): void {
    this.#writeFailure ??= error;
    this.#local = "reset";
    if (this.#remote === "open") this.#remote = "finished";
    clearTimeout(this.#closeTimer);
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  /** Whether a payload of this size keeps to the window it was given. */
  canReceive(sizeBytes: number): boolean {
    return sizeBytes <= this.#receiveWindowBytes;
  }

  /** Takes a part of a frame's payload; the bytes are the stream's from now. */
  receive(bytes: Uint8Array): void {
    this.#receiveWindowBytes -= bytes.length;
    if (this.#isDiscarding || this.#local === "reset") return;
    this.#received.push(bytes);
    this.#bufferedBytes += bytes.length;
    this.#wakeReader?.();
  }

  /** Takes credit for sending. */
  grow(windowBytes: number): void {
    this.#sendWindowBytes += windowBytes;
    this.#wakeWriter?.();
  }

  /** Takes the peer's FIN. @returns Whether it was the first. */
  finish(): boolean {
    if (this.#remote === "finished") return false;
    this.#remote = "finished";
    this.#forgetIfOver();
    this.#wakeReader?.();
    return true;
  }

  #header(type: number, length: number): YamuxFrame {
    const flags = this.#flagsToSend;
    this.#flagsToSend = NO_FLAGS;
    return { type, flags, streamId: this.id, length };
  }

  /** The credit to give now, if it is worth a frame of its own. */
  #takeCredit(leastBytes: number): number {
    const credit = this.#link.receiveWindowBytesMax - this.#bufferedBytes -
      this.#receiveWindowBytes;
    if (credit < leastBytes) return 0;
    this.#receiveWindowBytes += credit;
    return credit;
  }

  #grantCredit(): void {
    if (this.#remote !== "open") return;
    const credit = this.#takeCredit(this.#link.receiveWindowBytesMax / 2);
    if (credit > 0) this.#postWindowUpdate(credit);
  }

  #postWindowUpdate(credit: number): void {
    this.#link.post(
      encodeYamuxHeader(this.#header(YAMUX_TYPE.windowUpdate, credit)),
    );
  }

  #post(flag: number): void {
    const header = this.#header(YAMUX_TYPE.windowUpdate, 0);
    this.#link.post(
      encodeYamuxHeader({ ...header, flags: header.flags | flag }),
    );
  }

  #armCloseTimer(): void {
    this.#closeTimer = setTimeout(
      () => this.reset(),
      this.#link.closeTimeoutMs,
    );
  }

  #dropReceived(): void {
    this.#received.length = 0;
    this.#bufferedBytes = 0;
  }

  #forgetIfOver(): void {
    if (this.#local === "open" || this.#remote === "open") return;
    clearTimeout(this.#closeTimer);
    this.#link.forget(this.id);
  }
}
