import { assertEquals, assertRejects } from "@std/assert";
import { ReadAhead } from "../../../../src/command/lfs_transfer/read_ahead.ts";
import type { ByteReader } from "../../../../src/core/io.ts";

/** Gives numbers in one buffer, which each read overwrites. */
function countUp(until: number, end: () => Promise<null>): ByteReader {
  const buffer = new Uint8Array(2);
  let count = 0;
  return {
    read() {
      if (count === until) return end();
      buffer.fill(++count);
      return Promise.resolve(buffer.subarray(0, 1 + count % 2));
    },
  };
}

Deno.test("ReadAhead gives what its source gave, though the source has gone on", async () => {
  const ahead = new ReadAhead(countUp(4, () => Promise.resolve(null)));
  const seen: number[][] = [];
  for (let chunk; (chunk = await ahead.read()) !== null;) {
    await Promise.resolve();
    seen.push([...chunk]);
  }
  assertEquals(seen, [[1, 1], [2], [3, 3], [4]]);
  assertEquals(await ahead.read(), null);
});

Deno.test("ReadAhead tells of a failure when it is its turn", async () => {
  const failure = () => Promise.reject(new Error("gone"));
  const ahead = new ReadAhead(countUp(2, failure));
  assertEquals([...await ahead.read() ?? []], [1, 1]);
  assertEquals([...await ahead.read() ?? []], [2]);
  await assertRejects(() => ahead.read(), Error, "gone");
  await assertRejects(() => ahead.read(), Error, "gone");
});
