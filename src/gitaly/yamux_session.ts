/**
 * The dialling side of a yamux connection: opens its one stream, takes the
 * peer's, answers pings. It reads the socket at all times, whoever consumes or
 * does not, because window updates and pings travel there too.
 * Source: hashicorp/yamux, spec.md and its settings in Gitaly's client.
 * @module
 */
import { errorText, ProtocolError } from "../core/errors.ts";
import { FrameWriter } from "./frame_writer.ts";
import { type Slab, SlabPool } from "./receive_queue.ts";
import type { Socket } from "./socket.ts";
import {
  YAMUX_FLAG,
  YAMUX_GO_AWAY,
  YAMUX_INITIAL_WINDOW_BYTES,
  YAMUX_TYPE,
  YamuxDecoder,
  type YamuxFrame,
} from "./yamux_frame.ts";
import { type StreamLink, YamuxStream } from "./yamux_stream.ts";

/** Streams of the peer that may be open at a time; more are refused with RST. */
const PEER_STREAMS_MAX = 256;
/** Gitaly's client waits this long for the other FIN. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Worth its memory on a long line only; Gitaly's own receive window is twice that. */
const WINDOW_BYTES_MAX = 8 * 1024 * 1024;

/** How a session ended. */
export interface YamuxEnd {
  /** `peer`: the socket ended or failed. `violation`: the peer broke the protocol. */
  readonly by: "us" | "peer" | "violation";
  readonly error: Error | undefined;
}

/** What a session is made with. */
export interface YamuxOptions {
  /** Bytes that go out before the first frame. */
  readonly preamble: Uint8Array;
  /** Takes a stream that the peer opened; it is acknowledged already. */
  readonly onStream: (stream: YamuxStream) => void;
  /** Receive windows of the streams, in bytes; 262144 to 8 MiB where absent. */
  readonly windowBytes?: StreamLink["windowBytes"];
  readonly closeTimeoutMs?: number;
  /** A clock that never goes back; the process's where absent. */
  readonly nowMs?: () => number;
}

/** One connection. */
export class YamuxSession {
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #pool = new SlabPool();
  readonly #link: StreamLink;
  readonly #onStream: (stream: YamuxStream) => void;
  readonly #streams = new Map<number, YamuxStream>();
  readonly #ended = Promise.withResolvers<YamuxEnd>();
  #peerStreamCount = 0;
  #nextId = 1;
  #isOver = false;

  constructor(socket: Socket, options: YamuxOptions) {
    this.#socket = socket;
    this.#onStream = options.onStream;
    this.#writer = new FrameWriter(socket, (error) => this.#end("peer", error));
    this.#link = {
      writer: this.#writer,
      pool: this.#pool,
      windowBytes: options.windowBytes ??
        { initial: YAMUX_INITIAL_WINDOW_BYTES, max: WINDOW_BYTES_MAX },
      nowMs: options.nowMs ?? (() => performance.now()),
      closeTimeoutMs: options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS,
      forget: (id) => this.#forget(id),
    };
    this.#writer.writePreamble(options.preamble);
    void this.#readAll();
  }

  /** Settles when the connection is gone. Never rejects. */
  get ended(): Promise<YamuxEnd> {
    return this.#ended.promise;
  }

  /** Streams that are not forgotten yet, both sides' together. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Opens a stream; data may follow at once. */
  openStream(): YamuxStream {
    const stream = new YamuxStream(this.#nextId, this.#link);
    this.#nextId += 2;
    if (this.#isOver) {
      stream.endSession();
    } else {
      this.#streams.set(stream.id, stream);
      stream.open(YAMUX_FLAG.syn);
    }
    return stream;
  }

  /** Ends the connection and every stream. Idempotent. */
  close(): void {
    this.#end("us", undefined);
  }

  async #readAll(): Promise<void> {
    const decoder = new YamuxDecoder();
    try {
      for (;;) {
        const slab = this.#pool.nextForReading();
        const start = slab.filled;
        const size = await this.#socket.read(slab.bytes.subarray(start));
        if (size === null) break;
        slab.filled += size;
        decoder.feed(slab.bytes.subarray(start, slab.filled));
        this.#handleAll(decoder, slab);
      }
      this.#end("peer", undefined);
    } catch (error) {
      this.#end(error instanceof ProtocolError ? "violation" : "peer", error);
    }
  }

  #handleAll(decoder: YamuxDecoder, slab: Slab): void {
    const { frame } = decoder;
    for (let at = decoder.next(); at; at = decoder.next()) {
      if (this.#isOver) return;
      if (at === "header") this.#handle(frame);
      else this.#streams.get(frame.streamId)?.receive(decoder.payload, slab);
      // FIN and RST of a data frame count from behind its payload.
      if (decoder.isBetweenFrames) this.#handleEnd(frame);
    }
  }

  #handle(frame: YamuxFrame): void {
    if (frame.type === YAMUX_TYPE.ping) this.#answerPing(frame);
    else if (frame.type === YAMUX_TYPE.goAway) this.#handleGoAway(frame.length);
    else this.#handleStreamFrame(frame);
  }

  #handleStreamFrame({ type, flags, streamId, length }: YamuxFrame): void {
    if ((flags & YAMUX_FLAG.syn) !== 0) this.#acceptStream(streamId);
    const stream = this.#streams.get(streamId);
    // Late frames of a stream that both sides have ended; payload is skipped.
    if (stream === undefined) return;
    if (type === YAMUX_TYPE.data) stream.acceptData(length);
    // libp2p puts an error code where the added window stands.
    else if ((flags & YAMUX_FLAG.rst) === 0) stream.addSendWindow(length);
  }

  #handleEnd({ type, flags, streamId }: YamuxFrame): void {
    if (type > YAMUX_TYPE.windowUpdate) return;
    if ((flags & (YAMUX_FLAG.fin | YAMUX_FLAG.rst)) === 0) return;
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if ((flags & YAMUX_FLAG.fin) !== 0) stream.receiveFin();
    if ((flags & YAMUX_FLAG.rst) !== 0) {
      stream.receiveReset();
      this.#forget(streamId);
    }
  }

  #acceptStream(id: number): void {
    if (id === 0 || id % 2 !== 0 || this.#streams.has(id)) {
      throw new ProtocolError(`Cannot accept a new yamux stream ${id}`, 0);
    }
    const stream = new YamuxStream(id, this.#link);
    if (this.#peerStreamCount === PEER_STREAMS_MAX) {
      stream.reset();
      return;
    }
    this.#peerStreamCount++;
    this.#streams.set(id, stream);
    // At once, whatever it turns out to be: the peer opens no other stream
    // before this one is acknowledged.
    stream.open(YAMUX_FLAG.ack);
    this.#onStream(stream);
  }

  #answerPing({ flags, length }: YamuxFrame): void {
    if ((flags & YAMUX_FLAG.syn) === 0) return;
    this.#writer.writeControl({
      type: YAMUX_TYPE.ping,
      flags: YAMUX_FLAG.ack,
      streamId: 0,
      length,
    });
  }

  /** Code 0 only says that the peer takes no new streams, and we open none. */
  #handleGoAway(code: number): void {
    if (code === YAMUX_GO_AWAY.normal) return;
    throw new ProtocolError(
      `Peer ended the yamux session with code ${code}`,
      0,
    );
  }

  #forget(id: number): void {
    if (this.#streams.delete(id) && id % 2 === 0) this.#peerStreamCount--;
  }

  #end(by: YamuxEnd["by"], cause: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const error = cause === undefined || cause instanceof Error
      ? cause
      : new Error(errorText(cause));
    // First, so that who sees a stream end can ask why.
    this.#ended.resolve({ by, error });
    this.#writer.close();
    this.#socket.close();
    for (const stream of this.#streams.values()) stream.endSession();
    this.#streams.clear();
  }
}
