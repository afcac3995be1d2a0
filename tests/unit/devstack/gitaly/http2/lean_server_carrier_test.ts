import { assertEquals, assertRejects } from "@std/assert";
import type { IncomingCall } from "../../../../../src/devstack/gitaly/carrier.ts";
import { LEAN_SERVER_CARRIER } from "../../../../../src/devstack/gitaly/http2/lean_server_carrier.ts";
import { StatusError } from "../../../../../src/devstack/gitaly/status.ts";
import { FrameBuffer } from "../../../../../src/gitaly/http2/frame_buffer.ts";
import {
  FLAG,
  FRAME,
  FrameDecoder,
} from "../../../../../src/gitaly/http2/frame_decoder.ts";
import { HpackDecoder } from "../../../../../src/gitaly/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../../../../src/gitaly/http2/hpack_encoder.ts";
import type { ByteDuplex } from "../../../../../src/core/io.ts";

const PATH = "/x.X/Echo";
const WINDOW_BYTES = 65_535;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** A client that puts frames on the wire as it likes. */
class RawHttp2Client implements Disposable {
  readonly frames: Frame[] = [];
  readonly calls: IncomingCall[] = [];
  hasEnded = false;
  readonly #toServer: Uint8Array[] = [];
  #isClosed = false;
  #wakeServer: (() => void) | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #decoder = new FrameDecoder();
  readonly #hpackOut = new HpackEncoder();
  readonly #hpackIn = new HpackDecoder({
    tableBytesMax: 4096,
    listBytesMax: 65_536,
  });
  readonly #connection: ReturnType<typeof LEAN_SERVER_CARRIER.serve>;

  constructor() {
    this.#connection = LEAN_SERVER_CARRIER.serve(this.#duplex(), {
      paths: [PATH],
      onCall: (call) => {
        this.calls.push(call);
        this.#changed();
      },
      onEnd: () => {
        this.hasEnded = true;
        this.#changed();
      },
    });
  }

  write(build: (frames: FrameBuffer) => void): void {
    const frames = new FrameBuffer();
    build(frames);
    this.#toServer.push(frames.view().slice());
    this.#wakeServer?.();
  }

  greet(): void {
    this.write((frames) => {
      frames.writePreface();
      frames.writeSettings([]);
    });
  }

  /** Opens a call; the block may be cut into CONTINUATION frames. */
  open(
    streamId: number,
    { path = PATH, framePayloadBytesMax = 16_384 } = {},
  ): void {
    const block = this.#hpackOut.encode([
      [":method", "POST"],
      [":path", path],
      ["te", "trailers"],
      ["x", "1"],
      ["x", "2"],
    ]);
    this.write((frames) =>
      frames.writeHeaders(streamId, block, framePayloadBytesMax)
    );
  }

  /** Sends data, the gRPC prefix in front of it. */
  message(streamId: number, payload: readonly number[], flags = 0): void {
    const bytes = Uint8Array.of(0, 0, 0, 0, payload.length, ...payload);
    this.write((frames) => {
      const payloadBytes = bytes.length;
      frames.writeFrameHeader(FRAME.data, flags, { streamId, payloadBytes });
      frames.write(bytes);
    });
  }

  async call(): Promise<IncomingCall> {
    for (;;) {
      const call = this.calls.shift();
      if (call) return call;
      await this.#change();
    }
  }

  async until(isWanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(isWanted);
      if (found) return found;
      await this.#change();
    }
  }

  async untilEnded(): Promise<void> {
    while (!this.hasEnded) await this.#change();
  }

  headersOf({ payload }: Frame): readonly (readonly [string, string])[] {
    return this.#hpackIn.decode(payload).fields;
  }

  drain(): void {
    this.#connection.drain(60_000);
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #duplex(): ByteDuplex {
    return {
      read: async () => {
        for (;;) {
          const chunk = this.#toServer.shift();
          if (chunk) return chunk;
          if (this.#isClosed) return null;
          await new Promise<void>((wake) => this.#wakeServer = wake);
        }
      },
      write: (bytes) => {
        this.#take(bytes.slice());
        return Promise.resolve();
      },
      closeWrite: () => Promise.resolve(),
      close: () => {
        this.#isClosed = true;
        this.#wakeServer?.();
      },
    };
  }

  #take(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    for (
      let frame = this.#decoder.next();
      frame;
      frame = this.#decoder.next()
    ) {
      const { streamId } = frame;
      const payload = frame.payload.slice();
      const { type, flags } = frame.kind === "data"
        ? { type: FRAME.data, flags: 0 }
        : frame;
      this.frames.push({ type, flags, streamId, payload });
    }
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((wake) => this.#waiting.add(wake));
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

const goawayOf = ({ payload }: Frame) => {
  const view = new DataView(payload.buffer);
  const text = new TextDecoder().decode(payload.subarray(8));
  return [view.getUint32(0), view.getUint32(4), text];
};
const isGoaway = ({ type }: Frame) => type === FRAME.goaway;

Deno.test("LEAN_SERVER_CARRIER carries messages both ways and ends with trailers", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1);
  const call = await client.call();
  assertEquals(call.path, PATH);
  assertEquals(call.metadata, { x: "1, 2" });
  client.message(1, [1, 2]);
  client.message(1, [3], FLAG.endStream);
  assertEquals([...await call.receive() ?? []], [1, 2]);
  assertEquals([...await call.receive() ?? []], [3]);
  assertEquals(await call.receive(), null);
  await call.send(Uint8Array.of(7));
  call.end(undefined);
  call.end(new StatusError(13, "too late"));
  const isHeaders = ({ type, flags }: Frame) =>
    type === FRAME.headers && !(flags & FLAG.endStream);
  const headers = client.headersOf(await client.until(isHeaders));
  assertEquals(headers, [[":status", "200"], [
    "content-type",
    "application/grpc",
  ]]);
  const data = await client.until(({ type }) => type === FRAME.data);
  assertEquals([...data.payload], [0, 0, 0, 0, 1, 7]);
  const trailers = await client.until(({ type, flags }) =>
    type === FRAME.headers && (flags & FLAG.endStream) !== 0
  );
  assertEquals(client.headersOf(trailers)[0], ["grpc-status", "0"]);
});

Deno.test("LEAN_SERVER_CARRIER ends a call without messages by one block, and stops its caller", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1);
  const call = await client.call();
  const details = Uint8Array.of(1);
  call.end(new StatusError(7, "né % \n", details));
  const block = await client.until(({ type }) => type === FRAME.headers);
  assertEquals(client.headersOf(block), [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", "7"],
    ["grpc-message", "n%C3%A9 %25 %0A"],
    ["grpc-status-details-bin", "AQ"],
  ]);
  const reset = await client.until(({ type }) => type === FRAME.rstStream);
  assertEquals([...reset.payload], [0, 0, 0, 0]);
});

Deno.test("LEAN_SERVER_CARRIER splits a long status into CONTINUATION, and joins the client's", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1, { framePayloadBytesMax: 3 });
  const call = await client.call();
  assertEquals(call.metadata, { x: "1, 2" });
  call.end(new StatusError(13, "x".repeat(40_000)));
  const last = await client.until(({ type, flags }) =>
    type === FRAME.continuation && (flags & FLAG.endHeaders) !== 0
  );
  assertEquals(last.payload.length < 16_384, true);
});

Deno.test("LEAN_SERVER_CARRIER fails a call that ends within a message", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1);
  const call = await client.call();
  client.write((frames) => {
    const where = { streamId: 1, payloadBytes: 6 };
    frames.writeFrameHeader(FRAME.data, FLAG.endStream, where);
    frames.write(Uint8Array.of(0, 0, 0, 0, 2, 1));
  });
  await assertRejects(() => call.receive(), StatusError, "unexpected EOF");
});

Deno.test("LEAN_SERVER_CARRIER does not know other methods", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1, { path: "/x.X/Other" });
  const block = await client.until(({ type }) => type === FRAME.headers);
  const fields = new Map(client.headersOf(block));
  assertEquals(fields.get("grpc-status"), "12");
  assertEquals(
    fields.get("grpc-message"),
    "unknown method Other for service x.X",
  );
});

Deno.test("LEAN_SERVER_CARRIER sends no more than both windows allow", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1);
  const call = await client.call();
  const sizeBytes = WINDOW_BYTES + 1000;
  const sending = call.send(new Uint8Array(sizeBytes));
  const sentBytes = () =>
    client.frames.filter(({ type }) => type === FRAME.data)
      .reduce((sum, { payload }) => sum + payload.length, 0);
  await client.until(() => sentBytes() === WINDOW_BYTES);
  client.write((frames) => frames.writeWindowUpdate(0, 500));
  client.write((frames) => frames.writePing(new Uint8Array(8), false));
  await client.until(({ type }) => type === FRAME.ping);
  assertEquals(sentBytes(), WINDOW_BYTES);
  client.write((frames) => frames.writeWindowUpdate(1, 300));
  await client.until(() => sentBytes() === WINDOW_BYTES + 300);
  client.write((frames) => frames.writeSettings([[4, WINDOW_BYTES + 10_000]]));
  await client.until(() => sentBytes() === WINDOW_BYTES + 500);
  client.write((frames) => frames.writeWindowUpdate(0, 10_000));
  await sending;
  // Five bytes of prefix.
  assertEquals(sentBytes(), sizeBytes + 5);
});

Deno.test("LEAN_SERVER_CARRIER tells the handler that the caller has cancelled", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1);
  const call = await client.call();
  const receiving = call.receive();
  client.write((frames) => frames.writeRstStream(1, 8));
  assertEquals(await receiving, null);
  assertEquals(call.signal.aborted, true);
  const failed = await call.send(new Uint8Array(1)).catch((error) => error);
  assertEquals(failed instanceof Error, true);
});

Deno.test("gitaly.md 9.2: drain announces the newest call, refuses newer ones and waits for the rest", async () => {
  using client = new RawHttp2Client();
  client.greet();
  client.open(1);
  const call = await client.call();
  client.drain();
  const goaway = await client.until(isGoaway);
  assertEquals(goawayOf(goaway), [1, 0, "graceful_stop"]);
  client.open(3);
  const reset = await client.until(({ type }) => type === FRAME.rstStream);
  assertEquals([reset.streamId, reset.payload[3]], [3, 7]);
  assertEquals(client.hasEnded, false);
  call.end(undefined);
  await client.untilEnded();
});

Deno.test("gitaly.md 2.4: pings that come too often end the connection", async () => {
  using client = new RawHttp2Client();
  client.greet();
  for (let pings = 0; pings < 4; pings++) {
    client.write((frames) => frames.writePing(new Uint8Array(8), false));
  }
  const goaway = await client.until(isGoaway);
  assertEquals(goawayOf(goaway), [0, 0xb, "too_many_pings"]);
  await client.untilEnded();
});

const BROKEN: readonly (readonly [string, (client: RawHttp2Client) => void])[] =
  [
    [
      "a wrong greeting",
      (client) =>
        client.write((frames) =>
          frames.write(
            new TextEncoder().encode("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
          )
        ),
    ],
    ["an even stream id", (client) => client.open(2)],
    ["a stream id that goes back", (client) => {
      client.open(5);
      client.open(3);
    }],
    [
      "a frame size of nothing",
      (client) => client.write((frames) => frames.writeSettings([[5, 0]])),
    ],
    [
      "a window of 2 GiB",
      (client) =>
        client.write((frames) => frames.writeSettings([[4, 2 ** 31]])),
    ],
    ["a frame within a header block", (client) =>
      client.write((frames) => {
        frames.writeFrameHeader(FRAME.headers, 0, {
          streamId: 1,
          payloadBytes: 0,
        });
        frames.writeSettings([]);
      })],
    [
      "CONTINUATION of nothing",
      (client) =>
        client.write((frames) =>
          frames.writeFrameHeader(FRAME.continuation, 0, {
            streamId: 1,
            payloadBytes: 0,
          })
        ),
    ],
    [
      "a frame that is too large",
      (client) =>
        client.write((frames) =>
          frames.writeFrameHeader(FRAME.headers, 0, {
            streamId: 1,
            payloadBytes: 16_385,
          })
        ),
    ],
  ];
for (const [what, act] of BROKEN) {
  Deno.test(`LEAN_SERVER_CARRIER ends the connection after ${what}`, async () => {
    using client = new RawHttp2Client();
    if (!what.includes("greeting")) client.greet();
    act(client);
    await client.until(isGoaway);
    await client.untilEnded();
  });
}
