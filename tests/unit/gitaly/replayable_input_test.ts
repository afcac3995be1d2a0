import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { ByteReader } from "../../../src/core/io.ts";
import { ReplayableInput } from "../../../src/gitaly/replayable_input.ts";
import { readerOf } from "../../support/fake_host.ts";

const text = (bytes: Uint8Array | null) =>
  bytes === null ? null : new TextDecoder().decode(bytes);

async function readAll(reader: ByteReader): Promise<string> {
  let all = "";
  for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
    all += text(chunk);
  }
  return all;
}

Deno.test("a second reader begins at the beginning, however far the first came", async () => {
  for (let taken = 0; taken <= 4; taken++) {
    const input = new ReplayableInput(readerOf("one", "two", "three"));
    const first = input.open();
    for (let count = 0; count < taken; count++) await first.read();
    assertStrictEquals(await readAll(input.open()), "onetwothree");
    assertStrictEquals(await readAll(input.open()), "onetwothree");
  }
});

Deno.test("chunks are kept although their source uses its buffer again", async () => {
  const buffer = new Uint8Array(1);
  let next = 0x61;
  const input = new ReplayableInput({
    read() {
      if (next > 0x63) return Promise.resolve(null);
      buffer[0] = next++;
      return Promise.resolve(buffer);
    },
  });
  assertStrictEquals(await readAll(input.open()), "abc");
  assertStrictEquals(await readAll(input.open()), "abc");
});

Deno.test("a read that one attempt began is the next attempt's", async () => {
  const arrival = Promise.withResolvers<Uint8Array | null>();
  const reads: (() => Promise<Uint8Array | null>)[] = [
    () => arrival.promise,
    () => Promise.resolve(null),
  ];
  const input = new ReplayableInput({
    read: () =>
      reads.shift()?.() ?? Promise.reject(new Error("Read too often")),
  });
  const abandoned = input.open().read();
  const second = input.open();
  const reading = second.read();
  arrival.resolve(new TextEncoder().encode("late"));
  assertStrictEquals(text(await reading), "late");
  assertStrictEquals(await abandoned, null);
  assertStrictEquals(await second.read(), null);
});

Deno.test("the same without the next attempt waiting, and too much to keep", async () => {
  const arrival = Promise.withResolvers<Uint8Array | null>();
  const big = new Uint8Array(300_000).fill(0x62);
  const reads = [
    () => Promise.resolve(new TextEncoder().encode("a")),
    () => arrival.promise,
    () => Promise.resolve(null),
  ];
  const input = new ReplayableInput({
    read: () => reads.shift()?.() ?? Promise.resolve(null),
  });
  const first = input.open();
  await first.read();
  void first.read();
  const second = input.open();
  arrival.resolve(big);
  await arrival.promise;
  assertStrictEquals((await readAll(second)).length, 300_001);
  assertStrictEquals(input.isReplayable, false);
});

Deno.test("256 KiB are kept, one byte more is not", async () => {
  for (
    const [size, isReplayable] of [[262_144, true], [262_145, false]] as const
  ) {
    const input = new ReplayableInput(readerOf(new Uint8Array(size), "rest"));
    const reader = input.open();
    await reader.read();
    assertStrictEquals(input.isReplayable, isReplayable);
    if (isReplayable) input.open();
    else assertThrows(() => input.open(), TypeError);
    if (!isReplayable) assertStrictEquals(await readAll(reader), "rest");
  }
});

Deno.test("what is not kept is not copied and not held", async () => {
  const chunk = new Uint8Array(100_000);
  const input = new ReplayableInput(readerOf(...Array(10).fill(chunk)));
  const reader = input.open();
  const views: (Uint8Array | null)[] = [];
  for (let count = 0; count < 11; count++) views.push(await reader.read());
  assertEquals(views.map((view) => view === chunk), [
    ...[false, false, false],
    ...Array(7).fill(true),
    false,
  ]);
  assertStrictEquals(views.at(-1), null);
});

Deno.test("a failing source fails the read, and the next one asks again", async () => {
  const outcomes = [
    () => Promise.reject(new Error("EIO")),
    () => Promise.resolve(new TextEncoder().encode("more")),
  ];
  const input = new ReplayableInput({
    read: () => outcomes.shift()?.() ?? Promise.resolve(null),
  });
  const reader = input.open();
  assertStrictEquals(
    await reader.read().catch((error) => error.message),
    "EIO",
  );
  assertStrictEquals(text(await reader.read()), "more");
});
