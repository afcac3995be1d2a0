/**
 * One stream of a yamux connection as a byte pipe.
 * Source: hashicorp/yamux, spec.md and its settings in Gitaly's client.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import type { ByteDuplex } from "../core/io.ts";
import { Timer } from "../core/timer.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { ReceiveQueue, type Slab, type SlabPool } from "./receive_queue.ts";
import { ReceiveWindow, type ReceiveWindowOptions } from "./receive_window.ts";
import {
  YAMUX_FLAG,
  YAMUX_INITIAL_WINDOW_BYTES,
  YAMUX_TYPE,
} from "./yamux_frame.ts";

/** What a stream uses of its connection. */
export interface StreamLink extends ReceiveWindowOptions {
  readonly writer: FrameWriter;
  readonly pool: SlabPool;
  /** How long a closed stream waits for the peer's FIN before it sends RST. */
  readonly closeTimeoutMs: number;
  /** Called when both directions have ended: the id means nothing any more. */
  forget(streamId: number): void;
}

/** Neither end can know whether more was meant to come. */
const CONNECTION_RESET = "connection reset";
const SESSION_SHUTDOWN = "session shutdown";
const STREAM_CLOSED = "stream closed";

const DONE: Promise<void> = Promise.resolve();
/** A window beyond this says nothing any more; sums stay exact integers. */
const SEND_WINDOW_BYTES_MAX = 0xffff_ffff;

/** One stream. Reading and writing are independent; each by one user at a time. */
export class YamuxStream implements ByteDuplex {
  readonly id: number;
  readonly #link: StreamLink;
  readonly #queue: ReceiveQueue;
  readonly #window: ReceiveWindow;
  #sendWindow = YAMUX_INITIAL_WINDOW_BYTES;
  #isFinSent = false;
  #isFinReceived = false;
  #isDiscarding = false;
  #failure: Error | undefined;
  #isSessionOver = false;
  #reader: PromiseWithResolvers<Uint8Array | null> | undefined;
  #windowWaiters: (() => void)[] = [];
  #closeTimer: Timer | undefined;

  constructor(id: number, link: StreamLink) {
    this.id = id;
    this.#link = link;
    this.#queue = new ReceiveQueue(link.pool);
    this.#window = new ReceiveWindow(link);
  }

  /** Announces the stream, or takes the peer's: the frame with SYN or ACK. */
  open(flag: typeof YAMUX_FLAG.syn | typeof YAMUX_FLAG.ack): void {
    this.#sendControl(flag, this.#window.credit - YAMUX_INITIAL_WINDOW_BYTES);
  }

  /**
   * Takes what is there without waiting.
   * @returns Bytes as `read` gives them, `null` at the end, `undefined` if
   * nothing is there yet.
   * @throws {Error} If the peer reset the stream.
   */
  readNow(): Uint8Array | null | undefined {
    const bytes = this.#queue.shift();
    if (bytes !== undefined) {
      this.#giveCredit();
      return bytes;
    }
    if (this.#failure !== undefined) throw this.#failure;
    const hasEnded = this.#isFinReceived || this.#isDiscarding ||
      this.#isSessionOver;
    return hasEnded ? null : undefined;
  }

  /** Waits for bytes; `null` at the peer's FIN and when the connection is gone. */
  read(): Promise<Uint8Array | null> {
    try {
      const bytes = this.readNow();
      if (bytes !== undefined) return Promise.resolve(bytes);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#window.noteIdle();
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /**
   * From now on the peer may always send this much before it is read, in bytes:
   * for a consumer that takes large pieces.
   */
  widen(windowBytes: number): void {
    this.#window.widen(windowBytes);
  }

  /** Takes back the last `sizeBytes` of what the last read gave. */
  unread(sizeBytes: number): void {
    this.#queue.unshift(sizeBytes);
  }

  write(bytes: Uint8Array): Promise<void> {
    try {
      const taken = this.#writeSome(bytes);
      return taken === bytes.length ? DONE : this.#writeRest(bytes, taken);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  closeWrite(): Promise<void> {
    this.#sendFin();
    return DONE;
  }

  /**
   * Sends FIN, throws away what still comes, and resets the stream when the
   * peer has not ended its direction in time.
   */
  close(): void {
    if (this.#isDiscarding) return;
    this.#isDiscarding = true;
    this.#queue.clear();
    this.#endReader();
    if (this.#isOver) return;
    this.#sendFin();
    if (this.#isFinReceived) return;
    this.#closeTimer = new Timer(() => this.reset());
    this.#closeTimer.start(this.#link.closeTimeoutMs);
  }

  /** Ends both directions at once with RST. */
  reset(): void {
    if (this.#isOver) return;
    this.#sendControl(YAMUX_FLAG.rst, 0);
    this.#fail(new Error(CONNECTION_RESET));
    this.#link.forget(this.id);
  }

  /**
   * A data frame of `length` bytes begins.
   * @throws {ProtocolError} If the peer has not that much credit.
   */
  acceptData(length: number): void {
    if (this.#window.use(length)) return;
    throw new ProtocolError(
      `Cannot accept ${length} bytes on yamux stream ${this.id}: the window is ${this.#window.credit}`,
      0,
    );
  }

  /** Payload of a data frame that was accepted, a view into `slab`. */
  receive(bytes: Uint8Array, slab: Slab): void {
    if (this.#isDiscarding || this.#isFinReceived || this.#isOver) return;
    this.#queue.push(bytes, slab);
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    const next = this.#queue.shift();
    this.#giveCredit();
    reader.resolve(next ?? null);
  }

  /** The peer lets us send `sizeBytes` more. */
  addSendWindow(sizeBytes: number): void {
    if (sizeBytes === 0) return;
    this.#sendWindow = Math.min(
      this.#sendWindow + sizeBytes,
      SEND_WINDOW_BYTES_MAX,
    );
    this.#wakeWriters();
  }

  /**
   * The peer sends no more.
   * @throws {ProtocolError} If it had said so before.
   */
  receiveFin(): void {
    if (this.#isFinReceived) {
      throw new ProtocolError(
        `Cannot accept a second FIN on yamux stream ${this.id}`,
        0,
      );
    }
    this.#isFinReceived = true;
    this.#endReader();
    this.#forgetIfEnded();
  }

  /** The peer gave the stream up. */
  receiveReset(): void {
    this.#fail(new Error(CONNECTION_RESET));
  }

  /** The connection is gone: what was received stays readable, then ends. */
  endSession(): void {
    this.#isSessionOver = true;
    this.#closeTimer?.stop();
    this.#endReader();
    this.#wakeWriters();
  }

  get #isOver(): boolean {
    return this.#failure !== undefined || this.#isSessionOver;
  }

  #writeSome(bytes: Uint8Array): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isSessionOver) throw new Error(SESSION_SHUTDOWN);
    if (this.#isFinSent) throw new Error(STREAM_CLOSED);
    const allowed = bytes.length <= this.#sendWindow
      ? bytes
      : bytes.subarray(0, this.#sendWindow);
    const taken = this.#link.writer.writeData(this.id, allowed);
    this.#sendWindow -= taken;
    return taken;
  }

  async #writeRest(bytes: Uint8Array, taken: number): Promise<void> {
    for (let at = taken; at < bytes.length;) {
      if (this.#sendWindow === 0) {
        await new Promise<void>((wake) => this.#windowWaiters.push(wake));
      } else {
        await this.#link.writer.room();
      }
      at += this.#writeSome(bytes.subarray(at));
    }
  }

  /** Tells the peer what it may send now, once that is worth a frame. */
  #giveCredit(): void {
    if (this.#isFinReceived || this.#isOver) return;
    const added = this.#window.replenish(this.#queue.sizeBytes);
    if (added > 0) this.#sendControl(0, added);
  }

  #sendFin(): void {
    if (this.#isFinSent || this.#isOver) return;
    this.#isFinSent = true;
    this.#sendControl(YAMUX_FLAG.fin, 0);
    this.#wakeWriters();
    this.#forgetIfEnded();
  }

  #forgetIfEnded(): void {
    if (!this.#isFinSent || !this.#isFinReceived) return;
    this.#closeTimer?.stop();
    this.#link.forget(this.id);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#closeTimer?.stop();
    this.#queue.clear();
    const reader = this.#reader;
    this.#reader = undefined;
    // A consumer that closed the stream itself sees its end, not a failure.
    if (this.#isDiscarding) reader?.resolve(null);
    else reader?.reject(this.#failure);
    this.#wakeWriters();
  }

  #endReader(): void {
    this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  #wakeWriters(): void {
    const waiters = this.#windowWaiters;
    if (waiters.length === 0) return;
    this.#windowWaiters = [];
    for (const wake of waiters) wake();
  }

  #sendControl(flags: number, length: number): void {
    const type = YAMUX_TYPE.windowUpdate;
    this.#link.writer.writeControl({ type, flags, streamId: this.id, length });
  }
}
