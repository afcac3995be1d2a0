/**
 * The attack: a server that sends more than it was allowed to, to fill the
 * memory of a client whose user reads slowly.
 */
import { assertEquals } from "@std/assert";
import {
  dataFrame,
  frame,
  grpcMessage,
  join,
  responseHeaders,
  TYPE,
  uint32,
} from "../support/fake_http2_server.ts";
import { BIDI, connectReady, endOf, receiveAll } from "../support/lean_pair.ts";

const STREAM_WINDOW = 8 * 1024 * 1024;
/** A message that fills a frame of the largest size. */
const FULL_FRAME = dataFrame(1, new Uint8Array(16_384 - 5));

Deno.test("data beyond a stream's window resets the stream", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(responseHeaders(1));
  for (let sent = 0; sent < STREAM_WINDOW; sent += 16_384) {
    server.send(FULL_FRAME);
  }
  server.send(dataFrame(1, new Uint8Array(0)));
  const reset = await server.next(TYPE.rstStream);
  assertEquals([reset.streamId, reset.payload], [1, uint32(3)]);
  const messages = await receiveAll(call);
  assertEquals(messages.length, STREAM_WINDOW / 16_384);
  assertEquals(
    await endOf(call),
    "13 received 5-bytes data exceeding the limit 8388608 bytes",
  );
});

Deno.test("a window that is used up to its last byte is no offence", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(responseHeaders(1));
  for (let sent = 0; sent < STREAM_WINDOW; sent += 16_384) {
    server.send(FULL_FRAME);
  }
  await server.next(TYPE.windowUpdate);
  let received = 0;
  while (received < STREAM_WINDOW / 16_384) {
    if (await call.receive() !== null) received++;
  }
  server.send(FULL_FRAME);
  assertEquals((await call.receive())?.length, 16_379);
});

Deno.test("a window full of empty messages is held in little memory", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const call = connection.startCall(BIDI);
  server.send(responseHeaders(1));
  const empty = grpcMessage(new Uint8Array(0));
  const perFrame = Math.floor(16_384 / empty.length);
  const many = frame(
    [TYPE.data, 0],
    1,
    join(...Array(perFrame).fill(empty)),
  );
  const frames = Math.floor(STREAM_WINDOW / (perFrame * empty.length));
  const before = Deno.memoryUsage();
  for (let sent = 0; sent < frames; sent++) server.send(many);
  await server.next(TYPE.windowUpdate);
  const after = Deno.memoryUsage();
  const grown = after.heapUsed + after.external - before.heapUsed -
    before.external;
  // 1.6 million messages; as objects they would take ten times as much.
  assertEquals(grown < 32 * 1024 * 1024, true, `${grown} bytes`);
  let received = 0;
  while (received < frames * perFrame) {
    assertEquals((await call.receive())?.length, 0);
    received++;
  }
});

Deno.test("a message that is announced and never sent takes its own size at most", async () => {
  using both = await connectReady();
  const { server, connection } = both;
  const calls = Array.from({ length: 20 }, () => connection.startCall(BIDI));
  const before = Deno.memoryUsage().external;
  calls.forEach((_, index) => {
    const streamId = index * 2 + 1;
    const prefix = Uint8Array.of(0, 0, 0x40, 0, 0);
    server.send(
      responseHeaders(streamId),
      frame([TYPE.data, 0], streamId, prefix),
    );
  });
  server.send(frame([TYPE.ping, 0], 0, new Uint8Array(8)));
  await server.next(TYPE.ping);
  const grown = Deno.memoryUsage().external - before;
  assertEquals(grown <= 20 * 4.5 * 1024 * 1024, true, `${grown} bytes`);
  server.end();
  for (const call of calls) {
    assertEquals(await endOf(call), "14 error reading from server: EOF");
  }
});
