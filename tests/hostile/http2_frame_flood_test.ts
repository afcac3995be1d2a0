/**
 * The attack: frames that are cheap to send and carry nothing, without end.
 * They must cost the server its connection, and not us our memory.
 */
import { assertEquals, assertMatch } from "@std/assert";
import {
  ACK,
  bytesOf,
  END_HEADERS,
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
import { BIDI, connectReady, endOf } from "../support/lean_pair.ts";

const REPEATS_PER_CHUNK = 1_000;
const CHUNKS_MAX = 100;

const FLOODS = [
  ["PING", frame([TYPE.ping, 0], 0, bytesOf("12345678"))],
  ["answers to no PING", frame([TYPE.ping, ACK], 0, bytesOf("12345678"))],
  ["SETTINGS", settings()],
  ["answers to no SETTINGS", frame([TYPE.settings, ACK], 0)],
  ["empty DATA", frame([TYPE.data, 0], 1), responseHeaders(1)],
  [
    "DATA of padding",
    frame([TYPE.data, PADDED], 1, Uint8Array.of(0)),
    responseHeaders(1),
  ],
  [
    "informational headers",
    frame([TYPE.headers, END_HEADERS], 1, headerBlock([[":status", "103"]])),
  ],
  [
    "RST_STREAM of a stream that is over",
    frame([TYPE.rstStream, 0], 3, uint32(8)),
  ],
  ["trailers of a stream that is over", trailers(3)],
  ["DATA of a stream that is over", frame([TYPE.data, 0], 3)],
  ["WINDOW_UPDATE", frame([TYPE.windowUpdate, 0], 0, uint32(1))],
  ["PRIORITY", frame([TYPE.priority, 0], 1, new Uint8Array(5))],
  ["GOAWAY", frame([TYPE.goaway, 0], 0, join(uint32(1), uint32(0)))],
  ["frames that nobody knows", frame([0xbb, 0], 0)],
] as const;
for (const [what, bytes, before = new Uint8Array(0)] of FLOODS) {
  Deno.test(`a flood of ${what} ends the connection`, async () => {
    using both = await connectReady();
    const { server, connection } = both;
    const call = connection.startCall(BIDI);
    const over = connection.startCall(BIDI);
    over.cancel();
    server.send(before);
    const chunk = join(...Array(REPEATS_PER_CHUNK).fill(bytes));
    for (let sent = 0; sent < CHUNKS_MAX; sent++) server.send(chunk);
    assertMatch(
      await endOf(call),
      /^14 .*ENHANCE_YOUR_CALM \(too many control frames\)/,
    );
    const goaway = await server.next(TYPE.goaway);
    assertEquals(goaway.payload, join(uint32(0), uint32(11)));
    await connection.closed;
    assertEquals(server.isClosed, true);
  });
}

Deno.test("a header block of endless CONTINUATION ends the connection", async () => {
  for (const payload of [new Uint8Array(0), new Uint8Array(16_384)]) {
    using both = await connectReady();
    const { server, connection } = both;
    const call = connection.startCall(BIDI);
    server.send(frame([TYPE.headers, 0], 1, new Uint8Array(1)));
    const chunk = frame([TYPE.continuation, 0], 1, payload);
    for (let sent = 0; sent < 20_000; sent++) server.send(chunk);
    assertMatch(await endOf(call), /^14 .*ENHANCE_YOUR_CALM/);
    await connection.closed;
  }
});

Deno.test("PINGs whose answers are not read end the connection", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.holdWrites();
  // Paid for by data, so that only what piles up here can end it.
  const data = frame([TYPE.data, 0], 1, new Uint8Array(16_384));
  data.set(uint32(16_379), 10);
  const ping = frame([TYPE.ping, 0], 0, bytesOf("12345678"));
  const chunk = join(...Array(16).fill(ping));
  server.send(responseHeaders(1));
  void (async () => {
    while (await call.receive() !== null);
  })();
  for (let sent = 0; sent < 10_000; sent++) server.send(data, chunk);
  assertMatch(
    await endOf(call),
    /^14 .*ENHANCE_YOUR_CALM \(peer does not read its answers\)/,
  );
});

Deno.test("an honest server may ping with every frame of a long transfer", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  const data = frame([TYPE.data, 0], 1, new Uint8Array(16_384));
  data.set(uint32(16_379), 10);
  const ping = frame([TYPE.ping, 0], 0, bytesOf("12345678"));
  server.send(responseHeaders(1));
  const COUNT = 20_000;
  let received = 0;
  for (let sent = 0; sent < COUNT; sent += 100) {
    for (let index = 0; index < 100; index++) server.send(ping, data);
    for (let index = 0; index < 100; index++) {
      if (await call.receive() !== null) received++;
    }
  }
  assertEquals(received, COUNT);
  server.send(trailers(1));
  assertEquals(await endOf(call), "0 ");
});
