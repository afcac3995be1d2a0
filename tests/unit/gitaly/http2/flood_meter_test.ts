import { assertEquals } from "@std/assert";
import { FloodMeter } from "../../../../src/gitaly/http2/flood_meter.ts";

function spendAll(meter: FloodMeter): number {
  let spent = 0;
  while (meter.spend()) spent++;
  return spent;
}

Deno.test("FloodMeter lets ten thousand frames through at once", () => {
  assertEquals(spendAll(new FloodMeter(() => 0)), 9_999);
});

Deno.test("FloodMeter lets a thousand frames through in each second", () => {
  let nowMs = 5_000;
  const meter = new FloodMeter(() => nowMs);
  spendAll(meter);
  nowMs += 1_000;
  assertEquals(spendAll(meter), 999);
  // Rest is not saved up beyond the first allowance; the frame that found the
  // account empty is not charged twice.
  nowMs += 1e9;
  assertEquals(spendAll(meter), 10_000);
});

Deno.test("FloodMeter lets a frame through for each KiB that moves", () => {
  const meter = new FloodMeter(() => 0);
  for (let count = 0; count < 100_000; count++) {
    meter.earn(1_024);
    assertEquals(meter.spend(), true);
  }
});
