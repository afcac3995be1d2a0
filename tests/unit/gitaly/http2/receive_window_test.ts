import { assertEquals } from "@std/assert";
import { ReceiveWindow } from "../../../../src/gitaly/http2/receive_window.ts";

Deno.test("ReceiveWindow allows its size and not a byte more", () => {
  const window = new ReceiveWindow(100);
  assertEquals(window.take(60), true);
  assertEquals(window.take(40), true);
  assertEquals(window.take(1), false);
});

Deno.test("ReceiveWindow grants in quarters, every byte once", () => {
  const window = new ReceiveWindow(100);
  window.take(100);
  const grants = [10, 14, 1, 30, 20, 5, 20].map((size) => window.release(size));
  assertEquals(grants, [0, 0, 25, 30, 0, 25, 0]);
  assertEquals(window.take(80), true);
  assertEquals(window.take(1), false);
});

Deno.test("ReceiveWindow stays exact over a long transfer", () => {
  const window = new ReceiveWindow(1_000);
  let allowed = 1_000;
  for (let round = 0; round < 10_000; round++) {
    const size = (round * 7) % 240;
    assertEquals(window.take(size), true);
    allowed += window.release(size) - size;
    assertEquals(allowed > 1_000 - 250 - 240 && allowed <= 1_000, true);
  }
});
