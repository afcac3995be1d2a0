/**
 * A yamux client that does what it is told, right or wrong, and remembers
 * every frame that the server sent.
 * @module
 */
import {
  encodeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_TYPE,
  YamuxDecoder,
  type YamuxFrame,
} from "../../../../src/gitaly/yamux_frame.ts";

/** A frame with its payload. */
export interface SeenFrame extends YamuxFrame {
  readonly payload: Uint8Array;
}

const MAGIC = new TextEncoder().encode("backchannel");
const NOTHING: Uint8Array = new Uint8Array();

/** One connection. */
export class RawYamuxClient implements Disposable {
  readonly frames: SeenFrame[] = [];
  /** Settles when the server has closed the connection. */
  readonly ended: Promise<void>;
  readonly #conn: Deno.Conn;
  readonly #waiting = new Set<() => void>();
  readonly #streams = new Map<
    number,
    { bytes: Uint8Array; isEnded: boolean }
  >();
  #hasEnded = false;
  #isAcknowledging = true;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.ended = this.#readFrames();
  }

  /** Connects to a unix socket and sends the magic bytes. */
  static async connect(path: string): Promise<RawYamuxClient> {
    const conn = await Deno.connect({ transport: "unix", path });
    const client = new RawYamuxClient(conn);
    // A server that refuses at once has said so by the end of the connection.
    await client.#write(MAGIC).catch(() => {});
    return client;
  }

  /** Stops answering the server's new streams with ACK. */
  stopAcknowledging(): void {
    this.#isAcknowledging = false;
  }

  send(frame: Partial<YamuxFrame>, payload = NOTHING): Promise<void> {
    const { data: type } = YAMUX_TYPE;
    const length = payload.length;
    const header = { type, flags: 0, streamId: 0, length, ...frame };
    const bytes = encodeYamuxHeader(header);
    const whole = new Uint8Array(bytes.length + payload.length);
    whole.set(bytes);
    whole.set(payload, bytes.length);
    return this.#write(whole);
  }

  /** Opens a stream, as Go's client does. */
  openStream(streamId: number): Promise<void> {
    const { windowUpdate: type } = YAMUX_TYPE;
    return this.send({ type, flags: YAMUX_FLAG.syn, streamId, length: 0 });
  }

  grant(streamId: number, sizeBytes: number): Promise<void> {
    const { windowUpdate: type } = YAMUX_TYPE;
    return this.send({ type, streamId, length: sizeBytes });
  }

  finish(streamId: number): Promise<void> {
    const { windowUpdate: type } = YAMUX_TYPE;
    return this.send({ type, flags: YAMUX_FLAG.fin, streamId, length: 0 });
  }

  /** Waits for a frame, past or future, that is like this. */
  async untilFrame(
    isWanted: (frame: SeenFrame) => boolean,
  ): Promise<SeenFrame> {
    for (;;) {
      const found = this.frames.find(isWanted);
      if (found) return found;
      await this.#change("a frame");
    }
  }

  /** Takes exactly this many bytes of a stream. */
  async take(streamId: number, sizeBytes: number): Promise<Uint8Array> {
    for (;;) {
      const stream = this.#stream(streamId);
      if (stream.bytes.length >= sizeBytes) {
        const taken = stream.bytes.subarray(0, sizeBytes);
        stream.bytes = stream.bytes.subarray(sizeBytes);
        return taken;
      }
      await this.#change(`${sizeBytes} bytes of stream ${streamId}`);
    }
  }

  /** Takes what has come of a stream, at least a byte; `null` at its end. */
  async takeSome(streamId: number): Promise<Uint8Array | null> {
    for (;;) {
      const stream = this.#stream(streamId);
      const { bytes } = stream;
      stream.bytes = NOTHING;
      if (bytes.length > 0) return bytes;
      if (stream.isEnded || this.#hasEnded) return null;
      await this.#change(`more of stream ${streamId}`);
    }
  }

  /** Cuts the connection. */
  close(): void {
    try {
      this.#conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #stream(id: number): { bytes: Uint8Array; isEnded: boolean } {
    const stream = this.#streams.get(id) ??
      { bytes: NOTHING, isEnded: false };
    this.#streams.set(id, stream);
    return stream;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#conn.write(bytes.subarray(at));
    }
  }

  async #change(wanted: string): Promise<void> {
    if (this.#hasEnded) {
      throw new Error(`The connection ended before ${wanted}`);
    }
    await new Promise<void>((wake) => this.#waiting.add(wake));
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #readFrames(): Promise<void> {
    const decoder = new YamuxDecoder();
    try {
      for (;;) {
        const buffer = new Uint8Array(65_536);
        const sizeBytes = await this.#conn.read(buffer);
        if (sizeBytes === null) break;
        decoder.feed(buffer.subarray(0, sizeBytes));
        for (let part = decoder.next(); part; part = decoder.next()) {
          if (part === "header") this.#takeFrame({ ...decoder.frame });
          else this.#takePayload(decoder.frame.streamId, decoder.payload);
        }
        this.#wakeAll();
      }
    } catch {
      // Reset by the server, or closed by the test.
    }
    this.#hasEnded = true;
    this.#wakeAll();
  }

  #takeFrame(frame: YamuxFrame): void {
    this.frames.push({ ...frame, payload: NOTHING });
    if (frame.flags & YAMUX_FLAG.fin) {
      this.#stream(frame.streamId).isEnded = true;
    }
    if (!(frame.flags & YAMUX_FLAG.syn) || !this.#isAcknowledging) return;
    if (frame.type === YAMUX_TYPE.ping) return;
    const { windowUpdate: type } = YAMUX_TYPE;
    const { streamId } = frame;
    this.send({ type, flags: YAMUX_FLAG.ack, streamId, length: 0 })
      .catch(() => {});
  }

  #takePayload(streamId: number, payload: Uint8Array): void {
    const stream = this.#stream(streamId);
    stream.bytes = join(stream.bytes, payload);
    const frame = this.frames.at(-1);
    if (frame) {
      this.frames[this.frames.length - 1] = {
        ...frame,
        payload: join(frame.payload, payload),
      };
    }
  }
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const whole = new Uint8Array(left.length + right.length);
  whole.set(left);
  whole.set(right, left.length);
  return whole;
}
