import { assertEquals, assertRejects } from "@std/assert";
import { EMPTY_READER, writeText } from "../../../src/core/io.ts";
import { CollectingWriter } from "../../support/fake_host.ts";

Deno.test("EMPTY_READER is at its end, again and again", async () => {
  assertEquals(await EMPTY_READER.read(), null);
  assertEquals(await EMPTY_READER.read(), null);
});

Deno.test("writeText() writes UTF-8 in one write", async () => {
  const sink = new CollectingWriter();
  await writeText(sink, "a\u00e9\n");
  assertEquals(sink.chunks, [Uint8Array.of(0x61, 0xc3, 0xa9, 0x0a)]);
});

Deno.test("writeText() fails as its sink does", async () => {
  const fault = new Deno.errors.BrokenPipe("gone");
  const sink = { write: () => Promise.reject(fault) };
  assertEquals(await assertRejects(() => writeText(sink, "a")), fault);
});
