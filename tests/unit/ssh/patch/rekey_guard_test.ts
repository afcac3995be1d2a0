import { assert, assertEquals } from "@std/assert";
import { RekeyGuard } from "../../../../src/ssh/patch/rekey_guard.ts";

Deno.test("RekeyGuard lets a client rekey as often as its data earns", () => {
  const guard = new RekeyGuard(60_000, () => {});
  // OpenSSH with RekeyLimit=1M: one exchange for each megabyte.
  for (let round = 1; round <= 1_000; round++) {
    assert(guard.start(round * 1024 * 1024, 0));
    guard.stop();
  }
});

Deno.test("RekeyGuard stops a client that does nothing else", () => {
  const guard = new RekeyGuard(60_000, () => {});
  let granted = 0;
  while (guard.start(0, 0)) {
    guard.stop();
    granted++;
  }
  assertEquals(granted, 16);
});

Deno.test("RekeyGuard lets an idle client rekey by the clock", () => {
  const guard = new RekeyGuard(60_000, () => {});
  for (let minute = 1; minute <= 5_000; minute++) {
    assert(guard.start(0, minute * 60_000));
    guard.stop();
  }
});
