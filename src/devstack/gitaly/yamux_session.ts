/**
 * The server's end of a yamux session, after the magic bytes. Behaves as
 * either of the two libraries that Gitaly has shipped.
 * Source: hashicorp/yamux, spec.md; libp2p go-yamux v5.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";
import {
  encodeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_INITIAL_WINDOW_BYTES,
  YAMUX_TYPE,
  YamuxDecoder,
  type YamuxFrame,
} from "../../gitaly/yamux_frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import type { Socket } from "../socket.ts";
import { type StreamLink, YamuxStream } from "./yamux_stream.ts";

/** Which library's manners the session has. */
export type YamuxFlavour = "hashicorp" | "libp2p";

/** How a session is set up; Gitaly's values are in `GITALY_YAMUX`. */
export interface YamuxOptions {
  readonly flavour: YamuxFlavour;
  /** Bound of what one stream buffers. hashicorp announces it in its first frame. */
  readonly receiveWindowBytesMax: number;
  /** Bound of one frame on its way to the kernel. */
  readonly writeTimeoutMs: number;
  /** How long a stream of ours may go without ACK before the session ends. */
  readonly openTimeoutMs: number;
  /** From our FIN to our RST when the peer's FIN does not come. */
  readonly closeTimeoutMs: number;
}

/** Gitaly's own settings. */
export const GITALY_YAMUX: YamuxOptions = {
  flavour: "hashicorp",
  receiveWindowBytesMax: 16 * 1024 * 1024,
  writeTimeoutMs: 10_000,
  openTimeoutMs: 75_000,
  closeTimeoutMs: 300_000,
};

const SLAB_BYTES = 262_144;
const SLAB_TAIL_BYTES_MIN = 16_384;
const FIRST_SERVER_STREAM = 2;

/** What reading and writing fail with when the peer's process has ended. */
const GONE = [
  Deno.errors.ConnectionReset,
  Deno.errors.BrokenPipe,
  // TLS without a goodbye.
  Deno.errors.UnexpectedEof,
];

/** One session; it owns its socket. */
export class YamuxSession {
  readonly #socket: Socket;
  readonly #options: YamuxOptions;
  readonly #writer: FrameWriter;
  readonly #link: StreamLink;
  readonly #streams = new Map<number, YamuxStream>();
  readonly #first = Promise.withResolvers<YamuxStream>();
  readonly #closed = Promise.withResolvers<void>();
  #failure: Error | undefined;
  #isEnded = false;
  #nextId = FIRST_SERVER_STREAM;
  #clientStreams = 0;
  readonly #decoder = new YamuxDecoder();
  /** Stream of the data frame under way; an unknown one's data is dropped. */
  #receiver: YamuxStream | undefined;
  // The accept backlog is one, so at most one stream of ours waits for its ACK.
  #unacknowledged: { id: number; ack: () => void } | undefined;
  #opening: Promise<unknown> = Promise.resolve();

  constructor(socket: Socket, options: YamuxOptions) {
    this.#socket = socket;
    const isLibp2p = options.flavour === "libp2p";
    this.#options = isLibp2p
      ? { ...options, receiveWindowBytesMax: YAMUX_INITIAL_WINDOW_BYTES }
      : options;
    this.#writer = new FrameWriter(socket, {
      writeTimeoutMs: options.writeTimeoutMs,
      onFailure: (error) => this.#end(error),
    });
    this.#link = {
      receiveWindowBytesMax: this.#options.receiveWindowBytesMax,
      closeTimeoutMs: options.closeTimeoutMs,
      send: (frame) => this.#writer.send(frame),
      post: (frame) => this.#writer.post(frame),
      forget: (id) => this.#forget(id),
    };
    this.#first.promise.catch(() => {});
    if (isLibp2p) this.#postPing(YAMUX_FLAG.syn, 0);
    this.#readLoop();
  }

  /** Stream 1. Rejects if the session ends before it was opened. */
  get first(): Promise<YamuxStream> {
    return this.#first.promise;
  }

  /** Settles when the socket is closed. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What the client did wrong, or failed to do; absent if it just went away. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Streams that are open in at least one direction. */
  get openStreamIds(): readonly number[] {
    return [...this.#streams.keys()];
  }

  /**
   * Opens a stream to the client. The next one waits until the client has
   * acknowledged this one.
   * @throws {Error} If the session has ended.
   */
  open(): Promise<YamuxStream> {
    const opened = this.#opening.then(() => this.#open());
    this.#opening = opened.then(({ acknowledged }) => acknowledged, () => {});
    return opened.then(({ stream }) => stream);
  }

  /** Ends the session and every stream of it. Idempotent. */
  close(): void {
    this.#end(undefined);
  }

  #open(): { stream: YamuxStream; acknowledged: Promise<void> } {
    if (this.#isEnded) throw new Error("session shutdown", this.#cause());
    const stream = new YamuxStream(this.#nextId, this.#link, YAMUX_FLAG.syn);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    const acknowledged = this.#waitForAck(stream.id);
    // libp2p lets the SYN ride on the first data.
    if (this.#options.flavour === "hashicorp") stream.announce();
    return { stream, acknowledged };
  }

  #waitForAck(id: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#end(new Error("stream open timeout")),
        this.#options.openTimeoutMs,
      );
      const ack = () => {
        clearTimeout(timer);
        this.#unacknowledged = undefined;
        resolve();
      };
      this.#unacknowledged = { id, ack };
    });
  }

  async #readLoop(): Promise<void> {
    let slab = new Uint8Array(SLAB_BYTES);
    let filled = 0;
    try {
      for (;;) {
        if (SLAB_BYTES - filled < SLAB_TAIL_BYTES_MIN) {
          // Streams keep views of the old slab, so it is left to them.
          slab = new Uint8Array(SLAB_BYTES);
          filled = 0;
        }
        const sizeBytes = await this.#socket.read(slab.subarray(filled));
        if (sizeBytes === null) break;
        this.#take(slab.subarray(filled, filled + sizeBytes));
        filled += sizeBytes;
      }
      this.#end(undefined);
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(bytes: Uint8Array): void {
    const decoder = this.#decoder;
    decoder.feed(bytes);
    for (let part = decoder.next(); part; part = decoder.next()) {
      if (part === "header") this.#handle(decoder.frame);
      else this.#receiver?.receive(decoder.payload);
    }
  }

  #handle(header: YamuxFrame): void {
    const { type, flags, length } = header;
    if (type === YAMUX_TYPE.ping) {
      if (flags & YAMUX_FLAG.syn) this.#postPing(YAMUX_FLAG.ack, length);
    } else if (type === YAMUX_TYPE.goAway) {
      // Code 0 only announces that no new streams are wanted.
      if (length !== 0) throw new Error(`peer went away with code ${length}`);
    } else {
      this.#handleStreamFrame(header);
    }
  }

  #handleStreamFrame({ type, flags, streamId, length }: YamuxFrame): void {
    if (flags & YAMUX_FLAG.syn) this.#accept(streamId);
    const stream = this.#streams.get(streamId);
    if (flags & YAMUX_FLAG.ack && this.#unacknowledged?.id === streamId) {
      this.#unacknowledged.ack();
    }
    if (type === YAMUX_TYPE.data) {
      if (stream && !stream.canReceive(length)) {
        throw new ProtocolError("receive window exceeded", 0);
      }
      this.#receiver = stream;
    } else if (!(flags & YAMUX_FLAG.rst)) {
      stream?.grow(length);
    }
    if (flags & YAMUX_FLAG.rst) {
      if (this.#unacknowledged?.id === streamId) this.#unacknowledged.ack();
      stream?.fail(new Error("connection reset"));
    } else if (flags & YAMUX_FLAG.fin && stream && !stream.finish()) {
      throw new ProtocolError("duplicate FIN", 0);
    }
  }

  /** Gitaly takes stream 1, leaves a second one waiting and refuses the rest. */
  #accept(id: number): void {
    if (this.#streams.has(id) || id % 2 === 0) {
      throw new ProtocolError("duplicate stream", 0);
    }
    if (++this.#clientStreams > 2) {
      const { windowUpdate: type } = YAMUX_TYPE;
      const flags = YAMUX_FLAG.rst;
      this.#writer.post(
        encodeYamuxHeader({ type, flags, streamId: id, length: 0 }),
      );
      return;
    }
    const stream = new YamuxStream(id, this.#link, YAMUX_FLAG.ack);
    this.#streams.set(id, stream);
    if (this.#clientStreams > 1) return;
    stream.announce();
    this.#first.resolve(stream);
  }

  #postPing(flags: number, value: number): void {
    this.#writer.post(
      encodeYamuxHeader({
        type: YAMUX_TYPE.ping,
        flags,
        streamId: 0,
        length: value,
      }),
    );
  }

  #forget(id: number): void {
    this.#streams.delete(id);
    if (this.#unacknowledged?.id === id) this.#unacknowledged.ack();
  }

  #cause(): ErrorOptions {
    return this.#failure ? { cause: this.#failure } : {};
  }

  #end(failure: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // A client that has what it came for may exit without a word.
    const isGone = failure !== undefined &&
      GONE.some((kind) => failure instanceof kind);
    if (!isGone) this.#failure = failure;
    const error = new Error("session shutdown", this.#cause());
    this.#writer.fail(error);
    this.#unacknowledged?.ack();
    for (const stream of this.#streams.values()) stream.endOfSession(error);
    this.#streams.clear();
    this.#first.reject(error);
    this.#socket.close();
    this.#closed.resolve();
  }
}
