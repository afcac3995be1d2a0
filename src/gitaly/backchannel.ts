/**
 * The least HTTP/2 server that satisfies Gitaly's HTTP/2 client on a stream
 * that it opened: settings, pings, and every call answered UNIMPLEMENTED.
 * Gitaly up to 17.10 opens such a stream on every connection.
 * Source: RFC 9113; gRPC over HTTP/2, "Trailers-Only"; Gitaly, backchannel.
 * @module
 */
import type { YamuxStream } from "./yamux_stream.ts";

const PREFACE_REST_BYTES = "2.0\r\n\r\nSM\r\n\r\n".length;
const FRAME_HEADER_BYTES = 9;
/** What RFC 9113 lets a peer send that was not told otherwise. */
const FRAME_PAYLOAD_BYTES_MAX = 16_384;
const PING_BYTES = 8;

const FRAME = {
  data: 0,
  headers: 1,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
} as const;
const FLAG = { ack: 1, endStream: 1, endHeaders: 4 } as const;

/**
 * HPACK without tables: `:status` 200 by its index, then literals that are
 * never indexed: `content-type` (index 31) and `grpc-status: 12`.
 */
const UNIMPLEMENTED_BLOCK = Uint8Array.of(
  ...[0x88, 0x0f, 0x10, 0x10],
  ...new TextEncoder().encode("application/grpc"),
  ...[0x00, 0x0b],
  ...new TextEncoder().encode("grpc-status"),
  ...[0x02],
  ...new TextEncoder().encode("12"),
);

interface Http2Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/**
 * Answers until the peer ends the stream; returns with it closed.
 * @param stream Behind the first eleven bytes of the peer's preface.
 * @throws {Error} If the peer reset the stream.
 */
export async function answerBackchannel(stream: YamuxStream): Promise<void> {
  const input = new BackchannelInput(stream);
  try {
    await writeFrame(stream, { type: FRAME.settings });
    if (await input.take(PREFACE_REST_BYTES) === undefined) return;
    for (;;) {
      const frame = await input.readFrame();
      if (frame === undefined) return;
      await answer(stream, frame);
    }
  } finally {
    stream.close();
  }
}

async function answer(stream: YamuxStream, frame: Http2Frame): Promise<void> {
  const { type, flags, streamId, payload } = frame;
  const isAck = (flags & FLAG.ack) !== 0;
  if (type === FRAME.settings && !isAck) {
    await writeFrame(stream, { type, flags: FLAG.ack });
  } else if (type === FRAME.ping && !isAck && payload.length === PING_BYTES) {
    await writeFrame(stream, { type, flags: FLAG.ack, payload });
  } else if (type === FRAME.data && payload.length > 0) {
    // The connection's window, lest the peer cannot send another request.
    const increment = new Uint8Array(4);
    new DataView(increment.buffer).setUint32(0, payload.length);
    const update = { type: FRAME.windowUpdate, payload: increment };
    await writeFrame(stream, update);
  } else if (
    (type === FRAME.headers || type === FRAME.continuation) &&
    (flags & FLAG.endHeaders) !== 0
  ) {
    await writeFrame(stream, {
      type: FRAME.headers,
      flags: FLAG.endHeaders | FLAG.endStream,
      streamId,
      payload: UNIMPLEMENTED_BLOCK,
    });
  }
}

async function writeFrame(
  stream: YamuxStream,
  { type, flags = 0, streamId = 0, payload = new Uint8Array(0) }:
    & Partial<Http2Frame>
    & Pick<Http2Frame, "type">,
): Promise<void> {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length << 8 | type);
  view.setUint8(4, flags);
  view.setUint32(5, streamId);
  frame.set(payload, FRAME_HEADER_BYTES);
  await stream.write(frame);
}

/** Cuts the stream into frames; holds one frame at most. */
class BackchannelInput {
  readonly #stream: YamuxStream;
  readonly #buffer = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX);

  constructor(stream: YamuxStream) {
    this.#stream = stream;
  }

  /** The next `size` bytes, valid until the next call; `undefined` at the end. */
  async take(size: number): Promise<Uint8Array | undefined> {
    for (let filled = 0; filled < size;) {
      const chunk = await this.#stream.read();
      if (chunk === null) return undefined;
      const taken = Math.min(chunk.length, size - filled);
      this.#buffer.set(chunk.subarray(0, taken), filled);
      filled += taken;
      this.#stream.unread(chunk.length - taken);
    }
    return this.#buffer.subarray(0, size);
  }

  /** The next frame; `undefined` at the end or if it is larger than allowed. */
  async readFrame(): Promise<Http2Frame | undefined> {
    const header = await this.take(FRAME_HEADER_BYTES);
    if (header === undefined) return undefined;
    const [high = 0, middle = 0, low = 0, type = 0, flags = 0] = header;
    const size = high << 16 | middle << 8 | low;
    const view = new DataView(header.buffer, header.byteOffset);
    const streamId = view.getUint32(5) & 0x7fff_ffff;
    if (size > FRAME_PAYLOAD_BYTES_MAX) return undefined;
    const payload = await this.take(size);
    return payload && { type, flags, streamId, payload };
  }
}
