import { assertEquals, assertRejects } from "@std/assert";
import {
  GITALY_YAMUX,
  type YamuxOptions,
  YamuxSession,
} from "../../../../src/devstack/gitaly/yamux_session.ts";
import type { YamuxStream } from "../../../../src/devstack/gitaly/yamux_stream.ts";
import { YAMUX_FLAG, YAMUX_TYPE } from "../../../../src/gitaly/yamux_frame.ts";
import { RawYamuxClient } from "./raw_yamux_client.ts";

const MAGIC_BYTES = 11;
const LARGER_WINDOW = 16 * 1024 * 1024 - 262_144;
const { data, windowUpdate, ping, goAway } = YAMUX_TYPE;
const { syn, ack, fin, rst } = YAMUX_FLAG;

/** A session and its client, over a socket. */
class Pair implements AsyncDisposable {
  readonly client: RawYamuxClient;
  readonly session: YamuxSession;
  readonly #listener: Deno.UnixListener;
  readonly #folder: string;

  private constructor(
    client: RawYamuxClient,
    session: YamuxSession,
    rest: { listener: Deno.UnixListener; folder: string },
  ) {
    this.client = client;
    this.session = session;
    this.#listener = rest.listener;
    this.#folder = rest.folder;
  }

  static async make(change: Partial<YamuxOptions> = {}): Promise<Pair> {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/s`;
    const listener = Deno.listen({ transport: "unix", path });
    const [conn, client] = await Promise.all([
      listener.accept(),
      RawYamuxClient.connect(path),
    ]);
    await conn.read(new Uint8Array(MAGIC_BYTES));
    const session = new YamuxSession(conn, { ...GITALY_YAMUX, ...change });
    return new Pair(client, session, { listener, folder });
  }

  async first(): Promise<YamuxStream> {
    await this.client.openStream(1);
    return await this.session.first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.close();
    this.client.close();
    await this.client.ended;
    this.#listener.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const of = (streamId: number, flag: number) =>
(frame: {
  streamId: number;
  flags: number;
}) => frame.streamId === streamId && (frame.flags & flag) !== 0;

Deno.test("gitaly.md 5.12: the server acknowledges stream 1 at once and grants 16 MiB", async () => {
  await using pair = await Pair.make();
  await pair.first();
  const { type, flags, length } = await pair.client.untilFrame(of(1, ack));
  assertEquals([type, flags, length], [windowUpdate, ack, LARGER_WINDOW]);
});

Deno.test("gitaly.md 5.12: the server's own streams begin at 2 and with SYN and 16 MiB", async () => {
  await using pair = await Pair.make();
  for (const id of [2, 4, 6]) {
    const stream = await pair.session.open();
    assertEquals(stream.id, id);
    const { type, flags, length } = await pair.client.untilFrame(of(id, syn));
    assertEquals([type, flags, length], [windowUpdate, syn, LARGER_WINDOW]);
  }
});

Deno.test("gitaly.md case 22: a libp2p server pings first and keeps the smaller window", async () => {
  await using pair = await Pair.make({ flavour: "libp2p" });
  await pair.first();
  const { length } = await pair.client.untilFrame(of(1, ack));
  assertEquals(length, 0);
  const [first] = pair.client.frames;
  assertEquals([first?.type, first?.flags, first?.streamId], [ping, syn, 0]);
});

Deno.test("gitaly.md case 27: a libp2p server's SYN rides on the first data", async () => {
  await using pair = await Pair.make({ flavour: "libp2p" });
  const stream = await pair.session.open();
  await stream.write(new TextEncoder().encode("hi"));
  const frame = await pair.client.untilFrame(of(2, syn));
  assertEquals([frame.type, frame.length], [data, 2]);
  assertEquals(frame.payload, new TextEncoder().encode("hi"));
});

Deno.test("YamuxSession answers pings and ignores answers to none", async () => {
  await using pair = await Pair.make();
  await pair.client.send({ type: ping, flags: ack, length: 9 });
  await pair.client.send({ type: ping, flags: syn, length: 7 });
  const answer = await pair.client.untilFrame((frame) => frame.type === ping);
  assertEquals([answer.flags, answer.length], [ack, 7]);
});

Deno.test("YamuxSession opens the next stream when the last one is acknowledged", async () => {
  await using pair = await Pair.make();
  pair.client.stopAcknowledging();
  await pair.session.open();
  const second = pair.session.open();
  await pair.client.untilFrame(of(2, syn));
  // An answer to this ping shows that the second SYN was not sent before it.
  await pair.client.send({ type: ping, flags: syn, length: 1 });
  await pair.client.untilFrame((frame) => frame.type === ping);
  assertEquals(pair.client.frames.some(of(4, syn)), false);
  const { windowUpdate: type } = YAMUX_TYPE;
  await pair.client.send({ type, flags: ack, streamId: 2, length: 0 });
  assertEquals((await second).id, 4);
});

Deno.test("YamuxSession ends when a stream of its own is never acknowledged", async () => {
  await using pair = await Pair.make({ openTimeoutMs: 10 });
  pair.client.stopAcknowledging();
  await pair.session.open();
  await pair.session.closed;
  assertEquals(pair.session.failure?.message, "stream open timeout");
});

Deno.test("gitaly.md 5.4: a second stream of the client waits, a third is reset", async () => {
  await using pair = await Pair.make();
  await pair.first();
  await pair.client.openStream(3);
  await pair.client.openStream(5);
  await pair.client.untilFrame(of(5, rst));
  assertEquals(pair.client.frames.some(of(3, ack)), false);
});

Deno.test("YamuxStream sends no more than its window, and goes on when it grows", async () => {
  await using pair = await Pair.make();
  const stream = await pair.first();
  const sizeBytes = 262_144 + 100;
  const writing = stream.write(new Uint8Array(sizeBytes).fill(7));
  assertEquals((await pair.client.take(1, 262_144)).length, 262_144);
  await pair.client.send({ type: ping, flags: syn, length: 1 });
  await pair.client.untilFrame((frame) => frame.type === ping);
  await pair.client.grant(1, 60);
  assertEquals((await pair.client.take(1, 60)).length, 60);
  await pair.client.grant(1, 40);
  await pair.client.take(1, 40);
  await writing;
  const payloads = pair.client.frames.filter(({ type }) => type === data);
  const sent = payloads.reduce((sum, { length }) => sum + length, 0);
  assertEquals(sent, sizeBytes);
  assertEquals(Math.max(...payloads.map(({ length }) => length)), 65_524);
});

Deno.test("YamuxStream grants credit again once half of the window was read", async () => {
  await using pair = await Pair.make({ flavour: "libp2p" });
  const stream = await pair.first();
  const half = new Uint8Array(131_072);
  await pair.client.send({ streamId: 1 }, half);
  const isCredit = (frame: { type: number; flags: number; length: number }) =>
    frame.type === windowUpdate && frame.flags === 0 && frame.length > 0;
  for (let sizeBytes = 0; sizeBytes < half.length;) {
    sizeBytes += (await stream.read())?.length ?? 0;
  }
  assertEquals((await pair.client.untilFrame(isCredit)).length, 131_072);
});

Deno.test("YamuxSession ends when a client sends more than the window", async () => {
  await using pair = await Pair.make({ flavour: "libp2p" });
  await pair.first();
  await pair.client.send({ streamId: 1 }, new Uint8Array(262_144));
  await pair.client.send({ streamId: 1 }, new Uint8Array(1));
  await pair.session.closed;
  assertEquals(pair.session.failure?.message, "receive window exceeded");
});

const FATAL:
  readonly (readonly [string, (client: RawYamuxClient) => Promise<void>])[] = [
    ["a second FIN", async (client) => {
      await client.finish(1);
      await client.finish(1);
    }],
    ["a SYN for a stream that is open", (client) => client.openStream(1)],
    [
      "a SYN with one of the server's numbers",
      (client) => client.openStream(8),
    ],
    ["an unknown type", (client) => client.send({ type: 4 })],
    [
      "go away with code 1",
      (client) => client.send({ type: goAway, length: 1 }),
    ],
  ];
for (const [what, act] of FATAL) {
  Deno.test(`YamuxSession ends after ${what}`, async () => {
    await using pair = await Pair.make();
    await pair.first();
    await act(pair.client);
    await pair.session.closed;
    assertEquals(pair.session.failure instanceof Error, true);
  });
}

Deno.test("gitaly.md case 29, 31: go away with code 0 and frames of unknown streams mean nothing", async () => {
  await using pair = await Pair.make();
  const stream = await pair.first();
  await pair.client.send({ type: goAway, length: 0 });
  await pair.client.send({ streamId: 77 }, new Uint8Array(70_000));
  await pair.client.send({
    type: windowUpdate,
    flags: rst,
    streamId: 78,
    length: 0,
  });
  await pair.client.send({ streamId: 1 }, new TextEncoder().encode("x"));
  assertEquals(await stream.read(), new TextEncoder().encode("x"));
});

Deno.test("YamuxStream ends each direction by itself and is forgotten after both", async () => {
  await using pair = await Pair.make();
  const stream = await pair.first();
  await stream.closeWrite();
  await stream.closeWrite();
  await pair.client.untilFrame(of(1, fin));
  await pair.client.send({ streamId: 1 }, new TextEncoder().encode("late"));
  assertEquals(await stream.read(), new TextEncoder().encode("late"));
  assertEquals(pair.session.openStreamIds, [1]);
  await pair.client.finish(1);
  assertEquals(await stream.read(), null);
  assertEquals(pair.session.openStreamIds, []);
  assertEquals(pair.client.frames.filter(of(1, fin)).length, 1);
  await assertRejects(() => stream.write(new Uint8Array(1)), Error, "closed");
});

Deno.test("YamuxStream resets when the client's FIN does not come", async () => {
  await using pair = await Pair.make({ closeTimeoutMs: 10 });
  const stream = await pair.first();
  await stream.closeWrite();
  await pair.client.untilFrame(of(1, rst));
  assertEquals(pair.session.openStreamIds, []);
});

Deno.test("YamuxStream fails reader and writer when the client resets it", async () => {
  await using pair = await Pair.make();
  const stream = await pair.first();
  const reading = stream.read();
  const writing = stream.write(new Uint8Array(300_000));
  await pair.client.take(1, 262_144);
  const { windowUpdate: type } = YAMUX_TYPE;
  await pair.client.send({ type, flags: rst, streamId: 1, length: 0 });
  await assertRejects(() => reading, Error, "connection reset");
  await assertRejects(() => writing, Error, "connection reset");
});

Deno.test("YamuxStream keeps what it received when the connection ends", async () => {
  await using pair = await Pair.make();
  const stream = await pair.first();
  await pair.client.send({ streamId: 1 }, new TextEncoder().encode("last"));
  pair.client.close();
  await pair.session.closed;
  assertEquals(await stream.read(), new TextEncoder().encode("last"));
  assertEquals(await stream.read(), null);
  await assertRejects(() => stream.write(new Uint8Array(1)), Error, "shutdown");
  await assertRejects(() => pair.session.open(), Error, "session shutdown");
});
