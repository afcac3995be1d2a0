import { assertEquals, assertRejects } from "@std/assert";
import { OutputQueue } from "../../../src/ssh/output_queue.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const target = () => new Uint8Array(4);

Deno.test("OutputQueue gathers what fits one write, in order", () => {
  const queue = new OutputQueue();
  for (const value of [1, 2, 3]) queue.push(bytes(value, value));
  assertEquals([...queue.take(target())], [1, 1, 2, 2]);
  assertEquals(queue.isEmpty, false);
  assertEquals([...queue.take(target())], [3, 3]);
  assertEquals([...queue.take(target())], []);
  assertEquals(queue.isEmpty, true);
});

Deno.test("OutputQueue hands a large piece out as it is", () => {
  const queue = new OutputQueue();
  const large = bytes(1, 2, 3, 4, 5);
  queue.push(bytes(0));
  queue.push(large);
  assertEquals([...queue.take(target())], [0]);
  assertEquals(queue.take(target()) === large, true);
});

Deno.test("OutputQueue holds back what stands behind bytes that are being made", async () => {
  const queue = new OutputQueue();
  const making = Promise.withResolvers<Uint8Array>();
  queue.push(bytes(1));
  queue.pushLater(making.promise);
  queue.push(bytes(3));
  assertEquals(queue.untilReady(), undefined);
  assertEquals([...queue.take(target())], [1]);
  assertEquals([...queue.take(target())], []);
  const ready = queue.untilReady();
  making.resolve(bytes(2));
  await ready;
  assertEquals(queue.untilReady(), undefined);
  assertEquals([...queue.take(target())], [2, 3]);
});

Deno.test("OutputQueue tells why bytes were not made", async () => {
  const queue = new OutputQueue();
  queue.pushLater(Promise.reject(new Error("no memory")));
  await assertRejects(async () => await queue.untilReady(), Error, "no memory");
  queue.clear();
  assertEquals([queue.isEmpty, queue.untilReady()], [true, undefined]);
});
