import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  encodeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_TYPE,
} from "../../../src/gitaly/yamux_frame.ts";
import {
  type YamuxOptions,
  YamuxSession,
} from "../../../src/gitaly/yamux_session.ts";
import type { YamuxStream } from "../../../src/gitaly/yamux_stream.ts";
import {
  makeSocketPair,
  type MemorySocket,
} from "../../support/gitaly_socket_pair.ts";
import {
  type PeerOptions,
  YamuxPeer,
} from "../../support/gitaly_yamux_peer.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const WINDOW = 262_144;
const MAGIC_BYTES = 11;
const text = (bytes: Uint8Array | null) =>
  new TextDecoder().decode(bytes ?? undefined);
const bytes = (text: string) => new TextEncoder().encode(text);

interface Bench extends AsyncDisposable {
  readonly session: YamuxSession;
  readonly peer: YamuxPeer;
  /** Client's and server's ends. */
  readonly sockets: readonly [MemorySocket, MemorySocket];
  /** Streams that the server opened, as the client got them. */
  readonly arrived: YamuxStream[];
  /** Waits until the client has handled everything that was sent so far. */
  settle(): Promise<void>;
}

/** A client's session and a peer behind it; the preamble is empty. */
function openBench(
  options: Partial<YamuxOptions> = {},
  peerOptions: PeerOptions = {},
): Bench {
  const sockets = makeSocketPair();
  const arrived: YamuxStream[] = [];
  const session = new YamuxSession(sockets[0], {
    preamble: new Uint8Array(0),
    onStream: (stream) => arrived.push(stream),
    ...options,
  });
  const peer = new YamuxPeer(sockets[1], peerOptions);
  let pings = 1000;
  return {
    session,
    peer,
    sockets,
    arrived,
    async settle() {
      const length = pings++;
      const { ping: type } = YAMUX_TYPE;
      await peer.send({ type, flags: YAMUX_FLAG.syn, streamId: 0, length });
      await peer.waitFor((frame) =>
        frame.type === type && frame.length === length
      );
    },
    async [Symbol.asyncDispose]() {
      session.close();
      peer.close();
      await peer.ended;
    },
  };
}

const isFin = (id: number) => (frame: { streamId: number; flags: number }) =>
  frame.streamId === id && (frame.flags & YAMUX_FLAG.fin) !== 0;

Deno.test("gitaly.md case 21: the first bytes are the preamble and the SYN of stream 1", async () => {
  const preamble = bytes("backchannel");
  const [client, server] = makeSocketPair();
  const session = new YamuxSession(client, { preamble, onStream: () => {} });
  const stream = session.openStream();
  await stream.write(bytes("hi"));
  const expected = Uint8Array.of(
    ...preamble,
    ...[0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2],
    ...bytes("hi"),
  );
  const buffer = new Uint8Array(64);
  let size = 0;
  while (size < expected.length) {
    size += await server.read(buffer.subarray(size)) ?? buffer.length;
  }
  assertEquals(buffer.subarray(0, size), expected);
  assertStrictEquals(client.writes.length, 2, "the preamble, and the rest");
  assertStrictEquals(preamble.length, MAGIC_BYTES);
  session.close();
});

Deno.test("gitaly.md case 22: a ping is answered, whatever its value", async () => {
  await using bench = openBench();
  const { ping: type } = YAMUX_TYPE;
  for (const length of [0, 7, 0xffff_ffff]) {
    await bench.peer.send({ type, flags: YAMUX_FLAG.syn, streamId: 0, length });
  }
  await bench.peer.waitFor((frame) => frame.length === 0xffff_ffff);
  assertEquals(
    bench.peer.frames.map((frame) => [...encodeYamuxHeader(frame)]),
    [0, 7, 0xffff_ffff].map((length) => [
      ...encodeYamuxHeader({
        type,
        flags: YAMUX_FLAG.ack,
        streamId: 0,
        length,
      }),
    ]),
  );
});

Deno.test("an answer to a ping that was never sent is ignored", async () => {
  await using bench = openBench();
  const { ping: type } = YAMUX_TYPE;
  await bench.peer.send({
    type,
    flags: YAMUX_FLAG.ack,
    streamId: 0,
    length: 1,
  });
  await bench.settle();
  assertStrictEquals(bench.peer.frames.length, 1);
});

Deno.test("gitaly.md case 23: the window of ACK and updates lets the client send 16 MiB", async () => {
  await using bench = openBench();
  const stream = bench.session.openStream();
  await bench.peer.waitFor((frame) => frame.streamId === 1);
  const total = 16 * 1024 * 1024;
  const sent = stream.write(new Uint8Array(total));
  await sent;
  await bench.settle();
  const received = sumPayload(bench.peer, 1);
  assertStrictEquals(received, total);
  // Not a byte more until credit is given.
  let isDone = false;
  const more = stream.write(bytes("x")).then(() => isDone = true);
  await bench.settle();
  assertStrictEquals(isDone, false);
  const server = bench.peer.streams.get(1);
  await server?.read();
  await more;
});

Deno.test("gitaly.md case 23: with a server that adds nothing 262144 bytes are the limit", async () => {
  await using bench = openBench({}, { windowAdded: 0 });
  const stream = bench.session.openStream();
  const payload = new SeededRandom(3).bytes(3 * WINDOW);
  const written = stream.write(payload);
  await bench.peer.waitFor((frame) => frame.streamId === 1);
  await waitUntil(bench, () => sumPayload(bench.peer, 1) === WINDOW);
  await bench.settle();
  assertStrictEquals(sumPayload(bench.peer, 1), WINDOW);
  // The reader of the peer gives back what it takes.
  const server = bench.peer.streams.get(1);
  const received = await server?.readExactly(payload.length);
  await written;
  assertEquals(received, payload);
});

Deno.test("gitaly.md case 24: a consumer of 10 MiB keeps a sender of 262144 going", async () => {
  await using bench = openBench(
    { windowBytes: { initial: WINDOW, max: WINDOW } },
  );
  const server = await bench.peer.open();
  const [stream] = bench.arrived;
  const total = 10 * 1024 * 1024;
  const written = server.write(new Uint8Array(total));
  let received = 0;
  while (received < total) {
    received += (await stream?.read())?.length ?? total;
    // Credit given so far and window left never exceed what was there first.
    assert(server.sendWindow <= WINDOW);
    assert(server.sentBytes - received <= WINDOW);
  }
  await written;
  assertStrictEquals(received, total);
});

Deno.test("gitaly.md 5.12: the first window update follows the third packet of 65520", async () => {
  await using bench = openBench();
  const server = await bench.peer.open();
  const [stream] = bench.arrived;
  const updates = () =>
    bench.peer.frames.filter(({ type, flags, streamId }) =>
      type === YAMUX_TYPE.windowUpdate && flags === 0 && streamId === 2
    );
  for (const expected of [0, 0, 1]) {
    await server.write(new Uint8Array(65_520));
    await stream?.read();
    await bench.settle();
    assertStrictEquals(updates().length, expected);
  }
  assertStrictEquals(updates()[0]?.length, 3 * 65_520);
});

/** A clock that moves by `stepMs` whenever it is looked at. */
function steppingClock(stepMs: number): () => number {
  let nowMs = 0;
  return () => nowMs += stepMs;
}

/**
 * A sender uses up its window while the consumer waits for it.
 * @returns The windows seen.
 */
async function feedWaiting(bench: Bench, rounds: number): Promise<Set<number>> {
  const server = await bench.peer.open();
  const stream = bench.arrived.at(-1);
  const windows = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    const sizeBytes = server.sendWindow;
    let reading = stream?.read();
    await server.write(new Uint8Array(sizeBytes));
    for (let read = 0; read < sizeBytes; reading = stream?.read()) {
      read += (await reading)?.length ?? sizeBytes;
      if (read >= sizeBytes) break;
    }
    await bench.settle();
    windows.add(server.sendWindow);
  }
  return windows;
}

Deno.test("the window grows while it stops the sender, up to its limit", async () => {
  const max = 4 * WINDOW;
  const windowBytes = { initial: WINDOW, max };
  await using bench = openBench({ windowBytes, nowMs: steppingClock(10) });
  const windows = await feedWaiting(bench, 12);
  assertStrictEquals(Math.max(...windows), max);
  // By steps: no more at once than twice of what it was.
  const sizes = [...windows];
  assert(sizes.every((size, at) => size <= 2 * (sizes[at - 1] ?? WINDOW)));
});

Deno.test("the window does not grow for a sender whom it stops for a moment", async () => {
  await using bench = openBench({ nowMs: steppingClock(0.1) });
  const windows = await feedWaiting(bench, 12);
  assertStrictEquals(Math.max(...windows), WINDOW);
});

Deno.test("the window does not grow for a consumer that never waits", async () => {
  await using bench = openBench({ nowMs: steppingClock(10) });
  const server = await bench.peer.open();
  const [stream] = bench.arrived;
  for (let round = 0; round < 200; round++) {
    await server.write(new Uint8Array(65_536));
    await bench.settle();
    await stream?.read();
    await bench.settle();
    assert(server.sendWindow <= WINDOW);
  }
});

Deno.test("the window shrinks to the first one for a consumer that falls behind", async () => {
  const max = 8 * WINDOW;
  const windowBytes = { initial: WINDOW, max };
  await using bench = openBench({ windowBytes, nowMs: steppingClock(10) });
  await feedWaiting(bench, 12);
  const server = bench.peer.streams.get(2);
  const [stream] = bench.arrived;
  if (!server || !stream) throw new Error("No stream");
  assert(server.sendWindow > 7 * WINDOW);
  // From here on all that may be sent is sent before anything is read.
  let taken = server.sentBytes;
  const peaks: number[] = [];
  for (let round = 0; round < 300; round++) {
    await server.write(new Uint8Array(server.sendWindow));
    peaks.push(server.sentBytes - taken);
    taken += (await stream.read())?.length ?? 0;
    await bench.settle();
  }
  assert(Math.max(...peaks) <= max);
  assert(Math.max(...peaks.slice(-50)) <= WINDOW);
});

Deno.test("a window announced beforehand is announced with ACK and SYN", async () => {
  const initial = 1024 * 1024;
  await using bench = openBench({ windowBytes: { initial, max: initial } });
  bench.session.openStream();
  const server = await bench.peer.open();
  await bench.settle();
  const first = (id: number) =>
    bench.peer.frames.find(({ streamId }) => streamId === id)?.length;
  assertStrictEquals(first(1), initial - WINDOW);
  assertStrictEquals(first(2), initial - WINDOW);
  assertStrictEquals(server.sendWindow, initial);
});

Deno.test("gitaly.md case 26: ten streams are acknowledged at once, nobody reading", async () => {
  await using bench = openBench();
  for (let count = 0; count < 10; count++) {
    const stream = await bench.peer.open();
    void stream.write(new Uint8Array(WINDOW));
  }
  assertEquals(bench.arrived.map(({ id }) => id), [
    2,
    4,
    6,
    8,
    10,
    12,
    14,
    16,
    18,
    20,
  ]);
  await bench.settle();
});

Deno.test("gitaly.md case 27: SYN on a data frame is accepted, cut anywhere", async () => {
  const frame = Uint8Array.of(
    ...encodeYamuxHeader({
      type: YAMUX_TYPE.data,
      flags: YAMUX_FLAG.syn,
      streamId: 2,
      length: 4,
    }),
    ...bytes("data"),
  );
  for (let cut = 0; cut <= frame.length; cut++) {
    await using bench = openBench();
    await bench.peer.sendRaw(frame.subarray(0, cut), frame.subarray(cut));
    await bench.settle();
    const [stream] = bench.arrived;
    let received = "";
    while (received.length < 4) received += text(await stream?.read() ?? null);
    assertStrictEquals(received, "data");
    assertEquals(bench.peer.frames.slice(0, 1).map(({ flags }) => flags), [
      YAMUX_FLAG.ack,
    ]);
  }
});

Deno.test("gitaly.md case 28: FIN is sent once, empty, on a window update", async () => {
  await using bench = openBench();
  const stream = bench.session.openStream();
  await stream.write(bytes("last"));
  await stream.closeWrite();
  await stream.closeWrite();
  stream.close();
  stream.close();
  await bench.settle();
  const ends = bench.peer.frames.filter(isFin(1));
  assertEquals(ends.map(({ type, flags, length }) => [type, flags, length]), [
    [YAMUX_TYPE.windowUpdate, YAMUX_FLAG.fin, 0],
  ]);
  await assertRejects(() => stream.write(bytes("x")), Error, "stream closed");
});

Deno.test("gitaly.md case 29: frames for unknown streams are skipped", async () => {
  await using bench = openBench();
  const server = await bench.peer.open();
  const unknown = { streamId: 4711, flags: 0 };
  await bench.peer.send(
    { ...unknown, type: YAMUX_TYPE.data, length: 300_000 },
    new Uint8Array(300_000),
  );
  await bench.peer.send({
    ...unknown,
    type: YAMUX_TYPE.windowUpdate,
    length: 5,
  });
  await bench.peer.send({
    ...unknown,
    type: YAMUX_TYPE.windowUpdate,
    flags: YAMUX_FLAG.fin | YAMUX_FLAG.rst,
    length: 0,
  });
  await server.write(bytes("still here"));
  assertStrictEquals(
    text(await bench.arrived[0]?.read() ?? null),
    "still here",
  );
});

Deno.test("gitaly.md case 30: RST fails reader and writer, error code or not", async () => {
  for (const errorCode of [0, 42]) {
    await using bench = openBench();
    const server = await bench.peer.open();
    const stream = bench.arrived[0] as YamuxStream;
    const reading = assertRejects(
      () => stream.read(),
      Error,
      "connection reset",
    );
    await server.reset(errorCode);
    await reading;
    await assertRejects(() => stream.read(), Error, "connection reset");
    await assertRejects(
      () => stream.write(bytes("x")),
      Error,
      "connection reset",
    );
    stream.close();
    await bench.settle();
    assertStrictEquals(bench.session.streamCount, 0);
  }
});

Deno.test("gitaly.md case 31: go-away with code 0 leaves streams alone", async () => {
  await using bench = openBench();
  const server = await bench.peer.open();
  await bench.peer.send({
    type: YAMUX_TYPE.goAway,
    flags: 0,
    streamId: 0,
    length: 0,
  });
  await server.write(bytes("goes on"));
  assertStrictEquals(text(await bench.arrived[0]?.read() ?? null), "goes on");
});

for (const code of [1, 2, 99]) {
  Deno.test(`go-away with code ${code} ends the session`, async () => {
    await using bench = openBench();
    await bench.peer.send({
      type: YAMUX_TYPE.goAway,
      flags: 0,
      streamId: 0,
      length: code,
    });
    const { by, error } = await bench.session.ended;
    assertStrictEquals(by, "violation");
    assertStrictEquals(
      error?.message,
      `Peer ended the yamux session with code ${code}`,
    );
  });
}

Deno.test("gitaly.md case 32: pings and other streams go on while a consumer sleeps", async () => {
  await using bench = openBench();
  const slow = await bench.peer.open();
  const stuck = slow.write(new Uint8Array(2 * WINDOW));
  await waitUntil(
    bench,
    () => slow.sendWindow === 0 || slow.sentBytes > WINDOW,
  );
  await bench.settle();
  const other = await bench.peer.open();
  await other.write(bytes("quick"));
  assertStrictEquals(text(await bench.arrived[1]?.read() ?? null), "quick");
  bench.arrived[0]?.reset();
  await assertRejects(() => stuck);
});

Deno.test("gitaly.md case 45: a stream that the server keeps open is reset after the time", async () => {
  await using bench = openBench({ closeTimeoutMs: 20 });
  await bench.peer.open();
  bench.arrived[0]?.close();
  await bench.peer.waitFor(isFin(2));
  await bench.peer.waitFor(({ flags }) => flags === YAMUX_FLAG.rst);
  assertEquals(
    bench.peer.frames.filter(({ streamId }) => streamId === 2).map((
      { flags },
    ) => flags),
    [YAMUX_FLAG.ack, YAMUX_FLAG.fin, YAMUX_FLAG.rst],
  );
  assertStrictEquals(bench.session.streamCount, 0);
});

Deno.test("a stream that the server ends in time is not reset", async () => {
  await using bench = openBench({ closeTimeoutMs: 60_000 });
  const server = await bench.peer.open();
  bench.arrived[0]?.close();
  await bench.peer.waitFor(isFin(2));
  await server.closeWrite();
  await bench.settle();
  assertStrictEquals(bench.session.streamCount, 0);
});

Deno.test("what the server sends after our close is thrown away within its credit", async () => {
  await using bench = openBench({ closeTimeoutMs: 60_000 });
  const server = await bench.peer.open();
  const [stream] = bench.arrived;
  stream?.close();
  await server.write(new Uint8Array(WINDOW));
  await bench.settle();
  assertStrictEquals(await stream?.read(), null);
  assertStrictEquals(
    server.sendWindow,
    0,
    "no credit is given",
  );
});

Deno.test("half-close: the other direction stays open", async () => {
  await using bench = openBench();
  const server = await bench.peer.open();
  const [stream] = bench.arrived;
  await server.write(bytes("last words"));
  await server.closeWrite();
  assertStrictEquals(text(await stream?.read() ?? null), "last words");
  assertStrictEquals(await stream?.read(), null);
  assertStrictEquals(await stream?.read(), null);
  await stream?.write(bytes("answer"));
  assertStrictEquals(text(await server.readExactly(6)), "answer");
  await stream?.closeWrite();
  await bench.settle();
  assertStrictEquals(bench.session.streamCount, 0);
});

Deno.test("FIN on a data frame counts from behind its payload", async () => {
  await using bench = openBench();
  await bench.peer.open();
  await bench.peer.sendRaw(
    encodeYamuxHeader({
      type: YAMUX_TYPE.data,
      flags: YAMUX_FLAG.fin,
      streamId: 2,
      length: 3,
    }),
    bytes("e"),
    bytes("nd"),
  );
  await bench.settle();
  const [stream] = bench.arrived;
  let received = "";
  for (let chunk = await stream?.read(); chunk; chunk = await stream?.read()) {
    received += text(chunk);
  }
  assertStrictEquals(received, "end");
});

const VIOLATIONS = [
  ["a second FIN", [finOf(2), finOf(2)], "second FIN"],
  [
    "a second SYN",
    [{ type: 1, flags: YAMUX_FLAG.syn, streamId: 2, length: 0 }],
    "new yamux stream 2",
  ],
  [
    "a SYN with one of our ids",
    [{ type: 1, flags: YAMUX_FLAG.syn, streamId: 3, length: 0 }],
    "new yamux stream 3",
  ],
  [
    "a SYN with id 0",
    [{ type: 1, flags: YAMUX_FLAG.syn, streamId: 0, length: 0 }],
    "new yamux stream 0",
  ],
  [
    "a byte more than the window",
    [{ type: 0, flags: 0, streamId: 2, length: WINDOW + 1 }],
    "the window is 262144",
  ],
  [
    "an unknown type",
    [{ type: 9, flags: 0, streamId: 0, length: 0 }],
    "type 9",
  ],
] as const;
for (const [what, frames, fault] of VIOLATIONS) {
  Deno.test(`${what} ends the session and every stream`, async () => {
    await using bench = openBench();
    const own = bench.session.openStream();
    await bench.peer.open();
    for (const frame of frames) {
      await bench.peer.sendRaw(encodeYamuxHeader(frame));
    }
    const { by, error } = await bench.session.ended;
    assertStrictEquals(by, "violation");
    assert(error?.message.includes(fault), error?.message);
    assertStrictEquals(await own.read(), null);
    await assertRejects(() => own.write(bytes("x")), Error, "session shutdown");
    assertStrictEquals(bench.sockets[0].isClosed, true);
    assertStrictEquals(bench.session.streamCount, 0);
  });
}

Deno.test("when the socket ends, what was received stays readable", async () => {
  await using bench = openBench();
  const server = await bench.peer.open();
  const [stream] = bench.arrived;
  await server.write(bytes("rest"));
  await bench.settle();
  bench.peer.close();
  assertStrictEquals((await bench.session.ended).by, "peer");
  assertStrictEquals(text(await stream?.read() ?? null), "rest");
  assertStrictEquals(await stream?.read(), null);
});

Deno.test("when the socket fails, the session knows with what", async () => {
  const bench = openBench();
  bench.sockets[1].close(new Deno.errors.ConnectionReset("reset by peer"));
  const { by, error } = await bench.session.ended;
  assertStrictEquals(by, "peer");
  assertStrictEquals(error?.message, "reset by peer");
});

Deno.test("a stream of a session that is over is over too", async () => {
  const bench = openBench();
  bench.session.close();
  bench.session.close();
  assertStrictEquals((await bench.session.ended).by, "us");
  const stream = bench.session.openStream();
  assertStrictEquals(await stream.read(), null);
  await assertRejects(
    () => stream.write(bytes("x")),
    Error,
    "session shutdown",
  );
  await stream.closeWrite();
  stream.close();
  bench.peer.close();
});

Deno.test("a writer that waits for credit is woken by the end of the session", async () => {
  const bench = openBench({}, { windowAdded: 0 });
  const stream = bench.session.openStream();
  const written = assertRejects(
    () => stream.write(new Uint8Array(WINDOW + 1)),
    Error,
    "session shutdown",
  );
  await waitUntil(bench, () => sumPayload(bench.peer, 1) === WINDOW);
  bench.session.close();
  await written;
  bench.peer.close();
});

Deno.test("more than 256 open streams are refused one by one", async () => {
  await using bench = openBench();
  for (let count = 0; count < 256; count++) await bench.peer.open();
  const refused = bench.peer.openWithoutWaiting();
  await bench.peer.waitFor(({ streamId }) => streamId === refused.id);
  assertStrictEquals(refused.wasReset, true);
  // A place that is given up can be taken again.
  await bench.peer.streams.get(2)?.reset();
  await bench.peer.open();
  assertStrictEquals(bench.arrived.length, 257);
});

Deno.test("a peer that floods and does not read is dropped", async () => {
  const bench = openBench();
  const resume = bench.sockets[1].stall();
  const ping = encodeYamuxHeader({
    type: YAMUX_TYPE.ping,
    flags: YAMUX_FLAG.syn,
    streamId: 0,
    length: 1,
  });
  const flood = new Uint8Array(ping.length * 60_000);
  for (let at = 0; at < flood.length; at += ping.length) flood.set(ping, at);
  void bench.peer.sendRaw(flood);
  const { by, error } = await bench.session.ended;
  assertStrictEquals(by, "peer");
  assertStrictEquals(
    error?.message,
    "Cannot queue another frame: the peer does not read",
  );
  resume();
  bench.peer.close();
});

Deno.test("bytes of many streams arrive whole, whatever the pace of their readers", async () => {
  await using bench = openBench();
  const random = new SeededRandom(11);
  const transfers: Promise<void>[] = [];
  for (let count = 0; count < 8; count++) {
    const payload = random.bytes(1 + random.below(700_000));
    const server = await bench.peer.open();
    const stream = bench.arrived[count];
    transfers.push((async () => {
      void server.write(payload).then(() => server.closeWrite());
      const received = new Uint8Array(payload.length);
      let at = 0;
      for (
        let chunk = await stream?.read();
        chunk;
        chunk = await stream?.read()
      ) {
        received.set(chunk, at);
        at += chunk.length;
        // Takes back a part now and then, as the handshake does.
        if (count % 2 === 0 && chunk.length > 3 && at % 5 === 0) {
          stream?.unread(2);
          at -= 2;
        }
        if (count % 3 === 0) await bench.settle();
      }
      assertEquals(received, payload);
    })());
  }
  await Promise.all(transfers);
});

Deno.test("arbitrary frames end the session or not, but never hang it", async () => {
  const random = new SeededRandom(20_260_530);
  for (let round = 0; round < 300; round++) {
    const [client, server] = makeSocketPair();
    const session = new YamuxSession(client, {
      preamble: new Uint8Array(0),
      onStream: (stream) => void drain(stream),
      closeTimeoutMs: 60_000,
    });
    void drain(session.openStream());
    for (let count = random.below(40); count > 0; count--) {
      const frame = {
        type: random.below(20) === 0 ? random.below(256) : random.below(4),
        flags: random.below(16),
        streamId: random.below(8),
        length: random.below(4) === 0 ? 0 : random.below(300_000),
      };
      await server.write(encodeYamuxHeader(frame)).catch(() => {});
      if (frame.type === YAMUX_TYPE.data) {
        await server.write(new Uint8Array(frame.length)).catch(() => {});
      }
    }
    server.close();
    await session.ended;
    assertStrictEquals(session.streamCount, 0);
  }
});

async function drain(stream: YamuxStream): Promise<void> {
  try {
    while (await stream.read() !== null);
  } catch {
    // A reset, which arbitrary frames contain.
  }
}

function finOf(streamId: number) {
  return {
    type: YAMUX_TYPE.windowUpdate,
    flags: YAMUX_FLAG.fin,
    streamId,
    length: 0,
  };
}

function sumPayload(peer: YamuxPeer, id: number): number {
  return peer.frames
    .filter(({ streamId }) => streamId === id)
    .reduce((sum, { payload }) => sum + payload.length, 0);
}

/** Exchanges pings until `isSo`; each is a full turn of both sides. */
async function waitUntil(bench: Bench, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (isSo()) return;
    await bench.settle();
  }
  throw new Error("It never came to that");
}
