import { assert, assertEquals } from "@std/assert";
import { allocatePacket } from "../../../../src/ssh/patch/packet_memory.ts";
import { readSsh2 } from "../ssh_fixture.ts";

for (const blockBytes of [8, 16]) {
  Deno.test(`allocatePacket() frames as RFC 4253 says, in blocks of ${blockBytes}`, () => {
    for (const payloadBytes of [...Array(300).keys(), 32_777, 40_000]) {
      const packet = allocatePacket(payloadBytes, blockBytes);
      const bodyBytes = packet.readUInt32BE(0);
      const paddingBytes = packet[4] ?? 0;
      assertEquals(packet.length, 4 + bodyBytes);
      assertEquals(bodyBytes % blockBytes, 0);
      assertEquals(bodyBytes, 1 + payloadBytes + paddingBytes);
      assert(paddingBytes >= 4 && paddingBytes < 4 + blockBytes);
    }
  });
}

Deno.test("allocatePacket() pads with random bytes", () => {
  const paddings = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const packet = allocatePacket(0, 16);
    paddings.add(packet.subarray(5).toString("hex"));
  }
  assertEquals(paddings.size, 20);
});

Deno.test("allocatePacket() takes the memory of the packet before", () => {
  const first = allocatePacket(100, 8);
  const second = allocatePacket(200, 8);
  assertEquals(first.buffer === second.buffer, true);
});

Deno.test("the ground: ssh2 encrypts a packet before it frames the next", async () => {
  const source = await readSsh2("protocol/utils.js");
  assert(/proto\._cipher\.encrypt\(packet\);\s+return true;/.test(source));
  // While keys are exchanged, packets wait in memory of their own.
  assert(
    (await readSsh2("protocol/zlib.js")).includes(
      "return Buffer.allocUnsafe(payloadSize);",
    ),
  );
});
