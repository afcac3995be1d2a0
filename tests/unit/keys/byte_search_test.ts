import { assertEquals, assertThrows } from "@std/assert";
import { ByteSearch, searchNeedles } from "../../../src/keys/byte_search.ts";
import { BLOCK_BYTES, type BlockSource } from "../../../src/keys/line_scan.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function naiveIndexes(hay: Uint8Array, needle: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + needle.length <= hay.length;) {
    if (needle.every((byte, index) => hay[at + index] === byte)) {
      found.push(at);
      at += needle.length;
    } else at++;
  }
  return found;
}

function sourceOf(data: Uint8Array, stepBytes: number): BlockSource {
  let at = 0;
  return {
    readSync(into) {
      const count = Math.min(into.length, stepBytes, data.length - at);
      into.set(data.subarray(at, at + count));
      at += count;
      return count || null;
    },
  };
}

Deno.test("ByteSearch finds what a plain search finds, in random bytes", () => {
  const random = new SeededRandom(11);
  for (let round = 0; round < 300; round++) {
    const letters = 2 + random.below(3);
    const make = (size: number) =>
      Uint8Array.from({ length: size }, () => random.below(letters));
    const hay = make(random.below(400));
    const needle = make(1 + random.below(6));
    const search = new ByteSearch(needle);
    const found: number[] = [];
    for (let at = search.indexIn(hay, 0); at >= 0;) {
      found.push(at);
      at = search.indexIn(hay, at + needle.length);
    }
    assertEquals(found, naiveIndexes(hay, needle));
  }
});

Deno.test("ByteSearch refuses to search for nothing", () => {
  assertThrows(() => new ByteSearch(new Uint8Array()), RangeError);
});

Deno.test("searchNeedles() finds both kinds wherever a read ends", () => {
  const hay = bytes("needle xneedle longer-needle needlelonger-needle need");
  const needles = [bytes("needle"), bytes("longer-needle")];
  for (let step = 1; step <= hay.length; step++) {
    const found: number[][] = [[], []];
    const read = searchNeedles(
      sourceOf(hay, step),
      needles.map((needle) => new ByteSearch(needle)),
      ({ needle, offset }) => found[needle]?.push(offset),
    );
    assertEquals(read, hay.length);
    assertEquals(found, needles.map((needle) => naiveIndexes(hay, needle)));
  }
});

Deno.test("searchNeedles() finds a needle across the end of a block", () => {
  const needle = bytes("0123456789");
  for (const shift of [-10, -9, -5, -1, 0, 1]) {
    const hay = new Uint8Array(2 * BLOCK_BYTES + 100).fill(0x2e);
    hay.set(needle, BLOCK_BYTES + shift);
    const found: number[] = [];
    searchNeedles(
      sourceOf(hay, Infinity),
      [new ByteSearch(needle)],
      ({ offset }) => found.push(offset),
    );
    assertEquals(found, [BLOCK_BYTES + shift]);
  }
});

Deno.test("searchNeedles() tells the byte behind a needle if it has it", () => {
  const after: (number | undefined)[] = [];
  searchNeedles(
    sourceOf(bytes("ab!ab"), Infinity),
    [new ByteSearch(bytes("ab"))],
    (hit) => after.push(hit.after),
  );
  assertEquals(after, [0x21, undefined]);
});
