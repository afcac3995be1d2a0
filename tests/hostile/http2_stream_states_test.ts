/**
 * The attack: frames on streams that are not open, or in an order that no
 * server may send them in. The connection ends, every call has a status.
 */
import { assertEquals, assertMatch } from "@std/assert";
import {
  ACK,
  bytesOf,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  frame,
  headerBlock,
  join,
  PADDED,
  responseHeaders,
  settings,
  trailers,
  TYPE,
  uint32,
} from "../support/fake_http2_server.ts";
import {
  BIDI,
  connect,
  connectReady,
  endOf,
  receiveAll,
  UNARY,
} from "../support/lean_pair.ts";

const PROTOCOL = 1;
const FLOW_CONTROL = 3;
const FRAME_SIZE = 6;
const COMPRESSION = 9;

const goaway = (lastStreamId: number) =>
  frame([TYPE.goaway, 0], 0, join(uint32(lastStreamId), uint32(0)));

const OFFENCES = [
  ["HEADERS on a stream of the future", responseHeaders(5), PROTOCOL],
  ["HEADERS on a stream of the server", responseHeaders(2), PROTOCOL],
  ["HEADERS on stream 0", responseHeaders(0), PROTOCOL],
  ["DATA on a stream of the future", dataFrame(5, bytesOf("x")), PROTOCOL],
  ["DATA on stream 0", dataFrame(0, bytesOf("x")), PROTOCOL],
  [
    "DATA with too much padding",
    frame([TYPE.data, PADDED], 1, Uint8Array.of(9)),
    PROTOCOL,
  ],
  [
    "RST_STREAM on a stream of the future",
    frame([TYPE.rstStream, 0], 9, uint32(0)),
    PROTOCOL,
  ],
  [
    "RST_STREAM on stream 0",
    frame([TYPE.rstStream, 0], 0, uint32(0)),
    PROTOCOL,
  ],
  [
    "RST_STREAM of three bytes",
    frame([TYPE.rstStream, 0], 1, new Uint8Array(3)),
    FRAME_SIZE,
  ],
  [
    "WINDOW_UPDATE on a stream of the future",
    frame([TYPE.windowUpdate, 0], 9, uint32(1)),
    PROTOCOL,
  ],
  [
    "WINDOW_UPDATE of nothing",
    frame([TYPE.windowUpdate, 0], 0, uint32(0)),
    PROTOCOL,
  ],
  [
    "a window beyond 2^31-1",
    frame([TYPE.windowUpdate, 0], 0, uint32(2 ** 31 - 1)),
    FLOW_CONTROL,
  ],
  [
    "initial windows beyond 2^31-1",
    join(
      frame([TYPE.windowUpdate, 0], 1, uint32(2 ** 31 - 70_000)),
      settings([4, 100_000]),
    ),
    FLOW_CONTROL,
  ],
  [
    "PUSH_PROMISE",
    frame([TYPE.pushPromise, END_HEADERS], 1, uint32(2)),
    PROTOCOL,
  ],
  ["CONTINUATION without HEADERS", frame([TYPE.continuation, 0], 1), PROTOCOL],
  [
    "PING within a header block",
    join(
      frame([TYPE.headers, 0], 1, bytesOf("")),
      frame([TYPE.ping, 0], 0, new Uint8Array(8)),
    ),
    PROTOCOL,
  ],
  [
    "DATA within a header block",
    join(
      frame([TYPE.headers, 0], 1, bytesOf("")),
      frame([TYPE.data, 0], 1),
    ),
    PROTOCOL,
  ],
  [
    "CONTINUATION of another stream",
    join(
      frame([TYPE.headers, 0], 1, bytesOf("")),
      frame([TYPE.continuation, END_HEADERS], 3),
    ),
    PROTOCOL,
  ],
  [
    "a header block that is no HPACK",
    frame([TYPE.headers, END_HEADERS], 1, Uint8Array.of(0x80)),
    COMPRESSION,
  ],
  ["SETTINGS on a stream", frame([TYPE.settings, 0], 1), PROTOCOL],
  [
    "SETTINGS of five bytes",
    frame([TYPE.settings, 0], 0, new Uint8Array(5)),
    FRAME_SIZE,
  ],
  ["SETTINGS that enable push", settings([2, 1]), PROTOCOL],
  [
    "PING of seven bytes",
    frame([TYPE.ping, 0], 0, new Uint8Array(7)),
    FRAME_SIZE,
  ],
  [
    "GOAWAY of seven bytes",
    frame([TYPE.goaway, 0], 0, new Uint8Array(7)),
    FRAME_SIZE,
  ],
  ["GOAWAY for a stream of the server", goaway(2), PROTOCOL],
  [
    "GOAWAY that takes back an earlier one",
    join(goaway(1), goaway(3)),
    PROTOCOL,
  ],
  [
    "a frame of 16 MiB",
    Uint8Array.of(255, 255, 255, 0, 0, 0, 0, 0, 1),
    FRAME_SIZE,
  ],
] as const;
for (const [what, bytes, code] of OFFENCES) {
  Deno.test(`${what} ends the connection with GOAWAY ${code}`, async () => {
    using both = await connectReady();
    const { server, connection } = both;
    const call = connection.startCall(BIDI);
    const other = connection.startCall(UNARY);
    server.send(bytes);
    assertMatch(await endOf(call), /^14 /);
    assertMatch(await endOf(other), /^14 /);
    assertEquals(await call.receive(), null);
    const { payload } = await server.next(TYPE.goaway);
    assertEquals(payload, join(uint32(0), uint32(code)));
    await connection.closed;
    assertEquals(connection.isUsable, false);
  });
}

const FIRST_WORDS = [
  ["PING", frame([TYPE.ping, 0], 0, new Uint8Array(8))],
  ["an acknowledgement", frame([TYPE.settings, ACK], 0)],
  ["DATA", frame([TYPE.data, 0], 1)],
  ["GOAWAY", goaway(0)],
  ["HTTP/1", bytesOf("HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n")],
  ["a greeting of SSH", bytesOf("SSH-2.0-OpenSSH_9.2\r\n")],
] as const;
for (const [what, bytes] of FIRST_WORDS) {
  Deno.test(`a server that begins with ${what} was never connected`, async () => {
    using both = connect();
    const { server, connection } = both;
    const call = connection.startCall(UNARY);
    server.send(bytes);
    assertMatch(
      await endOf(call),
      /^14 connection error: desc = "error reading server preface: /,
    );
    assertEquals((await call.status).isUnprocessed, true);
    await connection.closed;
  });
}

Deno.test("frames of a stream that the server has ended are ignored", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const other = connection.startCall(BIDI);
  server.send(
    responseHeaders(1),
    trailers(1),
    dataFrame(1, bytesOf("late")),
    trailers(1, [["grpc-status", "13"]]),
    frame([TYPE.rstStream, 0], 1, uint32(2)),
    frame([TYPE.windowUpdate, 0], 1, uint32(2 ** 31 - 1)),
    frame([TYPE.data, END_STREAM], 1),
    responseHeaders(3),
    dataFrame(3, bytesOf("x")),
    trailers(3),
  );
  assertEquals(await receiveAll(call), []);
  assertEquals(await endOf(call), "0 ");
  assertEquals(await receiveAll(other), ["x"]);
  assertEquals(await endOf(other), "0 ");
});

Deno.test("RST_STREAM before anything and twice ends its call once", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const reset = frame([TYPE.rstStream, 0], 1, uint32(7));
  server.send(reset, reset, responseHeaders(1));
  const status = await call.status;
  assertEquals([status.code, status.isUnprocessed], [14, true]);
  const next = connection.startCall(UNARY);
  server.send(responseHeaders(3), dataFrame(3, bytesOf("x")), trailers(3));
  assertEquals(await receiveAll(next), ["x"]);
});

Deno.test("a list of headers that grows from one byte each is cut", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  // One entry of 4,000 bytes, then references to it: a bomb of 64 MiB.
  const entry = headerBlock([["a", "x".repeat(4_000)]]);
  entry[0] = 0x40;
  const block = join(entry, new Uint8Array(12_000).fill(0xbe));
  server.send(frame([TYPE.headers, END_HEADERS], 1, block));
  assertEquals(await endOf(call), "13 peer header list size exceeded limit");
  // The table is still right, and so is the connection.
  const next = connection.startCall(UNARY);
  server.send(responseHeaders(3), dataFrame(3, bytesOf("x")), trailers(3));
  assertEquals(await receiveAll(next), ["x"]);
});
