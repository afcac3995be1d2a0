import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { HpackDecoder } from "../../../../src/gitaly/http2/hpack_decoder.ts";
import {
  ACK,
  bytesOf,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  FakeHttp2Server,
  frame,
  grpcMessage,
  headerBlock,
  join,
  PADDED,
  responseHeaders,
  settings,
  trailers,
  TYPE,
  uint32,
} from "../../../support/fake_http2_server.ts";
import {
  BIDI,
  connect,
  connectReady,
  endOf,
  receiveAll,
  UNARY,
} from "../../../support/lean_pair.ts";

const textOf = (bytes: Uint8Array | null) =>
  bytes && new TextDecoder().decode(bytes);

const ok = (streamId: number, ...messages: string[]) =>
  join(
    responseHeaders(streamId),
    ...messages.map((text) => dataFrame(streamId, bytesOf(text))),
    trailers(streamId),
  );

Deno.test("a unary call goes out in one write, before the server has said a word", async () => {
  using both = connect();
  const { server, connection } = both;
  const call = connection.startCall({ ...UNARY, metadata: [["a", "b"]] });
  await call.send(bytesOf("request"));
  const first = await server.next(TYPE.settings);
  assertEquals(first.flags, 0);
  const window = await server.next(TYPE.windowUpdate);
  assertEquals(window.streamId, 0);
  assertEquals(window.payload, uint32(16 * 1024 * 1024 - 65_535));
  const headers = await server.next(TYPE.headers);
  assertEquals(headers.streamId, 1);
  const limits = { tableBytesMax: 4_096, listBytesMax: 4_096 };
  const { fields } = new HpackDecoder(limits).decode(headers.payload);
  assertEquals(fields.slice(0, 4), [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/gitaly.SSHService/SSHReceivePack"],
    [":authority", "localhost"],
  ]);
  assertEquals(fields.at(-1), ["a", "b"]);
  const data = await server.next(TYPE.data);
  assertEquals(data.flags, END_STREAM);
  assertEquals(data.payload, grpcMessage(bytesOf("request")));
  assertEquals(server.writes.length, 1);
});

Deno.test("our SETTINGS turn push off and grant 8 MiB per stream", async () => {
  using both = connect();
  const { payload } = await both.server.next(TYPE.settings);
  const expected = settings([2, 0], [4, 8 * 1024 * 1024], [6, 1024 * 1024]);
  assertEquals(payload, expected.subarray(9));
});

Deno.test("the preface goes out by itself when no call follows", async () => {
  using both = connect();
  await both.server.next(TYPE.windowUpdate);
  assertEquals(both.connection.sawSettings, false);
  assertEquals(both.connection.isUsable, true);
});

Deno.test("the server's SETTINGS are acknowledged once each", async () => {
  using both = connect();
  const { server, connection } = both;
  server.send(settings([3, 10]), settings());
  await server.next(TYPE.windowUpdate);
  for (let count = 0; count < 2; count++) {
    const answer = await server.next(TYPE.settings);
    assertEquals([answer.flags, answer.payload.length], [ACK, 0]);
  }
  assertEquals(server.frames, []);
  assertEquals(connection.sawSettings, true);
});

Deno.test("a call receives its messages and then its status", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(ok(1, "one", "", "three"));
  assertEquals(await receiveAll(call), ["one", "", "three"]);
  assertEquals(await call.status, {
    code: 0,
    message: "",
    detailsBin: undefined,
    isUnprocessed: false,
    hadResponseHeaders: true,
    retryPushback: undefined,
  });
  assertEquals(await call.receive(), null);
});

Deno.test("a response is understood however it is cut", async () => {
  const bytes = join(
    settings([4, 1_000]),
    responseHeaders(1),
    frame([TYPE.ping, 0], 0, bytesOf("12345678")),
    frame([TYPE.data, PADDED], 1, join(Uint8Array.of(2), bytesOf("\0"))),
  );
  const message = grpcMessage(bytesOf("message"));
  const data = join(
    Uint8Array.of(3),
    message.subarray(0, 8),
    new Uint8Array(3),
  );
  const whole = join(
    bytes.subarray(0, -11),
    frame([TYPE.data, PADDED], 1, data),
    frame([TYPE.data, 0], 1, message.subarray(8)),
    trailers(1),
  );
  for (let at = 0; at <= whole.length; at++) {
    using both = connect();
    const { server, connection } = both;
    const call = connection.startCall(UNARY);
    server.send(whole.subarray(0, at));
    server.send(whole.subarray(at));
    assertEquals(await receiveAll(call), ["message"]);
    assertEquals(await endOf(call), "0 ");
  }
});

Deno.test("a response is understood a byte at a time", async () => {
  using both = connect();
  const { server, connection } = both;
  const call = connection.startCall(UNARY);
  const bytes = join(settings(), ok(1, "message"));
  for (const byte of bytes) server.send(Uint8Array.of(byte));
  assertEquals(await receiveAll(call), ["message"]);
  assertEquals(await endOf(call), "0 ");
});

Deno.test("headers that do not fit one frame are continued", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const value = "x".repeat(40_000);
  connection.startCall({ ...BIDI, metadata: [["a", value]] });
  const headers = await server.next(TYPE.headers);
  assertEquals(headers.payload.length, 16_384);
  assertEquals(headers.flags & END_HEADERS, 0);
  const middle = await server.next(TYPE.continuation);
  const last = await server.next(TYPE.continuation);
  assertEquals([middle.flags, last.flags], [0, END_HEADERS]);
});

Deno.test("the server's CONTINUATION and a table of its own are understood", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const block = headerBlock([[":status", "200"], [
    "content-type",
    "application/grpc",
  ]]);
  server.send(
    frame([TYPE.headers, 0], 1, block.subarray(0, 5)),
    frame([TYPE.continuation, 0], 1, block.subarray(5, 6)),
    frame([TYPE.continuation, END_HEADERS], 1, block.subarray(6)),
    trailers(1, [["grpc-status", "5"], ["grpc-message", "no%20such"]]),
  );
  assertEquals(await endOf(call), "5 no such");
});

Deno.test("a message goes out in frames of the size that the server takes", async () => {
  for (
    const [pairs, sizes] of [
      [[[4, 1 << 20]], [16_384, 16_384, 3_616 + 5]],
      [[[4, 1 << 20], [5, 20_000]], [20_000, 16_384 + 5]],
    ] as const
  ) {
    using both = await connectReady(...pairs);
    const { server, connection } = both;
    server.send(frame([TYPE.windowUpdate, 0], 0, uint32(1 << 20)));
    const call = connection.startCall(BIDI);
    await call.send(new Uint8Array(36_384));
    for (const size of sizes) {
      assertEquals((await server.next(TYPE.data)).payload.length, size);
    }
  }
});

Deno.test("sending stops at the stream's window and goes on with WINDOW_UPDATE", async () => {
  using both = await connectReady([4, 10]);
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  let isSent = false;
  const sending = call.send(bytesOf("0123456789")).then(() => isSent = true);
  const first = await server.next(TYPE.data);
  assertEquals(textOf(first.payload.subarray(5)), "01234");
  assertEquals(isSent, false);
  server.send(frame([TYPE.windowUpdate, 0], 1, uint32(2)));
  assertEquals(textOf((await server.next(TYPE.data)).payload), "56");
  server.send(frame([TYPE.windowUpdate, 0], 1, uint32(100)));
  assertEquals(textOf((await server.next(TYPE.data)).payload), "789");
  await sending;
});

Deno.test("sending stops at the connection's window, for all calls together", async () => {
  using both = await connectReady([4, 1 << 20]);
  const { server, connection } = both;
  const one = connection.startCall(BIDI);
  const sendingOne = one.send(new Uint8Array(65_525));
  let left = 65_530;
  while (left > 0) left -= (await server.next(TYPE.data)).payload.length;
  const two = connection.startCall(BIDI);
  const sendingTwo = two.send(bytesOf("abcdef"));
  await sendingOne;
  const first = await server.next(TYPE.data);
  assertEquals([first.streamId, first.payload.length], [3, 5]);
  server.send(frame([TYPE.windowUpdate, 0], 0, uint32(6)));
  const rest = await server.next(TYPE.data);
  assertEquals(textOf(rest.payload), "abcdef");
  await sendingTwo;
});

Deno.test("a change of the initial window reaches open calls, below zero too", async () => {
  using both = await connectReady([4, 10]);
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const sending = call.send(bytesOf("0123456789"));
  assertEquals((await server.next(TYPE.data)).payload.length, 10);
  // From 10 to 4: the window is now at -6.
  server.send(settings([4, 4]));
  await server.next(TYPE.settings);
  server.send(frame([TYPE.windowUpdate, 0], 1, uint32(6)));
  server.send(frame([TYPE.ping, 0], 0, bytesOf("12345678")));
  await server.next(TYPE.ping);
  assertEquals(server.frames, []);
  server.send(settings([4, 7]));
  assertEquals((await server.next(TYPE.data)).payload.length, 3);
  server.send(settings([4, 100]));
  await server.next(TYPE.data);
  await sending;
});

Deno.test("two large messages take turns", async () => {
  using both = await connectReady([4, 1 << 24]);
  const { server, connection } = both;
  server.send(frame([TYPE.windowUpdate, 0], 0, uint32(1 << 24)));
  const release = server.holdWrites();
  const calls = [connection.startCall(BIDI), connection.startCall(BIDI)];
  const sending = calls.map((call) => call.send(new Uint8Array(300_000)));
  release();
  const order: number[] = [];
  for (let left = 600_010; left > 0;) {
    const { streamId, payload } = await server.next(TYPE.data);
    left -= payload.length;
    if (order.at(-1) !== streamId) order.push(streamId);
  }
  await Promise.all(sending);
  assertEquals(order.length >= 6, true);
});

Deno.test("a send returns when its bytes may be used again", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const bytes = bytesOf("first");
  await call.send(bytes);
  bytes.fill(0x78);
  const { payload } = await server.next(TYPE.data);
  assertEquals(textOf(payload.subarray(5)), "first");
});

Deno.test("sends wait while the connection takes nothing", async () => {
  using both = await connectReady([4, 1 << 30]);
  const { server, connection } = both;
  server.send(frame([TYPE.windowUpdate, 0], 0, uint32(1 << 30)));
  server.send(frame([TYPE.ping, 0], 0, bytesOf("12345678")));
  await server.next(TYPE.ping);
  const release = server.holdWrites();
  const call = connection.startCall(BIDI);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 40; sent++) await call.send(new Uint8Array(131_072));
  })();
  for (let turn = 0; turn < 1_000; turn++) await undefined;
  // One message on its way, at most two that wait.
  assertEquals(sent <= 3, true);
  release();
  await sending;
});

Deno.test("closeSend() ends our direction once", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  await call.send(bytesOf("x"));
  await call.closeSend();
  await call.closeSend();
  assertEquals((await server.next(TYPE.data)).flags, 0);
  const end = await server.next(TYPE.data);
  assertEquals([end.flags, end.payload.length], [END_STREAM, 0]);
  assertEquals(server.frames, []);
  server.send(ok(1));
  assertEquals(await endOf(call), "0 ");
});

Deno.test("closeSend() comes with the last bytes of a message that waits", async () => {
  using both = await connectReady([4, 5]);
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const sending = call.send(bytesOf("x"));
  await call.closeSend();
  assertEquals((await server.next(TYPE.data)).flags, 0);
  server.send(frame([TYPE.windowUpdate, 0], 1, uint32(9)));
  assertEquals((await server.next(TYPE.data)).flags, END_STREAM);
  await sending;
});

Deno.test("a send that is not allowed is refused", async () => {
  using both = await connectReady();
  const { connection } = both;
  const call = connection.startCall(BIDI);
  await call.closeSend();
  await assertRejects(() => call.send(bytesOf("x")), TypeError);
  const unary = connection.startCall(UNARY);
  await unary.send(bytesOf("x"));
  await assertRejects(() => unary.send(bytesOf("y")), TypeError);
});

Deno.test("a second receive while one waits is refused", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const first = call.receive();
  await assertRejects(() => call.receive(), TypeError);
  server.send(responseHeaders(1), dataFrame(1, bytesOf("x")));
  assertEquals(textOf(await first), "x");
});

Deno.test("a smaller header table of the server is confirmed in the next block", async () => {
  using both = await connectReady([1, 100]);
  const { server, connection } = both;
  connection.startCall(BIDI);
  connection.startCall(BIDI);
  // RFC 7541, section 6.3: a change to zero bytes.
  assertEquals((await server.next(TYPE.headers)).payload[0], 0x20);
  assertEquals((await server.next(TYPE.headers)).payload[0], 0x83);
});

Deno.test("a server that ends the call first is told that we stop", async () => {
  using both = await connectReady([4, 5]);
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const sending = call.send(bytesOf("much more than fits"));
  await server.next(TYPE.data);
  server.send(responseHeaders(1), trailers(1, [["grpc-status", "7"]]));
  await sending;
  await call.send(bytesOf("nobody reads it"));
  assertEquals(await endOf(call), "7 ");
  const reset = await server.next(TYPE.rstStream);
  assertEquals([reset.streamId, reset.payload], [1, uint32(0)]);
});

Deno.test("messages are handed out before the status that came with them", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  let status = "";
  call.status.then(({ code }) => status = String(code));
  server.send(
    responseHeaders(1),
    dataFrame(1, bytesOf("a")),
    dataFrame(1, bytesOf("b")),
    trailers(1, [["grpc-status", "9"]]),
  );
  assertEquals(textOf(await call.receive()), "a");
  assertEquals(status, "");
  assertEquals(textOf(await call.receive()), "b");
  assertEquals(await endOf(call), "9 ");
});

const ENDS = [
  [
    "trailers alone",
    trailers(1, [
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-status", "16"],
      ["grpc-message", "authentication%20required"],
    ]),
    "16 authentication required",
  ],
  ["no trailers", [
    responseHeaders(1),
    frame([TYPE.data, END_STREAM], 1),
  ], "13 server closed the stream without sending trailers"],
  [
    "data before headers",
    dataFrame(1, bytesOf("x")),
    "13 received invalid frame",
  ],
  ["half a message", [
    responseHeaders(1),
    frame([TYPE.data, 0], 1, grpcMessage(bytesOf("x")).subarray(0, 3)),
    trailers(1),
  ], "13 unexpected EOF"],
  ["half a message and an error", [
    responseHeaders(1),
    frame([TYPE.data, 0], 1, grpcMessage(bytesOf("x")).subarray(0, 3)),
    trailers(1, [["grpc-status", "8"]]),
  ], "8 "],
  ["a compressed message", [
    responseHeaders(1),
    frame([TYPE.data, 0], 1, grpcMessage(bytesOf("x"), 1)),
  ], "13 grpc: compressed flag set with identity or empty encoding"],
  ["a message that is too large", [
    responseHeaders(1),
    frame([TYPE.data, 0], 1, Uint8Array.of(0, 0, 0x40, 0, 1)),
  ], "8 grpc: received message larger than max (4194305 vs. 4194304)"],
  ["headers twice", [
    responseHeaders(1),
    responseHeaders(1),
  ], "13 a HEADERS frame cannot appear in the middle of a stream"],
  [
    "a page of HTML",
    [
      frame(
        [TYPE.headers, END_HEADERS],
        1,
        headerBlock([
          [":status", "502"],
          ["content-type", "text/html"],
        ]),
      ),
    ],
    '14 unexpected HTTP status code received from server: 502 (Bad Gateway); transport: received unexpected content-type "text/html"',
  ],
  ["RST_STREAM", [
    responseHeaders(1),
    frame([TYPE.rstStream, 0], 1, uint32(2)),
  ], "13 stream terminated by RST_STREAM with error code: INTERNAL_ERROR"],
  ["a window update of nothing", [
    responseHeaders(1),
    frame([TYPE.windowUpdate, 0], 1, uint32(0)),
  ], "13 received invalid frame"],
  ["a window beyond 2^31-1", [
    responseHeaders(1),
    frame([TYPE.windowUpdate, 0], 1, uint32(2 ** 31 - 1)),
  ], "13 received invalid frame"],
  ["informational headers first", [
    frame([TYPE.headers, END_HEADERS], 1, headerBlock([[":status", "103"]])),
    ok(1, "x"),
  ], "0 "],
] as const;
for (const [what, bytes, expected] of ENDS) {
  Deno.test(`a stream with ${what} ends its call alone: ${expected}`, async () => {
    using both = await connectReady();
    const { server, connection } = both;
    const call = connection.startCall(BIDI);
    const other = connection.startCall(BIDI);
    server.send(bytes instanceof Uint8Array ? bytes : join(...bytes));
    await receiveAll(call);
    assertEquals(await endOf(call), expected);
    server.send(ok(3, "well"));
    assertEquals(await receiveAll(other), ["well"]);
    assertEquals(await endOf(other), "0 ");
  });
}

Deno.test("a unary call wants one message, no fewer and no more", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const none = connection.startCall(UNARY);
  server.send(ok(1));
  assertMatch(await endOf(none), /^13 cardinality violation: received no/);
  const two = connection.startCall(UNARY);
  server.send(ok(3, "a", "b"));
  await receiveAll(two);
  assertMatch(await endOf(two), /^13 cardinality violation: expected <EOF>/);
  const failed = connection.startCall(UNARY);
  server.send(trailers(5, [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", "5"],
  ]));
  assertEquals(await endOf(failed), "5 ");
});

Deno.test("cancel() resets the stream and throws away what came", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(responseHeaders(1), dataFrame(1, bytesOf("a")));
  server.send(frame([TYPE.ping, 0], 0, bytesOf("12345678")));
  await server.next(TYPE.ping);
  call.cancel();
  call.cancel();
  assertEquals(await call.receive(), null);
  assertEquals(await endOf(call), "1 context canceled");
  const reset = await server.next(TYPE.rstStream);
  assertEquals([reset.streamId, reset.payload], [1, uint32(8)]);
  // What was on its way is ignored, and the connection goes on.
  server.send(ok(1, "late"));
  const next = connection.startCall(UNARY);
  server.send(ok(3, "x"));
  assertEquals(await receiveAll(next), ["x"]);
  assertEquals(server.frames.filter(({ streamId }) => streamId === 1), []);
});

Deno.test("cancel() wakes who waits", async () => {
  using both = await connectReady([4, 0]);
  const { connection } = both;
  const call = connection.startCall(BIDI);
  const sending = call.send(bytesOf("x"));
  const receiving = call.receive();
  call.cancel();
  await sending;
  assertEquals(await receiving, null);
});

Deno.test("cancel() after the server's status leaves the status", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(ok(1, "a", "b"));
  await call.receive();
  call.cancel();
  assertEquals(await call.receive(), null);
  assertEquals(await endOf(call), "0 ");
});

Deno.test("a signal cancels its call, before it begins too", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const control = new AbortController();
  const { signal } = control;
  const call = connection.startCall({ ...BIDI, signal });
  await server.next(TYPE.headers);
  control.abort();
  assertEquals(await endOf(call), "1 context canceled");
  await server.next(TYPE.rstStream);
  const late = connection.startCall({ ...BIDI, signal });
  assertEquals(await endOf(late), "1 context canceled");
  assertEquals(await late.receive(), null);
  assertEquals(server.frames, []);
});

Deno.test("metadata that must not be sent fails the call here", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const metadata = [["username", "José"]] as const;
  const call = connection.startCall({ ...BIDI, metadata });
  assertEquals(
    await endOf(call),
    '13 header key "username" contains value with non-printable ASCII characters',
  );
  assertEquals(server.frames, []);
});

Deno.test("headers beyond the server's limit fail the call here", async () => {
  using both = await connectReady([6, 1_000]);
  const { connection } = both;
  const metadata = [["a", "x".repeat(1_000)]] as const;
  const call = connection.startCall({ ...BIDI, metadata });
  assertEquals(
    await endOf(call),
    "13 header list size to send violates the maximum size (1000 bytes) set by server",
  );
});

Deno.test("calls beyond the server's limit wait for a place", async () => {
  using both = await connectReady([3, 1]);
  const { server, connection } = both;
  const first = connection.startCall(BIDI);
  const second = connection.startCall(UNARY);
  const third = connection.startCall(UNARY);
  const sending = second.send(bytesOf("second"));
  assertEquals((await server.next(TYPE.headers)).streamId, 1);
  assertEquals(server.frames, []);
  third.cancel();
  assertEquals(await endOf(third), "1 context canceled");
  server.send(ok(1));
  assertEquals(await endOf(first), "0 ");
  assertEquals((await server.next(TYPE.headers)).streamId, 3);
  await sending;
  assertEquals((await server.next(TYPE.data)).streamId, 3);
});

Deno.test("a limit that is raised lets waiting calls go", async () => {
  using both = await connectReady([3, 0]);
  const { server, connection } = both;
  connection.startCall(BIDI);
  connection.startCall(BIDI);
  server.send(settings([3, 2]));
  assertEquals((await server.next(TYPE.headers)).streamId, 1);
  assertEquals((await server.next(TYPE.headers)).streamId, 3);
});

Deno.test("gitaly.md 9.2: GOAWAY lets calls up to its stream finish and refuses the rest", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const old = connection.startCall(BIDI);
  const young = connection.startCall(BIDI);
  server.send(
    frame([TYPE.goaway, 0], 0, join(uint32(1), uint32(0), bytesOf("stop"))),
  );
  const status = await young.status;
  assertEquals(status.code, 14);
  assertEquals(status.isUnprocessed, true);
  assertEquals(
    status.message,
    "the stream is rejected because server is draining the connection",
  );
  assertEquals(connection.isUsable, false);
  const late = await connection.startCall(BIDI).status;
  assertEquals([late.code, late.isUnprocessed], [14, true]);
  await old.send(bytesOf("still works"));
  server.send(ok(1, "done"));
  assertEquals(await receiveAll(old), ["done"]);
  assertEquals(await endOf(old), "0 ");
  await connection.closed;
  assertEquals(server.isClosed, true);
});

Deno.test("GOAWAY in two steps ends calls by the second", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const goaway = (id: number) =>
    frame([TYPE.goaway, 0], 0, join(uint32(id), uint32(0)));
  server.send(goaway(2 ** 31 - 1));
  server.send(frame([TYPE.ping, 0], 0, bytesOf("12345678")));
  await server.next(TYPE.ping);
  assertEquals(connection.isUsable, false);
  server.send(goaway(0));
  assertEquals((await call.status).isUnprocessed, true);
  await connection.closed;
});

Deno.test("a connection lost after GOAWAY says why it was given up", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const text = bytesOf('max "age"');
  server.send(frame([TYPE.goaway, 0], 0, join(uint32(1), uint32(0), text)));
  server.end();
  const { code, message, isUnprocessed } = await call.status;
  assertEquals([code, isUnprocessed], [14, false]);
  assertEquals(
    message,
    'closing transport due to: connection error: desc = "error reading from server: EOF", received prior goaway: code: NO_ERROR, debug data: "max \\"age\\""',
  );
});

Deno.test("gitaly.md case 75: a connection that is cut ends its calls as unavailable", async () => {
  for (
    const [cut, reason] of [
      [(server: FakeHttp2Server) => server.end(), "EOF"],
      [
        (server: FakeHttp2Server) => server.fail("reset by peer"),
        "reset by peer",
      ],
    ] as const
  ) {
    using both = await connectReady();
    const { server, connection } = both;
    const call = connection.startCall(BIDI);
    server.send(responseHeaders(1), dataFrame(1, bytesOf("so far")));
    cut(server);
    assertEquals(await receiveAll(call), ["so far"]);
    assertEquals(await endOf(call), `14 error reading from server: ${reason}`);
    assertEquals((await call.status).isUnprocessed, false);
    await connection.closed;
    assertEquals(server.isClosed, true);
    assertEquals(connection.isUsable, false);
  }
});

Deno.test("gitaly.md 10: a connection cut before SETTINGS never stood", async () => {
  using both = connect();
  const { server, connection } = both;
  const call = connection.startCall(UNARY);
  await call.send(bytesOf("x"));
  server.end();
  const { message, isUnprocessed } = await call.status;
  assertEquals(
    message,
    'connection error: desc = "error reading server preface: EOF"',
  );
  assertEquals(isUnprocessed, true);
  assertEquals(connection.sawSettings, false);
  const late = await connection.startCall(UNARY).status;
  assertEquals(late.isUnprocessed, true);
});

Deno.test("what the server has said before it closed is read although writing fails", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.failWrites("broken pipe");
  await call.send(bytesOf("x"));
  server.send(responseHeaders(1), trailers(1, [["grpc-status", "7"]]));
  assertEquals(await endOf(call), "7 ");
  server.end();
  await connection.closed;
});

Deno.test("a connection that cannot be written ends after a while", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  server.failWrites("broken pipe");
  const call = connection.startCall(BIDI);
  assertEquals(await endOf(call), "14 error writing to server: broken pipe");
});

Deno.test("close() ends calls and connection", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  connection.close();
  connection.close();
  assertEquals(await endOf(call), "1 grpc: the client connection is closing");
  await connection.closed;
  assertEquals(server.isClosed, true);
});

Deno.test("PING is answered with its own bytes, an answer to none is not", async () => {
  using both = await connectReady();
  const { server } = both;
  server.send(
    frame([TYPE.ping, ACK], 0, bytesOf("unasked!")),
    frame([TYPE.ping, 0], 0, bytesOf("abcdefgh")),
  );
  const answer = await server.next(TYPE.ping);
  assertEquals([answer.flags, textOf(answer.payload)], [ACK, "abcdefgh"]);
  assertEquals(server.frames, []);
});

Deno.test("a silent server is pinged, and any bytes of it will do", async () => {
  using both = connect({ keepaliveTimeMs: 10, keepaliveTimeoutMs: 5_000 });
  const { server, connection } = both;
  server.send(settings());
  for (let count = 0; count < 3; count++) {
    const ping = await server.next(TYPE.ping);
    assertEquals([ping.flags, ping.streamId], [0, 0]);
    server.send(count ? frame([TYPE.ping, ACK], 0, ping.payload) : settings());
  }
  assertEquals(connection.isUsable, true);
});

Deno.test("a server that leaves a ping unanswered is given up", async () => {
  using both = connect({ keepaliveTimeMs: 10, keepaliveTimeoutMs: 20 });
  const { server, connection } = both;
  server.send(settings());
  const call = connection.startCall(BIDI);
  await server.next(TYPE.ping);
  assertEquals(
    await endOf(call),
    "14 keepalive ping failed to receive ACK within timeout",
  );
  await connection.closed;
});

Deno.test("a consumer that does not receive withholds its stream's window alone", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const slow = connection.startCall(BIDI);
  const piece = frame([TYPE.data, 0], 1, new Uint8Array(16_384));
  // Messages of 16,379 bytes: each fills a frame.
  piece.set(uint32(16_379), 10);
  server.send(responseHeaders(1));
  for (let sent = 0; sent < 6 * 1024 * 1024; sent += 16_384) server.send(piece);
  // The connection's window is granted as data arrives.
  const grant = await server.next(TYPE.windowUpdate);
  assertEquals([grant.streamId, grant.payload], [0, uint32(4 * 1024 * 1024)]);
  assertEquals(server.frames, []);
  let received = 0;
  let granted: Uint8Array | undefined;
  while (granted === undefined) {
    received += (await slow.receive() ?? []).length + 5;
    granted = server.frames.shift()?.payload;
  }
  assertEquals(granted, uint32(2 * 1024 * 1024));
  // The frame leaves one turn after the message that made it due.
  assertEquals(received, 2 * 1024 * 1024 + 16_384);
});

Deno.test("padding is granted back at once", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(responseHeaders(1));
  // Nothing but padding: the consumer has nothing to receive.
  const padding = frame(
    [TYPE.data, PADDED],
    1,
    new Uint8Array(256).fill(255, 0, 1),
  );
  for (let sent = 0; sent < 2 * 1024 * 1024; sent += 256) server.send(padding);
  const grant = await server.next(TYPE.windowUpdate);
  assertEquals([grant.streamId, grant.payload], [1, uint32(2 * 1024 * 1024)]);
  call.cancel();
});

Deno.test("data for a call that is over is granted back to the connection", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  await server.next(TYPE.headers);
  call.cancel();
  server.send(responseHeaders(1));
  const piece = frame([TYPE.data, 0], 1, new Uint8Array(16_384));
  for (let sent = 0; sent < 4 * 1024 * 1024; sent += 16_384) server.send(piece);
  const grant = await server.next(TYPE.windowUpdate);
  assertEquals([grant.streamId, grant.payload], [0, uint32(4 * 1024 * 1024)]);
});

Deno.test("many calls share one connection", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const calls = Array.from({ length: 100 }, () => connection.startCall(UNARY));
  calls.forEach((_, index) => server.send(ok(index * 2 + 1, String(index))));
  const answers = await Promise.all(calls.map(receiveAll));
  assertEquals(answers, calls.map((_, index) => [String(index)]));
});

Deno.test("unknown frames and PRIORITY are ignored", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(UNARY);
  server.send(
    frame([0xee, 0xff], 99, bytesOf("?")),
    frame([TYPE.priority, 0], 7, new Uint8Array(5)),
    ok(1, "x"),
  );
  assertEquals(await receiveAll(call), ["x"]);
});
