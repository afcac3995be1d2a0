import { assert, assertEquals, assertRejects } from "@std/assert";
import { gunzip } from "../../../src/api/gunzip.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

for (const sizeBytes of [0, 1, 1023, 1024, 1025, 100_000]) {
  Deno.test(`gunzip() undoes ${sizeBytes} bytes, and has a limit right there`, async () => {
    const plain = Uint8Array.from(new SeededRandom(3).bytes(sizeBytes));
    const packed = await pack(plain);
    assertEquals(await gunzip(packed, sizeBytes), plain);
    if (sizeBytes === 0) return;
    await assertRejects(() => gunzip(packed, sizeBytes - 1), ProtocolError);
  });
}

Deno.test("gunzip() stops a bomb long before it has gone off", async () => {
  const packed = await pack(new Uint8Array(256 * 1024 * 1024));
  assert(packed.length < 300_000);
  const before = Deno.memoryUsage().rss;
  await assertRejects(() => gunzip(packed, 1024 * 1024), ProtocolError);
  assert(Deno.memoryUsage().rss - before < 64 * 1024 * 1024);
});

Deno.test("gunzip() refuses what is cut off at any byte", async () => {
  const packed = await pack(new TextEncoder().encode('{"id":5}'));
  for (let size = 0; size < packed.length; size++) {
    await assertRejects(
      () => gunzip(packed.subarray(0, size), 1000),
      ProtocolError,
      "gzip",
      `${size} bytes`,
    );
  }
});

Deno.test("gunzip() fails in one way only with damaged bytes", async () => {
  const random = new SeededRandom(5);
  const packed = await pack(new TextEncoder().encode("hello ".repeat(500)));
  for (let round = 0; round < 300; round++) {
    const damaged = packed.slice();
    damaged[random.below(damaged.length)] = random.below(256);
    await gunzip(damaged, 100_000).catch((error) => {
      assert(error instanceof ProtocolError, String(error));
    });
  }
});
