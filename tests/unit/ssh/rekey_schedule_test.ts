import { assertEquals } from "@std/assert";
import { RekeySchedule } from "../../../src/ssh/rekey_schedule.ts";

const GIB = 2 ** 30;
const HOUR_MS = 3_600_000;

const AMOUNTS: [string[], number][] = [
  [["aes128-gcm@openssh.com", "aes256-gcm@openssh.com"], 64 * GIB],
  [["aes256-ctr", "aes128-cbc"], 64 * GIB],
  [["chacha20-poly1305@openssh.com", "chacha20-poly1305@openssh.com"], GIB],
  [["aes128-ctr", "chacha20-poly1305@openssh.com"], GIB],
  [["3des-cbc", "3des-cbc"], GIB],
];
for (const [ciphers, bytesMax] of AMOUNTS) {
  Deno.test(`RekeySchedule gives ${ciphers.join(" and ")} ${bytesMax / GIB} GiB`, () => {
    const schedule = new RekeySchedule({ intervalMs: HOUR_MS });
    schedule.restart(ciphers, 100, 0);
    assertEquals(schedule.isDue(100 + bytesMax - 1, 0), false);
    assertEquals(schedule.isDue(100 + bytesMax, 0), true);
  });
}

Deno.test("RekeySchedule counts from the latest keys", () => {
  const schedule = new RekeySchedule({ bytesMax: 1_000, intervalMs: HOUR_MS });
  assertEquals(schedule.isDue(0, 0), false);
  schedule.restart(["aes128-ctr"], 5_000, 10);
  assertEquals(schedule.isDue(5_999, HOUR_MS + 9), false);
  assertEquals(schedule.isDue(6_000, 11), true);
  assertEquals(schedule.isDue(5_000, HOUR_MS + 10), true);
  schedule.restart(["aes128-ctr"], 6_000, HOUR_MS + 10);
  assertEquals(schedule.isDue(6_000, HOUR_MS + 11), false);
});
