import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FrameWriter } from "../../../src/gitaly/frame_writer.ts";
import { YAMUX_TYPE, YamuxDecoder } from "../../../src/gitaly/yamux_frame.ts";

const PING = { type: YAMUX_TYPE.ping, flags: 1, streamId: 0, length: 1 };

/** A socket whose writes end when they are told to. */
function gatedSocket() {
  const writes: Uint8Array[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  return {
    writes,
    release: () => gates.shift()?.resolve(),
    fail: (error: Error) => gates.shift()?.reject(error),
    async write(bytes: Uint8Array): Promise<number> {
      writes.push(bytes.slice());
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      return bytes.length;
    },
  };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("frames of one turn leave in one write", async () => {
  const socket = gatedSocket();
  const writer = new FrameWriter(socket, () => {});
  writer.writeControl(PING);
  assertStrictEquals(writer.writeData(1, Uint8Array.of(9)), 1);
  await turn();
  assertStrictEquals(socket.writes.length, 1);
  assertStrictEquals(socket.writes[0]?.length, 12 + 13);
  writer.close();
  socket.release();
});

Deno.test("the preamble leaves before there is a frame, and the frames after it", async () => {
  const socket = gatedSocket();
  const writer = new FrameWriter(socket, () => {});
  writer.writePreamble(Uint8Array.of(1, 2, 3));
  assertEquals(socket.writes, [Uint8Array.of(1, 2, 3)]);
  writer.writeControl(PING);
  writer.writeControl(PING);
  await turn();
  assertStrictEquals(socket.writes.length, 1);
  socket.release();
  await turn();
  assertEquals(socket.writes.map(({ length }) => length), [3, 24]);
  writer.close();
});

Deno.test("while the socket is busy frames gather, up to a limit", async () => {
  const socket = gatedSocket();
  const writer = new FrameWriter(socket, () => {});
  writer.writeControl(PING);
  await turn();
  const payload = new Uint8Array(1024 * 1024);
  const taken = writer.writeData(1, payload);
  assert(taken > 260_000 && taken <= 262_144, `${taken}`);
  assertStrictEquals(writer.writeData(1, payload), 0);
  // There is room for what cannot wait.
  writer.writeControl(PING);
  let hasRoom = false;
  const room = writer.room().then(() => hasRoom = true);
  await turn();
  assertStrictEquals(hasRoom, false);
  socket.release();
  await room;
  await turn();
  assertStrictEquals(socket.writes.length, 2);
  writer.close();
  socket.release();
});

Deno.test("payload is cut into frames of at most 65524 bytes", async () => {
  const socket = gatedSocket();
  const writer = new FrameWriter(socket, () => {});
  const payload = Uint8Array.from({ length: 200_000 }, (_, at) => at % 253);
  assertStrictEquals(writer.writeData(7, payload), payload.length);
  await turn();
  const decoder = new YamuxDecoder();
  decoder.feed(socket.writes[0] ?? new Uint8Array(0));
  const lengths: number[] = [];
  const parts: number[] = [];
  for (let at = decoder.next(); at; at = decoder.next()) {
    if (at === "header") lengths.push(decoder.frame.length);
    else for (const byte of decoder.payload) parts.push(byte);
  }
  assertEquals(lengths, [65_524, 65_524, 65_524, 3_428]);
  assertEquals(Uint8Array.from(parts), payload);
  writer.close();
  socket.release();
});

Deno.test("a socket that takes less than it was given is given the rest", async () => {
  const seen: number[] = [];
  const writer = new FrameWriter({
    write(bytes) {
      seen.push(...bytes.subarray(0, 5));
      return Promise.resolve(Math.min(5, bytes.length));
    },
  }, () => {});
  writer.writePreamble(Uint8Array.from({ length: 23 }, (_, at) => at));
  await turn();
  assertEquals(seen, Array.from({ length: 23 }, (_, at) => at));
});

Deno.test("a failing socket is told once, and wakes who waits when closed", async () => {
  const socket = gatedSocket();
  const failures: unknown[] = [];
  const writer = new FrameWriter(socket, (error) => {
    failures.push(error);
    writer.close();
  });
  writer.writeControl(PING);
  await turn();
  const room = writer.room();
  socket.fail(new Error("EPIPE"));
  await room;
  writer.writeControl(PING);
  assertStrictEquals(writer.writeData(1, Uint8Array.of(1)), 0);
  await writer.room();
  assertEquals(failures.map(String), ["Error: EPIPE"]);
});
