/**
 * The accepting side of yamux as Gitaly plays it, for tests. It shares nothing
 * with the product but the frame codec, keeps a record of what it was sent, and
 * can be made to misbehave.
 * @module
 */
import type { ByteDuplex } from "../../src/core/io.ts";
import {
  encodeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_INITIAL_WINDOW_BYTES,
  YAMUX_TYPE,
  YamuxDecoder,
  type YamuxFrame,
} from "../../src/gitaly/yamux_frame.ts";
import type { Socket } from "../../src/gitaly/socket.ts";

/** One frame that came, with its payload. */
export interface SeenFrame extends Readonly<YamuxFrame> {
  readonly payload: Uint8Array;
}

/** What Gitaly adds to a window with its first frame of a stream. */
export const GITALY_WINDOW_ADDED = 0x00fc_0000;

const DONE = Promise.resolve();

/** One stream as the server sees it. Reading gives credit back at once. */
export class PeerStream implements ByteDuplex {
  readonly id: number;
  /** Settles when the client has acknowledged the stream. */
  readonly acknowledged = Promise.withResolvers<void>();
  /** How much may be sent now. */
  sendWindow = YAMUX_INITIAL_WINDOW_BYTES;
  /** Counts bytes sent; to see how far the client lets us go. */
  sentBytes = 0;
  finCount = 0;
  wasReset = false;
  readonly #peer: YamuxPeer;
  #chunks: Uint8Array[] = [];
  #wake: (() => void)[] = [];
  #isFinSent = false;

  constructor(peer: YamuxPeer, id: number) {
    this.#peer = peer;
    this.id = id;
    this.acknowledged.promise.catch(() => {});
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        await this.#peer.send({
          type: YAMUX_TYPE.windowUpdate,
          flags: 0,
          streamId: this.id,
          length: chunk.length,
        });
        return chunk;
      }
      if (this.wasReset) throw new Error("connection reset");
      if (this.finCount > 0 || this.#peer.isOver) return null;
      await this.changed();
    }
  }

  /** Reads exactly `size` bytes. */
  async readExactly(size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    for (let filled = 0; filled < size;) {
      const chunk = await this.read();
      if (chunk === null) throw new Error(`EOF after ${filled} bytes`);
      const taken = Math.min(chunk.length, size - filled);
      bytes.set(chunk.subarray(0, taken), filled);
      filled += taken;
      if (taken < chunk.length) this.#chunks.unshift(chunk.subarray(taken));
    }
    return bytes;
  }

  /** Writes within the window that the client gave. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      while (this.sendWindow === 0) {
        if (this.wasReset || this.#peer.isOver) {
          throw new Error("connection reset");
        }
        await this.changed();
      }
      const part = bytes.subarray(at, at + Math.min(this.sendWindow, 65_536));
      this.sendWindow -= part.length;
      this.sentBytes += part.length;
      at += part.length;
      await this.#peer.send({
        type: YAMUX_TYPE.data,
        flags: 0,
        streamId: this.id,
        length: part.length,
      }, part);
    }
  }

  async closeWrite(): Promise<void> {
    if (this.#isFinSent || this.wasReset || this.#peer.isOver) return;
    this.#isFinSent = true;
    await this.#control(YAMUX_FLAG.fin);
  }

  close(): void {
    void this.closeWrite();
  }

  /** Gives the stream up. */
  async reset(errorCode = 0): Promise<void> {
    this.wasReset = true;
    await this.#peer.send({
      type: YAMUX_TYPE.windowUpdate,
      flags: YAMUX_FLAG.rst,
      streamId: this.id,
      length: errorCode,
    });
  }

  /** Waits for anything to happen on this stream. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  /** A frame for this stream came. */
  handle({ type, flags, length, payload }: SeenFrame): void {
    if (type === YAMUX_TYPE.data) this.#chunks.push(payload);
    else if ((flags & YAMUX_FLAG.rst) === 0) this.sendWindow += length;
    if ((flags & YAMUX_FLAG.ack) !== 0) this.acknowledged.resolve();
    if ((flags & YAMUX_FLAG.fin) !== 0) this.finCount++;
    if ((flags & YAMUX_FLAG.rst) !== 0) this.wasReset = true;
    this.wakeAll();
  }

  wakeAll(): void {
    const waiters = this.#wake;
    this.#wake = [];
    for (const wake of waiters) wake();
  }

  #control(flags: number): Promise<void> {
    const type = YAMUX_TYPE.windowUpdate;
    return this.#peer.send({ type, flags, streamId: this.id, length: 0 });
  }
}

/** How a peer behaves. */
export interface PeerOptions {
  /** Window that is added with the first frame of a stream. */
  readonly windowAdded?: number;
  /** Takes the client's stream. */
  readonly onStream?: (stream: PeerStream) => void;
}

/** One connection, behind the magic. */
export class YamuxPeer {
  /** Every frame that came, in order. */
  readonly frames: SeenFrame[] = [];
  readonly streams = new Map<number, PeerStream>();
  /** Settles when the connection has ended. */
  readonly ended: Promise<void>;
  isOver = false;
  readonly #socket: Socket;
  readonly #options: PeerOptions;
  #isClosed = false;
  #nextId = 2;
  #sending: Promise<unknown> = DONE;
  #wake: (() => void)[] = [];

  constructor(socket: Socket, options: PeerOptions = {}) {
    this.#socket = socket;
    this.#options = options;
    this.ended = this.#run();
  }

  /** Opens a stream and waits until the client has acknowledged it. */
  async open(): Promise<PeerStream> {
    const stream = this.openWithoutWaiting();
    await stream.acknowledged.promise;
    return stream;
  }

  /** Opens a stream. */
  openWithoutWaiting(): PeerStream {
    const stream = new PeerStream(this, this.#nextId);
    this.#nextId += 2;
    this.streams.set(stream.id, stream);
    void this.send({
      type: YAMUX_TYPE.windowUpdate,
      flags: YAMUX_FLAG.syn,
      streamId: stream.id,
      length: this.#options.windowAdded ?? GITALY_WINDOW_ADDED,
    });
    return stream;
  }

  /** Registers a stream whose frames the test sends itself. */
  expectStream(id: number): PeerStream {
    const stream = new PeerStream(this, id);
    this.streams.set(id, stream);
    return stream;
  }

  /** Sends one frame, header and payload in writes of their own as Go does. */
  async send(frame: YamuxFrame, payload?: Uint8Array): Promise<void> {
    await this.sendRaw(encodeYamuxHeader(frame), ...(payload ? [payload] : []));
  }

  /** Sends bytes as they are. */
  sendRaw(...parts: readonly Uint8Array[]): Promise<void> {
    const sent = this.#sending.then(async () => {
      for (const part of parts) {
        for (let at = 0; at < part.length;) {
          at += await this.#socket.write(part.subarray(at));
        }
      }
    });
    // The client may be gone; the test sees that by other means.
    this.#sending = sent.catch(() => {});
    return sent.catch(() => {});
  }

  /** Waits until a frame that fits has come, now or earlier. */
  async waitFor(fits: (frame: SeenFrame) => boolean): Promise<SeenFrame> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      if (this.isOver) throw new Error("Connection ended before such a frame");
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Ends the connection. Idempotent. */
  close(): void {
    this.#end();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  async #run(): Promise<void> {
    const decoder = new YamuxDecoder();
    const buffer = new Uint8Array(131_072);
    let parts: Uint8Array[] = [];
    try {
      for (;;) {
        const size = await this.#socket.read(buffer);
        if (size === null) break;
        decoder.feed(buffer.slice(0, size));
        for (let at = decoder.next(); at; at = decoder.next()) {
          if (at === "payload") parts.push(decoder.payload);
          if (!decoder.isBetweenFrames) continue;
          this.#handle({ ...decoder.frame, payload: join(parts) });
          parts = [];
        }
      }
    } catch {
      // The socket failed: the connection has ended all the same.
    }
    this.#end();
  }

  #handle(frame: SeenFrame): void {
    this.frames.push(frame);
    const { type, flags, streamId } = frame;
    const isStreamFrame = type <= YAMUX_TYPE.windowUpdate;
    if (isStreamFrame && (flags & YAMUX_FLAG.syn) !== 0) {
      const stream = new PeerStream(this, streamId);
      this.streams.set(streamId, stream);
      void this.send({
        type: YAMUX_TYPE.windowUpdate,
        flags: YAMUX_FLAG.ack,
        streamId,
        length: this.#options.windowAdded ?? GITALY_WINDOW_ADDED,
      });
      this.#options.onStream?.(stream);
    }
    if (isStreamFrame) this.streams.get(streamId)?.handle(frame);
    this.#wakeAll();
  }

  #end(): void {
    this.isOver = true;
    for (const stream of this.streams.values()) stream.wakeAll();
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiters = this.#wake;
    this.#wake = [];
    for (const wake of waiters) wake();
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
