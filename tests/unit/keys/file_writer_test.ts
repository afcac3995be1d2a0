import { assertEquals, assertThrows } from "@std/assert";
import {
  type ByteSink,
  FileWriter,
  NULL_SINK,
  RangeCopier,
  writeAllSync,
} from "../../../src/keys/file_writer.ts";
import { LineSpool } from "../../../src/keys/line_spool.ts";
import { scanLines } from "../../../src/keys/line_scan.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

/** Takes at most `stepBytes` a call, and nothing after `capacity`. */
function makeSink(stepBytes: number, capacity = Infinity) {
  const taken: number[] = [];
  const sink: ByteSink = {
    writeSync(bytes) {
      const count = Math.min(stepBytes, bytes.length, capacity - taken.length);
      for (const byte of bytes.subarray(0, count)) taken.push(byte);
      return count;
    },
  };
  return { sink, taken };
}

Deno.test("writeAllSync() goes on after a short write, and fails on a full disk", () => {
  const data = Uint8Array.from({ length: 100 }, (_, at) => at);
  const { sink, taken } = makeSink(7);
  writeAllSync(sink, data);
  assertEquals(new Uint8Array(taken), data);
  const full = makeSink(7, 50);
  assertThrows(() => writeAllSync(full.sink, data), Error, "No space left");
});

Deno.test("FileWriter passes on everything in order, whatever the sizes", () => {
  const { sink, taken } = makeSink(1 << 16);
  const out = new FileWriter(sink);
  out.write(new Uint8Array([1, 2]));
  out.fill(3, 3);
  out.write(new Uint8Array((1 << 20) - 5).fill(4));
  out.write(new Uint8Array([5]));
  out.write(new Uint8Array((1 << 20) + 1).fill(6));
  out.fill(7, (1 << 20) + 10);
  assertEquals(out.sizeBytes, 3 * (1 << 20) + 12);
  out.flush();
  assertEquals(taken.length, out.sizeBytes);
  assertEquals(taken.slice(0, 6), [1, 2, 3, 3, 3, 4]);
  assertEquals(taken.at(-1), 7);
  assertEquals(NULL_SINK.writeSync(new Uint8Array(9)), 9);
});

Deno.test("RangeCopier copies ranges that touch and ranges that do not", () => {
  using folder = makeTempDir({ source: "0123456789" });
  using source = Deno.openSync(`${folder.path}/source`);
  const { sink, taken } = makeSink(100);
  const out = new FileWriter(sink);
  const copier = new RangeCopier(source, out);
  for (
    const [offset, length] of [[0, 2], [2, 1], [5, 0], [5, 2], [9, 1], [
      0,
      1,
    ]] as const
  ) {
    copier.copy(offset, length);
  }
  copier.finish();
  out.flush();
  assertEquals(new TextDecoder().decode(new Uint8Array(taken)), "0125690");
  copier.copy(8, 5);
  assertThrows(() => copier.finish(), Error, "became shorter");
});

Deno.test("LineSpool gives back its lines, from memory and from a file", () => {
  for (const count of [0, 1, 1_000, 40_000]) {
    using spool = new LineSpool();
    const line = new Uint8Array(500).fill(0x61);
    for (let at = 0; at < count; at++) {
      new DataView(line.buffer).setUint32(0, 0x61616161 + (at << 8));
      spool.add(line.map((byte) => byte === 0x0a ? 0x0b : byte));
    }
    assertEquals([spool.count, spool.sizeBytes], [count, count * 501]);
    for (let round = 0; round < 2; round++) {
      let seen = 0;
      scanLines(spool.open(), ({ start, end }) => {
        assertEquals(end - start, 500);
        seen++;
      });
      assertEquals(seen, count);
    }
  }
});
