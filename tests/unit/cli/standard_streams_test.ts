import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { openReader, openWriter } from "../../../src/cli/standard_streams.ts";

/** What a descriptor does when it is asked: take or give so much, or fail. */
type Step = number | null | Error;

const wouldBlock = () => new Deno.errors.WouldBlock("not now");

/** A descriptor that reads as it is told and counts how often it was asked. */
function readable(steps: Step[]) {
  const asked: number[] = [];
  return {
    asked,
    read(buffer: Uint8Array): Promise<number | null> {
      asked.push(buffer.length);
      const step = steps.shift();
      if (step instanceof Error) return Promise.reject(step);
      if (typeof step === "number") buffer.fill(asked.length, 0, step);
      return Promise.resolve(step ?? null);
    },
  };
}

/** A descriptor that takes as many bytes as it is told. */
function writable(steps: Step[]) {
  const taken: number[] = [];
  const ways: ("waits" | "blocks")[] = [];
  function take(bytes: Uint8Array): number {
    const step = steps.length > 0 ? steps.shift() : bytes.length;
    if (step instanceof Error) throw step;
    const count = Math.min(step ?? 0, bytes.length);
    taken.push(...bytes.subarray(0, count));
    return count;
  }
  return {
    taken,
    ways,
    // deno-lint-ignore require-await
    async write(bytes: Uint8Array): Promise<number> {
      ways.push("waits");
      return take(bytes);
    },
    writeSync(bytes: Uint8Array): number {
      ways.push("blocks");
      return take(bytes);
    },
  };
}

Deno.test("openReader() gives what has come, and the end for ever", async () => {
  const source = readable([3, 2, null]);
  const reader = openReader(source);
  assertEquals(await reader.read(), Uint8Array.of(1, 1, 1));
  assertEquals(await reader.read(), Uint8Array.of(2, 2));
  assertStrictEquals(await reader.read(), null);
  assertStrictEquals(await reader.read(), null);
  assertStrictEquals(source.asked.length, 3);
});

Deno.test("openReader() reads into one buffer that is made late", async () => {
  const reader = openReader(readable([1, 1]));
  const first = await reader.read();
  const second = await reader.read();
  assertStrictEquals(first?.buffer, second?.buffer);
});

Deno.test("openReader() waits for a descriptor that does not", async () => {
  const source = readable([wouldBlock(), wouldBlock(), 1]);
  assertEquals(await openReader(source).read(), Uint8Array.of(3));
});

Deno.test("openReader() passes a failure on and can be asked again", async () => {
  const reader = openReader(readable([new RangeError("broken"), 1]));
  await assertRejects(() => reader.read(), RangeError);
  assertEquals(await reader.read(), Uint8Array.of(2));
});

Deno.test("openWriter() writes to the last byte at any pace", async () => {
  const bytes = Uint8Array.from({ length: 50 }, (_, index) => index);
  for (let first = 0; first <= bytes.length; first++) {
    const sink = writable([first, 0, 1]);
    await openWriter(sink).write(bytes);
    assertEquals(Uint8Array.from(sink.taken), bytes);
  }
});

Deno.test("openWriter() blocks for no more than the smallest pipe holds", async () => {
  const sink = writable([]);
  const writer = openWriter(sink);
  for (const size of [1, 4094, 2, 1]) await writer.write(new Uint8Array(size));
  assertEquals(sink.ways, ["blocks", "blocks", "waits", "waits"]);
  const other = writable([]);
  await openWriter(other).write(new Uint8Array(4096));
  await openWriter(other).write(new Uint8Array(4097));
  assertEquals(other.ways, ["blocks", "waits"]);
});

Deno.test("openWriter() waits for what a short write has left", async () => {
  const sink = writable([1]);
  await openWriter(sink).write(Uint8Array.of(1, 2, 3));
  assertEquals(sink.ways, ["blocks", "waits"]);
  assertEquals(sink.taken, [1, 2, 3]);
});

Deno.test("openWriter() writes nothing when there is nothing", async () => {
  const sink = writable([new RangeError("asked")]);
  await openWriter(sink).write(new Uint8Array(0));
});

Deno.test("openWriter() goes on where a full pipe stopped it", async () => {
  const sink = writable([2, wouldBlock(), wouldBlock(), wouldBlock(), 1]);
  await openWriter(sink).write(Uint8Array.of(1, 2, 3, 4, 5));
  assertEquals(sink.taken, [1, 2, 3, 4, 5]);
});

Deno.test("openWriter() tells of a reader that has gone", async () => {
  const gone = new Deno.errors.BrokenPipe("gone");
  const writer = openWriter(writable([1, gone]));
  await assertRejects(
    () => writer.write(Uint8Array.of(1, 2)),
    Deno.errors.BrokenPipe,
  );
});
