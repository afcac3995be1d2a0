import { assertEquals } from "@std/assert";
import { SocketDuplex } from "../../../src/core/socket_duplex.ts";

/** A connection that fills every buffer with its number, and keeps the sizes. */
function makeConn(limit = Infinity) {
  const sizes: number[] = [];
  const conn = {
    read(buffer: Uint8Array): Promise<number | null> {
      if (sizes.length === 8) return Promise.resolve(null);
      sizes.push(buffer.length);
      buffer.fill(sizes.length);
      return Promise.resolve(Math.min(limit, buffer.length));
    },
    close() {},
  } as unknown as Deno.Conn;
  return { conn, sizes };
}

const KIB = 1024;

Deno.test("SocketDuplex reads more at a time while there is more", async () => {
  const { conn, sizes } = makeConn();
  const duplex = new SocketDuplex(conn, 100 * KIB);
  let count = 0;
  for (let bytes; (bytes = await duplex.read()) !== null;) {
    count++;
    assertEquals([bytes[0], bytes.at(-1)], [count, count]);
  }
  const full = [4, 8, 16, 32, 64, 100, 100, 100];
  assertEquals(sizes, full.map((size) => size * KIB));
});

Deno.test("SocketDuplex keeps its buffer where little comes", async () => {
  const { conn, sizes } = makeConn(1000);
  const duplex = new SocketDuplex(conn, 100 * KIB);
  while (await duplex.read() !== null) continue;
  assertEquals(new Set(sizes), new Set([4 * KIB]));
});

Deno.test("SocketDuplex never reads more than it may", async () => {
  for (const [max, last] of [[undefined, 16 * KIB], [1000, 1000]] as const) {
    const { conn, sizes } = makeConn();
    const duplex = new SocketDuplex(conn, max);
    while (await duplex.read() !== null) continue;
    assertEquals(Math.max(...sizes), last);
  }
});
