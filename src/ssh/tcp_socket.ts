/**
 * One TCP connection, shaped as ssh2 expects a socket, with what a Node socket
 * lacks here: the pieces of many packets leave in one write, what is not yet
 * written is counted and can be waited for, and reading stops while a client
 * that asks much and reads nothing has answers waiting.
 * @module
 */
import { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import { OutputQueue } from "./output_queue.ts";

/** Output that producers may have waiting before they must wait themselves. */
export const OUTPUT_BYTES_MAX = 512 * 1024;
/** Output, answers to requests included, above which nothing is read. */
export const READ_PAUSE_BYTES = 1024 * 1024;
const OUTPUT_RESUME_BYTES = OUTPUT_BYTES_MAX / 2;
const GATHER_BYTES = 256 * 1024;
const READ_BYTES_MIN = 4 * 1024;
const READ_BYTES_MAX = 64 * 1024;
/** How long a closing connection may take to deliver its last bytes. */
const LINGER_MS = 5_000;

/** What is used of `Deno.TcpConn`. */
export interface TcpStream {
  readonly remoteAddr: Deno.Addr;
  read(target: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/**
 * Events: `data` (Buffer), `end` (the peer is done), `error`, `close` (once).
 * Nothing is read before `resume()`.
 */
export class TcpSocket extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: "IPv4" | "IPv6";
  /** ssh2 looks at this and at `_readableState` before it writes. */
  writable = true;
  readonly _readableState = { ended: false };
  /** Filters what arrives, until it is set to `undefined`. */
  intake: ((bytes: Buffer) => Buffer | undefined) | undefined;
  /** Nothing more is read while what it returns is not settled. */
  gate: (() => Promise<void> | undefined) | undefined;
  readonly #stream: TcpStream;
  readonly #queue = new OutputQueue();
  #pendingBytes = 0;
  #receivedBytes = 0;
  #sentBytes = 0;
  #isFlushing = false;
  #isReading = false;
  #isClosed = false;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #roomWaiters = new Set<() => void>();

  constructor(stream: TcpStream) {
    super();
    this.#stream = stream;
    const { remoteAddr } = stream;
    const isTcp = remoteAddr.transport === "tcp";
    this.remoteAddress = isTcp ? unmapIpv4(remoteAddr.hostname) : "";
    this.remotePort = isTcp ? remoteAddr.port : 0;
    this.remoteFamily = this.remoteAddress.includes(":") ? "IPv6" : "IPv4";
  }

  /** Bytes written by us and not yet taken by the system. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Bytes moved in either direction: grows while the peer is alive. */
  get progressBytes(): number {
    return this.#receivedBytes + this.#sentBytes;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether a producer may write more now. */
  get hasRoom(): boolean {
    return this.#pendingBytes < OUTPUT_BYTES_MAX || this.#isClosed;
  }

  /** Waits until producers may write again, or until the end. */
  untilRoom(): Promise<void> {
    if (this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.add(resolve));
  }

  /** Reading begins with the first `resume()` and never pauses for ssh2. */
  pause(): this {
    return this;
  }

  resume(): this {
    if (!this.#isReading && !this.#isClosed) {
      this.#isReading = true;
      this.#readAll();
    }
    return this;
  }

  /** Queues; all that is queued in one turn leaves together. */
  write(bytes: Uint8Array): boolean {
    if (!this.writable) return false;
    this.#queue.push(bytes);
    this.#startFlush(bytes.length);
    return this.hasRoom;
  }

  /**
   * Queues bytes that are still being made; what comes after them waits.
   * @param sizeBytes How many there will be.
   */
  writeLater(sizeBytes: number, bytes: Promise<Uint8Array>): void {
    if (this.writable) {
      this.#queue.pushLater(bytes);
      this.#startFlush(sizeBytes);
    } else {
      // Nobody waits for it any more.
      bytes.catch(() => {});
    }
  }

  /** Delivers what is queued, then closes; gives up after a while. */
  end(): this {
    if (!this.writable) return this;
    this.writable = false;
    this.#lingerTimer = setTimeout(() => this.destroy(), LINGER_MS);
    if (!this.#isFlushing) this.#finish();
    return this;
  }

  /** Closes at once. */
  destroy(): this {
    if (this.#isClosed) return this;
    this.#isClosed = true;
    this.writable = false;
    this.#queue.clear();
    clearTimeout(this.#lingerTimer);
    try {
      this.#stream.close();
    } catch {
      // Closed by the system already.
    }
    this.#wakeProducers();
    queueMicrotask(() => this.emit("close"));
    return this;
  }

  async #readAll(): Promise<void> {
    let sizeBytes = READ_BYTES_MIN;
    let target: Uint8Array<ArrayBuffer> | undefined;
    try {
      while (!this.#isClosed) {
        target ??= new Uint8Array(sizeBytes);
        const count = await this.#stream.read(target);
        if (this.#isClosed) return;
        if (count === null) break;
        this.#receivedBytes += count;
        // ssh2 keeps views of what it was given, so a buffer that was handed
        // over is not ours again. Small reads are copied and it is kept.
        const isSmall = count <= sizeBytes / 4;
        const bytes = isSmall
          ? Buffer.from(target.subarray(0, count))
          : Buffer.from(target.buffer, 0, count);
        if (!isSmall) target = undefined;
        if (count === sizeBytes) {
          sizeBytes = Math.min(sizeBytes * 4, READ_BYTES_MAX);
        }
        if (isSmall && sizeBytes > READ_BYTES_MIN) {
          sizeBytes /= 4;
          target = undefined;
        }
        this.#deliver(bytes);
        const gate = this.gate?.();
        if (gate) await gate;
        while (this.#pendingBytes > READ_PAUSE_BYTES && !this.#isClosed) {
          await this.untilRoom();
        }
      }
      this.#receiveEnd();
    } catch (error) {
      this.#fail(error);
    }
  }

  #deliver(bytes: Buffer): void {
    // Once we are closing, what still arrives is read to be thrown away:
    // closing over unread input would reset the connection, and the peer
    // would lose our last words with it.
    if (!this.writable) return;
    const data = this.intake ? this.intake(bytes) : bytes;
    if (data !== undefined && data.length > 0) this.emit("data", data);
  }

  #receiveEnd(): void {
    if (this.#isClosed) return;
    if (!this._readableState.ended) {
      this._readableState.ended = true;
      this.emit("end");
    }
    if (this.writable) this.end();
    else if (!this.#isFlushing) this.destroy();
  }

  #startFlush(addedBytes: number): void {
    this.#pendingBytes += addedBytes;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  async #flush(): Promise<void> {
    const gather = takeGatherBuffer();
    try {
      while (!this.#queue.isEmpty && !this.#isClosed) {
        const ready = this.#queue.untilReady();
        if (ready) await ready;
        if (this.#isClosed) return;
        let rest = this.#queue.take(gather);
        while (rest.length > 0) {
          const count = await this.#stream.write(rest);
          if (this.#isClosed) return;
          this.#sentBytes += count;
          this.#pendingBytes -= count;
          rest = rest.subarray(count);
        }
        if (this.#pendingBytes <= OUTPUT_RESUME_BYTES) this.#wakeProducers();
      }
      this.#isFlushing = false;
      if (!this.writable) this.#finish();
    } catch (error) {
      this.#fail(error);
    } finally {
      releaseGatherBuffer(gather);
    }
  }

  /** Says goodbye and waits for the peer to do the same. */
  #finish(): void {
    if (this.#isClosed) return;
    if (this._readableState.ended || !this.#isReading) {
      this.destroy();
      return;
    }
    this.#stream.closeWrite().catch(() => this.destroy());
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.emit("error", error);
    this.destroy();
  }

  #wakeProducers(): void {
    const waiters = [...this.#roomWaiters];
    this.#roomWaiters.clear();
    for (const wake of waiters) wake();
  }
}

/** IPv4 addresses that a dual-stack listener shows as IPv6, as Go prints them. */
export function unmapIpv4(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

// Few connections write at the same moment: their buffers are lent from here.
const GATHER_BUFFERS_MAX = 16;
const gatherBuffers: Uint8Array[] = [];

function takeGatherBuffer(): Uint8Array {
  return gatherBuffers.pop() ?? new Uint8Array(GATHER_BYTES);
}

function releaseGatherBuffer(buffer: Uint8Array): void {
  if (gatherBuffers.length < GATHER_BUFFERS_MAX) gatherBuffers.push(buffer);
}
