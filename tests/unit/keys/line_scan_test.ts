import { assertEquals } from "@std/assert";
import {
  BLOCK_BYTES,
  type BlockSource,
  scanLines,
  WHOLE_LINE_BYTES_MAX,
} from "../../../src/keys/line_scan.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

/** Gives `bytes` in pieces of at most `stepBytes`. */
function sourceOf(bytes: Uint8Array, stepBytes = Infinity): BlockSource {
  let at = 0;
  return {
    readSync(into) {
      const count = Math.min(into.length, stepBytes, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count || null;
    },
  };
}

interface Seen {
  text: string;
  offset: number;
  lengthBytes: number;
  isTerminated: boolean;
  number: number;
}

function scan(source: BlockSource): Seen[] {
  const seen: Seen[] = [];
  const decoder = new TextDecoder();
  scanLines(source, (line) => {
    const { offset, lengthBytes, isTerminated, number } = line;
    const text = decoder.decode(line.buffer.subarray(line.start, line.end));
    seen.push({ text, offset, lengthBytes, isTerminated, number });
  });
  return seen;
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("scanLines() gives the same lines whatever the pieces", () => {
  const text = "a\n\n\r\nlonger line \u00e9\n#\nlast";
  const whole = scan(sourceOf(bytes(text)));
  assertEquals(whole.map((line) => line.text), text.split("\n"));
  assertEquals(whole.map(({ isTerminated }) => isTerminated), [
    true,
    true,
    true,
    true,
    true,
    false,
  ]);
  assertEquals(whole.map(({ offset }) => offset), [0, 2, 3, 5, 20, 22]);
  assertEquals(whole.map(({ number }) => number), [0, 1, 2, 3, 4, 5]);
  for (let step = 1; step <= bytes(text).length; step++) {
    assertEquals(scan(sourceOf(bytes(text), step)), whole);
  }
});

Deno.test("scanLines() gives nothing for nothing, and no line after a line end", () => {
  assertEquals(scan(sourceOf(bytes(""))), []);
  assertEquals(scan(sourceOf(bytes("x\n"))).length, 1);
  assertEquals(scan(sourceOf(bytes("\n"))).length, 1);
});

Deno.test("scanLines() stops when it is told to", () => {
  let visits = 0;
  scanLines(sourceOf(bytes("a\nb\nc\n")), () => ++visits < 2);
  assertEquals(visits, 2);
});

Deno.test("scanLines() knows place and length of a line longer than its buffer", () => {
  for (const size of [BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 5]) {
    for (const end of ["\n", ""]) {
      const long = "x".repeat(size);
      const text = `before\n${long}${end}${end && "after\n"}`;
      const [first, second, third] = scan(sourceOf(bytes(text)));
      assertEquals(first?.text, "before");
      assertEquals(second?.offset, 7);
      assertEquals(second?.lengthBytes, size);
      assertEquals(second?.isTerminated, end !== "");
      assertEquals(third?.text, end ? "after" : undefined);
      assertEquals(third?.offset, end ? size + 8 : undefined);
    }
  }
});

Deno.test("scanLines() gives every line of 512 KiB whole", () => {
  const line = "y".repeat(WHOLE_LINE_BYTES_MAX);
  const text = `${"z".repeat(WHOLE_LINE_BYTES_MAX)}\n${line}\n${line}\n`;
  for (const { text: seen, lengthBytes } of scan(sourceOf(bytes(text)))) {
    assertEquals(seen.length, lengthBytes);
  }
});

Deno.test("scanLines() puts random bytes together again", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 50; round++) {
    const data = new Uint8Array(random.below(3_000));
    for (let at = 0; at < data.length; at++) {
      data[at] = random.below(8) === 0 ? 0x0a : random.below(256);
    }
    const joined: number[] = [];
    scanLines(sourceOf(data, 1 + random.below(200)), (line) => {
      assertEquals(line.offset, joined.length);
      joined.push(...line.buffer.subarray(line.start, line.end));
      if (line.isTerminated) joined.push(0x0a);
    });
    assertEquals(new Uint8Array(joined), data);
  }
});
