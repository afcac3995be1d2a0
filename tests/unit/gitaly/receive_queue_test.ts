import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  ReceiveQueue,
  type Slab,
  SLAB_BYTES,
  SlabPool,
} from "../../../src/gitaly/receive_queue.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** Puts `size` bytes of `value` into a queue as reads of a socket would. */
function receive(
  { pool, queue }: { pool: SlabPool; queue: ReceiveQueue },
  size: number,
  value: number,
): Slab {
  for (let rest = size;;) {
    const slab = pool.nextForReading();
    const start = slab.filled;
    const end = Math.min(start + rest, SLAB_BYTES);
    slab.filled = end;
    queue.push(slab.bytes.subarray(start, end).fill(value), slab);
    rest -= end - start;
    if (rest === 0) return slab;
  }
}

Deno.test("bytes come out in their order and are not copied", () => {
  const pool = new SlabPool();
  const queue = new ReceiveQueue(pool);
  const slab = receive({ pool, queue }, 10, 1);
  receive({ pool, queue }, 20, 2);
  assertStrictEquals(queue.sizeBytes, 30);
  const first = queue.shift();
  assertStrictEquals(first?.buffer, slab.bytes.buffer);
  assertEquals(first, new Uint8Array(10).fill(1));
  assertEquals(queue.shift(), new Uint8Array(20).fill(2));
  assertStrictEquals(queue.sizeBytes, 0);
  assertStrictEquals(queue.shift(), undefined);
});

Deno.test("a buffer that is looked into is read into behind that, then left alone", () => {
  const pool = new SlabPool();
  const queue = new ReceiveQueue(pool);
  const slab = receive({ pool, queue }, 10, 1);
  const lent = queue.shift();
  assertStrictEquals(pool.nextForReading(), slab);
  assertStrictEquals(slab.filled, 10);
  receive({ pool, queue }, SLAB_BYTES - 10 - 65_535, 2);
  assert(pool.nextForReading() !== slab, "too little of it is free");
  assertEquals(lent, new Uint8Array(10).fill(1));
  queue.shift();
  queue.shift();
  assertStrictEquals(pool.take(), slab, "given back with the next call");
  assertStrictEquals(slab.filled, 0);
});

Deno.test("a buffer that is given back while it is parsed is not lent twice", () => {
  const pool = new SlabPool();
  const queue = new ReceiveQueue(pool);
  const slab = receive({ pool, queue }, 10, 1);
  queue.clear();
  assert(pool.take() !== slab, "it is still the one that is read into");
  assertStrictEquals(pool.nextForReading(), slab);
  assertStrictEquals(slab.filled, 0, "and from its beginning");
});

Deno.test("unshift() brings the end of the last piece back", () => {
  const pool = new SlabPool();
  const queue = new ReceiveQueue(pool);
  const slab = pool.nextForReading();
  slab.bytes.set([1, 2, 3, 4, 5]);
  queue.push(slab.bytes.subarray(0, 5), slab);
  queue.shift();
  queue.unshift(2);
  assertStrictEquals(queue.sizeBytes, 2);
  assertEquals(queue.shift(), Uint8Array.of(4, 5));
  queue.unshift(0);
  assertThrows(() => queue.unshift(3), RangeError);
  assertStrictEquals(queue.shift(), undefined);
  assertThrows(() => queue.unshift(1), RangeError);
});

Deno.test("a consumer that lags holds few buffers, however small the pieces", () => {
  const pool = new SlabPool();
  const queue = new ReceiveQueue(pool);
  const buffers = new Set<ArrayBufferLike>();
  // Each in a read of its own.
  for (let count = 0; count < 10_000; count++) {
    buffers.add(receive({ pool, queue }, 1, count & 0xff).bytes.buffer);
  }
  assert(buffers.size < 20, `${buffers.size} buffers`);
  for (let count = 0; count < 10_000;) {
    const piece = queue.shift() ?? new Uint8Array(0);
    assert(piece.length > 0);
    for (const value of piece) assertStrictEquals(value, count++ & 0xff);
  }
});

Deno.test("gathered bytes fill one buffer after the other", () => {
  const pool = new SlabPool();
  const queue = new ReceiveQueue(pool);
  for (let count = 0; count < 100; count++) {
    receive({ pool, queue }, 100_000, count);
  }
  assertStrictEquals(queue.sizeBytes, 10_000_000);
  let at = 0;
  for (let piece = queue.shift(); piece; piece = queue.shift()) {
    assert(piece.length <= SLAB_BYTES);
    for (let byte = 0; byte < piece.length; byte += 997) {
      assertStrictEquals(piece[byte], Math.floor((at + byte) / 100_000));
    }
    at += piece.length;
  }
  assertStrictEquals(at, 10_000_000);
});

Deno.test("two queues of one connection never see each other's bytes", () => {
  const random = new SeededRandom(5);
  const pool = new SlabPool();
  const queues = [1, 2, 3].map((value) => ({
    value,
    pool,
    queue: new ReceiveQueue(pool),
    size: 0,
  }));
  for (let round = 0; round < 20_000; round++) {
    const target = random.pick(queues);
    if (random.below(3) > 0) {
      const size = 1 + random.below(5_000);
      receive(target, size, target.value);
      target.size += size;
    } else {
      const piece = target.queue.shift();
      target.size -= piece?.length ?? 0;
      assert(
        piece?.every((byte) => byte === target.value) ?? target.size === 0,
      );
    }
    assertStrictEquals(target.queue.sizeBytes, target.size);
    if (random.below(500) === 0) {
      target.queue.clear();
      target.size = 0;
    }
  }
});
