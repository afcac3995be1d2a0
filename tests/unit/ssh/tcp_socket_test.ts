import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  OUTPUT_BYTES_MAX,
  READ_PAUSE_BYTES,
  TcpSocket,
  type TcpStream,
} from "../../../src/ssh/tcp_socket.ts";

/** A stream whose reads and writes are let through one at a time. */
class FakeStream implements TcpStream {
  readonly remoteAddr: Deno.Addr;
  readonly written: Uint8Array[] = [];
  readonly log: string[] = [];
  /** Longest count that one write takes. */
  writeBytesMax = Infinity;
  /** Writes wait for this. */
  gate: Promise<void> = Promise.resolve();
  #reads: (Uint8Array | null | Error)[] = [];
  #wake = () => {};

  constructor(hostname = "10.0.0.1") {
    this.remoteAddr = { transport: "tcp", hostname, port: 1234 };
  }
  feed(bytes: Uint8Array | null | Error): void {
    this.#reads.push(bytes);
    this.#wake();
  }
  async read(target: Uint8Array): Promise<number | null> {
    this.log.push(`read ${target.length}`);
    for (;;) {
      const next = this.#reads.shift();
      if (next instanceof Error) throw next;
      if (next === null) return null;
      if (next) {
        target.set(next);
        return next.length;
      }
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }
  async write(bytes: Uint8Array): Promise<number> {
    await this.gate;
    const taken = bytes.slice(0, this.writeBytesMax);
    this.written.push(taken);
    return taken.length;
  }
  closeWrite(): Promise<void> {
    this.log.push("closeWrite");
    return Promise.resolve();
  }
  close(): void {
    this.log.push("close");
    this.feed(null);
  }
}

function setUp(hostname?: string) {
  const stream = new FakeStream(hostname);
  const socket = new TcpSocket(stream);
  const events: string[] = [];
  socket.on("data", (data: Buffer) => events.push(`data ${data.length}`));
  socket.on("end", () => events.push("end"));
  socket.on("error", (error) => events.push(String(error)));
  const closed = new Promise<void>((done) => socket.once("close", done));
  return { stream, socket, events, closed };
}

const turn = () => new Promise((next) => setTimeout(next, 0));

Deno.test("TcpSocket sends what is written in one turn in one piece", async () => {
  const { stream, socket } = setUp();
  for (let at = 0; at < 5; at++) socket.write(Uint8Array.of(at));
  await turn();
  assertEquals(stream.written, [Uint8Array.of(0, 1, 2, 3, 4)]);
  assertEquals(socket.pendingBytes, 0);
  socket.destroy();
});

Deno.test("TcpSocket goes on after short writes, and passes large pieces on whole", async () => {
  const { stream, socket } = setUp();
  stream.writeBytesMax = 100_000;
  const large = new Uint8Array(300_000).fill(7);
  socket.write(Uint8Array.of(1));
  socket.write(large);
  socket.write(Uint8Array.of(2));
  await turn();
  const all = Buffer.concat(stream.written);
  assertEquals(all.length, 300_002);
  assertEquals([all[0], all[1], all[300_000], all[300_001]], [1, 7, 7, 2]);
  socket.destroy();
});

Deno.test("TcpSocket.untilRoom() waits while much is pending", async () => {
  const { stream, socket } = setUp();
  const gate = Promise.withResolvers<void>();
  stream.gate = gate.promise;
  assert(socket.hasRoom);
  assertEquals(socket.write(new Uint8Array(OUTPUT_BYTES_MAX)), false);
  assert(!socket.hasRoom);
  let woken = false;
  const room = socket.untilRoom().then(() => woken = true);
  await turn();
  assertEquals(woken, false);
  gate.resolve();
  await room;
  assert(socket.hasRoom);
  socket.destroy();
});

Deno.test("TcpSocket.untilRoom() does not outlast the connection", async () => {
  const { stream, socket, closed } = setUp();
  stream.gate = new Promise(() => {});
  socket.write(new Uint8Array(OUTPUT_BYTES_MAX));
  const room = socket.untilRoom();
  socket.destroy();
  await room;
  await closed;
});

Deno.test("TcpSocket reads nothing while too many answers are pending", async () => {
  const { stream, socket, events } = setUp();
  const gate = Promise.withResolvers<void>();
  stream.gate = gate.promise;
  socket.resume();
  socket.write(new Uint8Array(READ_PAUSE_BYTES + 1));
  stream.feed(Uint8Array.of(1));
  stream.feed(Uint8Array.of(2));
  await turn();
  assertEquals(events, ["data 1"]);
  gate.resolve();
  await turn();
  assertEquals(events, ["data 1", "data 1"]);
  socket.destroy();
});

Deno.test("TcpSocket reads more at a time when more comes, and less again", async () => {
  const { stream, socket, events } = setUp();
  socket.resume();
  for (const sizeBytes of [10, 4_096, 16_384, 65_536, 100, 100]) {
    stream.feed(new Uint8Array(sizeBytes));
    await turn();
  }
  assertEquals(events.length, 6);
  assertEquals(stream.log.slice(0, 7), [
    "read 4096",
    "read 4096",
    "read 16384",
    "read 65536",
    "read 65536",
    "read 16384",
    "read 4096",
  ]);
  socket.destroy();
});

Deno.test("TcpSocket does not change bytes that it has handed out", async () => {
  const { stream, socket } = setUp();
  const kept: Buffer[] = [];
  socket.on("data", (data: Buffer) => kept.push(data));
  socket.resume();
  for (const [fill, sizeBytes] of [[1, 5], [2, 3_000], [3, 5]] as const) {
    stream.feed(new Uint8Array(sizeBytes).fill(fill));
    await turn();
  }
  assertEquals(kept.map((data) => [data[0], data.length]), [
    [1, 5],
    [2, 3_000],
    [
      3,
      5,
    ],
  ]);
  socket.destroy();
});

Deno.test("TcpSocket.end() delivers, says goodbye and waits for the peer", async () => {
  const { stream, socket, events, closed } = setUp();
  socket.resume();
  socket.write(Uint8Array.of(9));
  socket.end();
  assertEquals(socket.write(Uint8Array.of(8)), false);
  await turn();
  assertEquals(stream.written, [Uint8Array.of(9)]);
  assert(stream.log.includes("closeWrite"));
  stream.feed(Uint8Array.of(1));
  stream.feed(null);
  await closed;
  assertEquals(events, ["end"], "nothing is heard after the goodbye");
  assertEquals(stream.log.at(-1), "close");
});

Deno.test("TcpSocket closes its side when the peer has closed its own", async () => {
  const { stream, socket, events, closed } = setUp();
  socket.resume();
  stream.feed(null);
  await closed;
  assertEquals(events, ["end"]);
  assert(socket.isClosed);
});

Deno.test("TcpSocket passes a failure on and closes", async () => {
  const { stream, socket, events, closed } = setUp();
  socket.resume();
  stream.feed(new Deno.errors.ConnectionReset("reset"));
  await closed;
  assertEquals(events, ["ConnectionReset: reset"]);
});

const ADDRESSES = [
  ["10.0.0.1", "10.0.0.1", "IPv4"],
  ["::ffff:10.0.0.1", "10.0.0.1", "IPv4"],
  ["2001:db8::1", "2001:db8::1", "IPv6"],
] as const;
for (const [hostname, address, family] of ADDRESSES) {
  Deno.test(`TcpSocket shows ${hostname} as ${address}`, () => {
    const { socket } = setUp(hostname);
    assertEquals(
      [socket.remoteAddress, socket.remotePort, socket.remoteFamily],
      [address, 1234, family],
    );
  });
}

Deno.test("TcpSocket.writeLater() keeps the place of bytes that are being made", async () => {
  const { stream, socket } = setUp();
  const making = Promise.withResolvers<Uint8Array>();
  socket.write(Uint8Array.of(1));
  socket.writeLater(2, making.promise);
  socket.write(Uint8Array.of(4));
  await turn();
  assertEquals(stream.written, [Uint8Array.of(1)]);
  assertEquals(socket.pendingBytes, 3);
  making.resolve(Uint8Array.of(2, 3));
  await turn();
  assertEquals(stream.written, [Uint8Array.of(1), Uint8Array.of(2, 3, 4)]);
  assertEquals(socket.pendingBytes, 0);
  socket.destroy();
});

Deno.test("TcpSocket.end() waits for bytes that are being made", async () => {
  const { stream, socket, closed } = setUp();
  const making = Promise.withResolvers<Uint8Array>();
  socket.writeLater(1, making.promise);
  await turn();
  socket.end();
  // Too late: the last word has been said.
  socket.writeLater(1, Promise.reject(new Error("unheard")));
  making.resolve(Uint8Array.of(9));
  await closed;
  assertEquals(stream.written, [Uint8Array.of(9)]);
});

Deno.test("TcpSocket closes when bytes cannot be made", async () => {
  const { socket, closed } = setUp();
  const errors: unknown[] = [];
  socket.on("error", (error) => errors.push(error));
  socket.writeLater(1, Promise.reject(new Error("no memory")));
  await closed;
  assertEquals(errors.map(String), ["Error: no memory"]);
});

Deno.test("TcpSocket reads nothing while its gate is shut", async () => {
  const { stream, socket } = setUp();
  const received: number[] = [];
  socket.on("data", (bytes: Uint8Array) => received.push(...bytes));
  const shut = Promise.withResolvers<void>();
  socket.gate = () => received.length === 1 ? shut.promise : undefined;
  socket.resume();
  stream.feed(Uint8Array.of(1));
  stream.feed(Uint8Array.of(2));
  await turn();
  assertEquals(received, [1]);
  shut.resolve();
  await turn();
  assertEquals(received, [1, 2]);
  socket.destroy();
});
