import { assertEquals } from "@std/assert";
import { StdinQueue } from "../../../src/ssh/stdin_queue.ts";

async function readAll(queue: StdinQueue): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (let piece = await queue.read(); piece; piece = await queue.read()) {
    pieces.push(piece);
  }
  return pieces;
}

Deno.test("StdinQueue keeps the order of large and small pieces", async () => {
  const read: number[] = [];
  const queue = new StdinQueue((sizeBytes) => read.push(sizeBytes));
  const large = new Uint8Array(5_000).fill(3);
  queue.push(Uint8Array.of(1));
  queue.push(Uint8Array.of(2, 2));
  queue.push(large);
  queue.push(Uint8Array.of(4));
  queue.end();
  assertEquals(await readAll(queue), [
    Uint8Array.of(1, 2, 2),
    large,
    Uint8Array.of(4),
  ]);
  assertEquals(read, [3, 5_000, 1]);
});

Deno.test("StdinQueue holds a window of single bytes in few blocks", async () => {
  const queue = new StdinQueue(() => {});
  const count = 100_000;
  for (let at = 0; at < count; at++) queue.push(Uint8Array.of(at));
  queue.end();
  const pieces = await readAll(queue);
  assertEquals(pieces.length, Math.ceil(count / 4_096));
  assertEquals(
    pieces.flatMap((piece) => [...piece]),
    Array.from({ length: count }, (_, at) => at & 0xff),
  );
});

Deno.test("StdinQueue.read() waits for bytes and for the end", async () => {
  const queue = new StdinQueue(() => {});
  const first = queue.read();
  queue.push(Uint8Array.of(7));
  assertEquals(await first, Uint8Array.of(7));
  const second = queue.read();
  queue.end();
  assertEquals(await second, null);
  assertEquals(await queue.read(), null);
});

Deno.test("StdinQueue.discard() drops what is here and what comes", async () => {
  const queue = new StdinQueue(() => {});
  queue.push(Uint8Array.of(7));
  queue.discard();
  queue.push(Uint8Array.of(8));
  assertEquals(await queue.read(), null);
});
