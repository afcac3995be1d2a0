import { assertEquals, assertRejects } from "@std/assert";
import { FrameReader } from "../../../../src/devstack/gitaly/sidechannel.ts";

const decoder = new TextDecoder();

function readerOf(text: string, splitAt = text.length): FrameReader {
  const bytes = new TextEncoder().encode(text);
  const parts = [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]
    .filter(({ length }) => length > 0);
  return new FrameReader({
    read: () => Promise.resolve(parts.shift() ?? null),
  });
}

async function readAll(reader: FrameReader): Promise<string> {
  let text = "";
  for (;;) {
    const chunk = await reader.read();
    if (chunk === null) return text;
    text += decoder.decode(chunk);
  }
}

const ACCEPTED = [
  ["0000", ""],
  ["00040000", ""],
  ["0009hello0000trash", "hello"],
  ["0006ab0000", "ab"],
  ["00050" + "00080000" + "0000", "00000"],
  ["0005a0004000Abcdefg0000", "abcdefg"],
] as const;
for (const [frames, expected] of ACCEPTED) {
  Deno.test(`gitaly.md case 38: ${frames} is read as ${JSON.stringify(expected)} at every split point`, async () => {
    for (let splitAt = 0; splitAt <= frames.length; splitAt++) {
      assertEquals(await readAll(readerOf(frames, splitAt)), expected);
    }
  });
}

const REFUSED = [
  ["0001", "sidechannel: invalid header 1"],
  ["0002", "sidechannel: invalid header 2"],
  ["0003", "sidechannel: invalid header 3"],
  ["fff1", "sidechannel: invalid header 65521"],
  ["-001", "sidechannel: invalid header -1"],
  ["0009hello", "unexpected EOF"],
  ["0009hel", "unexpected EOF"],
  ["00", "unexpected EOF"],
  ["", "unexpected EOF"],
] as const;
for (const [frames, message] of REFUSED) {
  Deno.test(`gitaly.md case 38: ${JSON.stringify(frames)} fails with ${message}`, async () => {
    for (let splitAt = 0; splitAt <= frames.length; splitAt++) {
      await assertRejects(
        () => readAll(readerOf(frames, splitAt)),
        Error,
        message,
      );
    }
  });
}

Deno.test("FrameReader accepts a frame of 65520 bytes", async () => {
  const payload = "x".repeat(65_516);
  assertEquals(await readAll(readerOf(`fff0${payload}0000`)), payload);
});

Deno.test("FrameReader.take() takes raw bytes in front of the frames", async () => {
  const reader = readerOf("ok0005x0000", 1);
  assertEquals(decoder.decode(await reader.take(2)), "ok");
  assertEquals(await readAll(reader), "x");
});
