import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { GitTransportError } from "../../../src/core/errors.ts";
import type { ByteReader, StandardStreams } from "../../../src/core/io.ts";
import { encodeSideBandPacket } from "../../../src/git/side_band.ts";
import { acceptServerStream } from "../../../src/gitaly/server_stream.ts";
import { runExchange } from "../../../src/gitaly/sidechannel.ts";
import { SidechannelRegistry } from "../../../src/gitaly/sidechannel_registry.ts";
import { YAMUX_FLAG } from "../../../src/gitaly/yamux_frame.ts";
import { YamuxSession } from "../../../src/gitaly/yamux_session.ts";
import type { YamuxStream } from "../../../src/gitaly/yamux_stream.ts";
import { CollectingWriter, readerOf } from "../../support/fake_host.ts";
import { openSidechannel } from "../../support/gitaly_grpc_server.ts";
import { makeSocketPair } from "../../support/gitaly_socket_pair.ts";
import { type PeerStream, YamuxPeer } from "../../support/gitaly_yamux_peer.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));

/** An input that ends when it is told to. */
function pendingReader(): ByteReader & { end: () => void; reads: number } {
  const { promise, resolve } = Promise.withResolvers<null>();
  const reader = {
    reads: 0,
    read() {
      reader.reads++;
      return promise;
    },
    end: () => resolve(null),
  };
  return reader;
}

interface Bench extends AsyncDisposable {
  readonly session: YamuxSession;
  readonly registry: SidechannelRegistry;
  readonly peer: YamuxPeer;
  readonly stdout: CollectingWriter;
  readonly stderr: CollectingWriter;
  /** Registers a call and runs its exchange when the sidechannel comes. */
  expect(io?: Partial<StandardStreams>): { id: bigint; done: Promise<void> };
}

function openBench({ closeTimeoutMs = 1_000, timeoutMs = 5_000 } = {}): Bench {
  const [client, server] = makeSocketPair();
  const registry = new SidechannelRegistry();
  const connection = {};
  const session = new YamuxSession(client, {
    preamble: new Uint8Array(0),
    closeTimeoutMs,
    onStream: (stream) =>
      void acceptServerStream(stream, { registry, connection, timeoutMs }),
  });
  const peer = new YamuxPeer(server);
  const stdout = new CollectingWriter();
  const stderr = new CollectingWriter();
  return {
    session,
    registry,
    peer,
    stdout,
    stderr,
    expect(io = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      promise.catch(() => {});
      const streams = { stdin: readerOf(), stdout, stderr, ...io };
      const seat = registry.register();
      seat.expect(connection, (stream: YamuxStream) => {
        runExchange(stream, streams).then(resolve, reject);
      });
      return { id: BigInt(seat.id), done: promise };
    },
    async [Symbol.asyncDispose]() {
      session.close();
      peer.close();
      await peer.ended;
    },
  };
}

/** Frames of a client, until its flush. */
async function readInput(stream: PeerStream): Promise<string[]> {
  const frames: string[] = [];
  for (;;) {
    const digits = text(await stream.readExactly(4));
    if (digits === "0000") return frames;
    frames.push(text(await stream.readExactly(parseInt(digits, 16) - 4)));
  }
}

Deno.test("gitaly.md case 33, 34: ids count from 0 and the answer is ok", async () => {
  await using bench = openBench();
  const first = bench.expect();
  const second = bench.expect();
  assertEquals([first.id, second.id], [0n, 1n]);
  for (const { id, done } of [first, second]) {
    const stream = await openSidechannel(bench.peer, id);
    await stream.closeWrite();
    await done;
  }
  assertStrictEquals(bench.registry.size, 0);
});

Deno.test("gitaly.md case 35: sidechannels in reverse order find their calls", async () => {
  await using bench = openBench();
  const outputs = [new CollectingWriter(), new CollectingWriter()];
  const calls = outputs.map((stdout) => bench.expect({ stdout }));
  for (const [at, call] of [...calls.entries()].reverse()) {
    const stream = await openSidechannel(bench.peer, call.id);
    await stream.write(encodeSideBandPacket(1, bytes(`for ${at}`)));
    await stream.closeWrite();
  }
  await Promise.all(calls.map(({ done }) => done));
  assertEquals(outputs.map((output) => output.text), ["for 0", "for 1"]);
});

Deno.test("gitaly.md case 36: an unknown id is closed without ok", async () => {
  await using bench = openBench();
  await assertRejects(
    () => openSidechannel(bench.peer, 77n),
    Error,
    "EOF after 0 bytes",
  );
  // An id works once.
  const { id, done } = bench.expect();
  const stream = await openSidechannel(bench.peer, id);
  await stream.closeWrite();
  await done;
  await assertRejects(
    () => openSidechannel(bench.peer, id),
    Error,
    "EOF after 0 bytes",
  );
});

Deno.test("a sidechannel on another connection than its call's is refused", async () => {
  await using bench = openBench();
  let wasHandedOver = false;
  const seat = bench.registry.register();
  seat.expect({}, () => wasHandedOver = true);
  await assertRejects(
    () => openSidechannel(bench.peer, BigInt(seat.id)),
    Error,
    "EOF after 0 bytes",
  );
  assertStrictEquals(wasHandedOver, false);
  assertStrictEquals(seat.isTaken, false);
  seat.leave();
  assertStrictEquals(bench.registry.size, 0);
});

Deno.test("gitaly.md case 37: input is framed, cut at 65516 bytes and flushed once", async () => {
  for (const size of [0, 1, 65_515, 65_516, 65_517, 200_000]) {
    await using bench = openBench();
    const input = "x".repeat(size);
    const { id, done } = bench.expect({ stdin: readerOf(input) });
    const stream = await openSidechannel(bench.peer, id);
    const frames = await readInput(stream);
    assertStrictEquals(frames.join(""), input);
    assertEquals(
      frames.map(({ length }) => length),
      [65_516, 65_516, 65_516, 3_452]
        .map((most, at) => Math.min(most, size - 65_516 * at))
        .filter((length) => length > 0),
    );
    await stream.closeWrite();
    await done;
    await bench.peer.waitFor(({ flags }) => flags === YAMUX_FLAG.fin);
    assertStrictEquals(await stream.read(), null);
  }
});

Deno.test("gitaly.md case 37: 65517 bytes are fff0 and 0005", async () => {
  await using bench = openBench();
  const { id } = bench.expect({ stdin: readerOf(new Uint8Array(65_517)) });
  const stream = await openSidechannel(bench.peer, id);
  assertStrictEquals(text(await stream.readExactly(4)), "fff0");
  await stream.readExactly(65_516);
  assertEquals(await stream.readExactly(9), bytes("0005\x000000"));
});

Deno.test("gitaly.md case 39: bands go to their outputs in the order they came", async () => {
  await using bench = openBench();
  const seen: string[] = [];
  const writer = (name: string) => ({
    write(bytes: Uint8Array) {
      seen.push(`${name}:${text(bytes)}`);
      return Promise.resolve();
    },
  });
  const { id, done } = bench.expect({
    stdout: writer("out"),
    stderr: writer("err"),
  });
  const stream = await openSidechannel(bench.peer, id);
  await stream.write(
    bytes("0006\x01a0006\x01b0005\x010006\x02x0006\x01c0005\x02"),
  );
  await stream.closeWrite();
  await done;
  assertEquals(seen, ["out:ab", "err:x", "out:c"]);
});

const BROKEN_OUTPUT = [
  ["0006\x03a", "copy response: unexpected band: 3"],
  ["0000", 'copy response: invalid sideband packet: "0000"'],
  ["fff1\x01", "copy response: pktLineSplitter: invalid length: 65521"],
  ["0007\x01a", "copy response: unexpected EOF"],
  ["00", 'copy response: pktLineSplitter: incomplete length prefix on "00"'],
] as const;
for (const [output, message] of BROKEN_OUTPUT) {
  Deno.test(`gitaly.md case 39, 40: output ${JSON.stringify(output)} fails the exchange`, async () => {
    await using bench = openBench();
    const { id, done } = bench.expect({ stdin: pendingReader() });
    const stream = await openSidechannel(bench.peer, id);
    await stream.write(bytes("0006\x01!" + output));
    await stream.closeWrite();
    await assertRejects(() => done, GitTransportError, message);
    // Of a packet that is not complete, what there is may be written too.
    assertStrictEquals(bench.stdout.text.slice(0, 1), "!");
  });
}

const PACKET_BYTES = 65_515;
/** Where a list of refs is over and a pack has begun. */
const BULK_PACKETS = 17;
const BATCH_BYTES = 4 * PACKET_BYTES;

/** An output that wants large writes. */
class BatchWriter extends CollectingWriter {
  readonly batchBytes = BATCH_BYTES;
  get sizes(): number[] {
    return this.chunks.map(({ length }) => length);
  }
}

/** Sends packets of different bytes, each when the one before is written. */
async function sendBulk(stream: PeerStream, stdout: BatchWriter) {
  for (let at = 0; at < BULK_PACKETS; at++) {
    const payload = new Uint8Array(PACKET_BYTES).fill(at);
    await stream.write(encodeSideBandPacket(1, payload));
    await until(() => sum(stdout.sizes) === (at + 1) * PACKET_BYTES);
  }
}

Deno.test("a pack is written in batches, and its last bytes at once", async () => {
  await using bench = openBench();
  const stdout = new BatchWriter();
  const { id, done } = bench.expect({ stdout });
  const stream = await openSidechannel(bench.peer, id);
  await sendBulk(stream, stdout);
  assertEquals(stdout.sizes, Array(BULK_PACKETS).fill(PACKET_BYTES));
  const payload = new Uint8Array(PACKET_BYTES).fill(0x77);
  for (let at = 0; at < 9; at++) {
    await stream.write(encodeSideBandPacket(1, payload));
  }
  await stream.closeWrite();
  await done;
  assertStrictEquals(sum(stdout.sizes), (BULK_PACKETS + 9) * PACKET_BYTES);
  const sizes = stdout.sizes.slice(BULK_PACKETS);
  assert(sizes.length <= 5, sizes.join());
  assert(
    stdout.bytes.subarray(-9 * PACKET_BYTES).every((byte) => byte === 0x77),
  );
});

Deno.test("what is held of a pack is written soon when nothing follows", async () => {
  await using bench = openBench();
  const stdout = new BatchWriter();
  const { id, done } = bench.expect({ stdout, stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  await sendBulk(stream, stdout);
  for (const word of ["one", "two", "three"]) {
    await stream.write(encodeSideBandPacket(1, bytes(word)));
    await until(() => text(stdout.chunks.at(-1) ?? new Uint8Array()) === word);
  }
  await stream.write(encodeSideBandPacket(1, bytes("four")));
  await stream.write(encodeSideBandPacket(2, bytes("said")));
  await until(() => bench.stderr.text === "said");
  assertStrictEquals(text(stdout.bytes.subarray(-15)), "onetwothreefour");
  await stream.closeWrite();
  await done;
});

Deno.test("a held write that fails ends the exchange while the server says nothing", async () => {
  await using bench = openBench({ closeTimeoutMs: 20 });
  const stdout = new BatchWriter();
  const { id, done } = bench.expect({ stdout, stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  await sendBulk(stream, stdout);
  stdout.write = () => Promise.reject(new Error("write |1: broken pipe"));
  await stream.write(encodeSideBandPacket(1, bytes("lost")));
  // In a program it is the socket that keeps the event loop running.
  const tooLate = setTimeout(() => stream.reset(), 5_000);
  await assertRejects(
    () => done,
    GitTransportError,
    "copy response: write |1: broken pipe",
  );
  clearTimeout(tooLate);
});

Deno.test("a pack arrives whole through writes that take their time", async () => {
  await using bench = openBench();
  const stdout = new BatchWriter();
  const collect = stdout.write.bind(stdout);
  let isWriting = false;
  stdout.write = async (bytes) => {
    assert(!isWriting, "two writes at a time");
    isWriting = true;
    const before = bytes.slice();
    await new Promise((resolve) =>
      setTimeout(resolve, 1 + sum(stdout.sizes) % 13)
    );
    assertEquals(bytes, before);
    await collect(bytes);
    isWriting = false;
  };
  const { id, done } = bench.expect({ stdout });
  const stream = await openSidechannel(bench.peer, id);
  const sent: Uint8Array[] = [];
  for (let at = 0; at < 60; at++) {
    const size = at < BULK_PACKETS
      ? PACKET_BYTES
      : 1 + (at * 7919) % PACKET_BYTES;
    sent.push(new Uint8Array(size).fill(at));
    await stream.write(encodeSideBandPacket(1, sent[at] ?? new Uint8Array()));
    if (at % 5 === 0) {
      await new Promise((resolve) => setTimeout(resolve, at % 12));
    }
  }
  await stream.closeWrite();
  await done;
  const all = new Uint8Array(sum(sent.map(({ length }) => length)));
  let end = 0;
  for (const piece of sent) {
    all.set(piece, end);
    end += piece.length;
  }
  assertEquals(stdout.bytes.length, all.length);
  const got = stdout.bytes;
  assertStrictEquals(all.findIndex((byte, at) => byte !== got[at]), -1);
});

function sum(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all + size, 0);
}

Deno.test("gitaly.md case 41: the server's end does not wait for input, and no flush is sent", async () => {
  await using bench = openBench();
  const stdin = pendingReader();
  const { id, done } = bench.expect({ stdin });
  const stream = await openSidechannel(bench.peer, id);
  await stream.write(encodeSideBandPacket(1, bytes("bye")));
  await stream.closeWrite();
  await done;
  assertStrictEquals(bench.stdout.text, "bye");
  stdin.end();
  await bench.peer.waitFor(({ flags }) => flags === YAMUX_FLAG.fin);
  assertStrictEquals(await stream.read(), null);
});

Deno.test("gitaly.md 5.8: nothing of the input is read before ok was sent", async () => {
  await using bench = openBench();
  const stdin = pendingReader();
  const { id } = bench.expect({ stdin });
  const stream = await bench.peer.open();
  await stream.write(bytes("sidechannel"));
  assertStrictEquals(stdin.reads, 0);
  await stream.write(new Uint8Array(8).fill(0, Number(id)));
  assertEquals(await stream.readExactly(2), bytes("ok"));
  assertStrictEquals(stdin.reads, 1);
});

Deno.test("gitaly.md case 27: magic and id may be cut anywhere and output may follow at once", async () => {
  const opening = Uint8Array.of(
    ...bytes("sidechannel"),
    ...new Uint8Array(8),
    ...encodeSideBandPacket(1, bytes("first")),
  );
  for (let cut = 0; cut <= opening.length; cut++) {
    await using bench = openBench();
    const { done } = bench.expect();
    const stream = await bench.peer.open();
    await stream.write(opening.subarray(0, cut));
    await stream.write(opening.subarray(cut));
    await stream.closeWrite();
    await done;
    assertStrictEquals(bench.stdout.text, "first");
  }
});

Deno.test("gitaly.md case 30: a reset in the middle fails the exchange, what came is written", async () => {
  await using bench = openBench();
  const { id, done } = bench.expect({ stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  await stream.write(encodeSideBandPacket(1, bytes("some")));
  await until(() => bench.stdout.text === "some");
  await stream.reset();
  await assertRejects(
    () => done,
    GitTransportError,
    "copy response: connection reset",
  );
});

Deno.test("gitaly.md case 45: the client that ends first sends FIN, and RST after its time", async () => {
  await using bench = openBench({ closeTimeoutMs: 20 });
  const broken = {
    write: () => Promise.reject(new Error("write |1: broken pipe")),
  };
  const { id, done } = bench.expect({ stdout: broken, stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  await stream.write(encodeSideBandPacket(1, bytes("lost")));
  const error = await assertRejects(
    () => done,
    GitTransportError,
    "copy response: write |1: broken pipe",
  );
  assert(error.cause instanceof Error);
  await bench.peer.waitFor(({ flags }) => flags === YAMUX_FLAG.rst);
  assertEquals(
    bench.peer.frames.filter(({ streamId, type }) =>
      streamId === 2 && type === 1
    )
      .map(({ flags }) => flags),
    [YAMUX_FLAG.ack, YAMUX_FLAG.fin, YAMUX_FLAG.rst],
  );
});

Deno.test("a failing input ends the exchange as copy request", async () => {
  await using bench = openBench({ closeTimeoutMs: 20 });
  const stdin = { read: () => Promise.reject(new Error("read |0: EIO")) };
  const { id, done } = bench.expect({ stdin });
  await openSidechannel(bench.peer, id);
  await assertRejects(
    () => done,
    GitTransportError,
    "copy request: read |0: EIO",
  );
});

Deno.test("a lost connection is a clean end to the exchange", async () => {
  await using bench = openBench();
  const { id, done } = bench.expect({ stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  await stream.write(encodeSideBandPacket(1, bytes("all there is")));
  await until(() => bench.stdout.text !== "");
  bench.peer.close();
  await done;
  assertStrictEquals(bench.stdout.text, "all there is");
});

Deno.test("output that waits already leaves in large writes", async () => {
  await using bench = openBench();
  const sizes: number[] = [];
  const gate = Promise.withResolvers<void>();
  const stdout = {
    async write(bytes: Uint8Array) {
      sizes.push(bytes.length);
      await gate.promise;
    },
  };
  const { id, done } = bench.expect({ stdout, stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  const packet = encodeSideBandPacket(1, new Uint8Array(1_000));
  for (let count = 0; count < 100; count++) await stream.write(packet);
  await stream.closeWrite();
  await until(() => sizes.length === 1);
  gate.resolve();
  await done;
  assertStrictEquals(sizes.reduce((sum, size) => sum + size), 100_000);
  assert(sizes.length < 10, `${sizes.length} writes`);
});

Deno.test("output larger than the gathering buffer is written whole and in order", async () => {
  await using bench = openBench();
  const { id, done } = bench.expect({ stdin: pendingReader() });
  const stream = await openSidechannel(bench.peer, id);
  const payload = Uint8Array.from({ length: 65_515 * 12 }, (_, at) => at % 251);
  for (let at = 0; at < payload.length; at += 65_515) {
    await stream.write(
      encodeSideBandPacket(1, payload.subarray(at, at + 65_515)),
    );
  }
  await stream.closeWrite();
  await done;
  assertEquals(bench.stdout.bytes, payload);
});

Deno.test("a stream that says nothing is reset after the handshake's time", async () => {
  await using bench = openBench({ timeoutMs: 20 });
  for (const opening of ["", "side", "sidechannel\0\0\0"]) {
    const stream = await bench.peer.open();
    await stream.write(bytes(opening));
    await bench.peer.waitFor(({ streamId, flags }) =>
      streamId === stream.id && flags === YAMUX_FLAG.rst
    );
  }
});

Deno.test("gitaly.md 5.5: fewer than 11 bytes and FIN are closed silently", async () => {
  await using bench = openBench();
  for (const opening of ["", "sidechanne"]) {
    const stream = await bench.peer.open();
    await stream.write(bytes(opening));
    await stream.closeWrite();
    await bench.peer.waitFor(({ streamId, flags }) =>
      streamId === stream.id && flags === YAMUX_FLAG.fin
    );
    assertStrictEquals(await stream.read(), null);
  }
});

/** The server's side of the worked example, one element for each write. */
const EXAMPLE_OPENING = [
  "00 01 00 01 00 00 00 02 00 fc 00 00",
  "00 00 00 00 00 00 00 02 00 00 00 0b",
  "73 69 64 65 63 68 61 6e 6e 65 6c",
  "00 00 00 00 00 00 00 02 00 00 00 08",
  "00 00 00 00 00 00 00 00",
];
const EXAMPLE_ADVERTISEMENT = [
  "00 00 00 00 00 00 00 02 00 00 00 28",
  `30 30 32 38 01 30 30 30 65 76 65 72 73 69 6f 6e 20 32 0a 30 30 31 35 61
   67 65 6e 74 3d 67 69 74 2f 32 2e 33 39 2e 35 0a`,
  "00 00 00 00 00 00 00 02 00 00 00 75",
  `30 30 37 35 01 30 30 31 33 6c 73 2d 72 65 66 73 3d 75 6e 62 6f 72 6e 0a
   30 30 32 30 66 65 74 63 68 3d 73 68 61 6c 6c 6f 77 20 77 61 69 74 2d 66
   6f 72 2d 64 6f 6e 65 0a 30 30 31 32 73 65 72 76 65 72 2d 6f 70 74 69 6f
   6e 0a 30 30 31 37 6f 62 6a 65 63 74 2d 66 6f 72 6d 61 74 3d 73 68 61 31
   0a 30 30 31 30 6f 62 6a 65 63 74 2d 69 6e 66 6f 0a 30 30 30 30`,
];
const EXAMPLE_REFS = [
  "00 00 00 00 00 00 00 02 00 00 00 46",
  `30 30 34 36 01 30 30 33 64 65 30 61 32 33 37 37 32 37 66 35 62 30 35 66
   37 30 65 32 38 30 38 32 37 31 61 36 33 32 37 36 63 30 62 30 35 37 32 30
   36 20 72 65 66 73 2f 68 65 61 64 73 2f 6d 61 69 6e 0a 30 30 30 30`,
];
const EXAMPLE_FIN = ["00 01 00 04 00 00 00 02 00 00 00 00"];
/** The client's side; a frame's header and payload may be one data frame. */
const EXAMPLE_ANSWER = `
  00 01 00 02 00 00 00 02 00 00 00 00
  00 00 00 00 00 00 00 02 00 00 00 02 6f 6b
  00 00 00 00 00 00 00 02 00 00 00 5c 30 30 35 63
  30 30 31 34 63 6f 6d 6d 61 6e 64 3d 6c 73 2d 72 65 66 73 0a 30 30 31 36
  6f 62 6a 65 63 74 2d 66 6f 72 6d 61 74 3d 73 68 61 31 30 30 30 31 30 30
  30 62 73 79 6d 72 65 66 73 30 30 31 62 72 65 66 2d 70 72 65 66 69 78 20
  72 65 66 73 2f 68 65 61 64 73 2f 0a 30 30 30 30
  00 00 00 00 00 00 00 02 00 00 00 08 30 30 30 38 30 30 30 30
  00 00 00 00 00 00 00 02 00 00 00 04 30 30 30 30
  00 01 00 04 00 00 00 02 00 00 00 00`;

Deno.test("gitaly.md case 46: the worked example is answered byte for byte", async () => {
  const [client, server] = makeSocketPair();
  const registry = new SidechannelRegistry();
  const connection = {};
  const session = new YamuxSession(client, {
    preamble: new Uint8Array(0),
    onStream: (stream) =>
      void acceptServerStream(stream, { registry, connection }),
  });
  const stdout = new CollectingWriter();
  // The Git client answers the advertisement, then ends.
  const advertised = Promise.withResolvers<void>();
  const listed = Promise.withResolvers<void>();
  const command = "0014command=ls-refs\n0016object-format=sha10001000bsymrefs" +
    "001bref-prefix refs/heads/\n0000";
  const inputs = [
    () => advertised.promise.then(() => bytes(command)),
    () => listed.promise.then(() => bytes("0000")),
    () => Promise.resolve(null),
  ];
  const stdin = { read: () => inputs.shift()?.() ?? Promise.resolve(null) };
  const done = Promise.withResolvers<void>();
  registry.register().expect(connection, (stream) => {
    runExchange(stream, { stdin, stdout, stderr: new CollectingWriter() })
      .then(done.resolve, done.reject);
  });

  const send = async (parts: readonly string[]) => {
    for (const part of parts) await server.write(hex(part));
  };
  await send([...EXAMPLE_OPENING, ...EXAMPLE_ADVERTISEMENT]);
  await until(() => stdout.text.endsWith("object-info\n0000"));
  advertised.resolve();
  await until(() =>
    client.writes.some((write) => text(write).includes("ls-refs"))
  );
  await send(EXAMPLE_REFS);
  await until(() => stdout.text.endsWith("refs/heads/main\n0000"));
  listed.resolve();
  await until(() => text(client.writes.at(-1) ?? bytes("")).endsWith("0000"));
  await send(EXAMPLE_FIN);
  await done.promise;
  await until(() => client.writes.at(-1)?.at(-9) === YAMUX_FLAG.fin);
  const sent = client.writes.flatMap((write) => [...write]);
  assertEquals(Uint8Array.from(sent).toHex(), hex(EXAMPLE_ANSWER).toHex());
  session.close();
});

/** Lets the event loop turn until `isSo`. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  throw new Error("It never came to that");
}
