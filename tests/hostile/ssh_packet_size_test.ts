/**
 * The attack: a channel with a maximum packet size of 0. ssh2 cuts its output
 * into pieces of that size and never comes to an end; every session of the
 * process stands still.
 */
import { assert, assertEquals } from "@std/assert";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader } from "../../src/ssh/wire.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { DONE, startFixture } from "../unit/ssh/ssh_fixture.ts";

for (const packetBytes of [0, 1, 8, 2 ** 31 + 1, 2 ** 32 - 1]) {
  Deno.test(`a channel with packets of ${packetBytes} bytes is refused`, async () => {
    await using fixture = await startFixture();
    await using client = await RawClient.login(fixture);
    const reply = await client.openChannel({ id: 5, packetBytes });
    assertEquals(reply[0], MESSAGE.channelOpenFailure);
    const reader = new SshReader(reply, 1);
    assertEquals(
      [reader.readUint32(), reader.readUint32(), reader.readText()],
      [5, 2, "invalid request"],
    );
    client.exec(await client.openSession(), "still here");
    await client.next(MESSAGE.channelData);
  });
}

Deno.test("a client of 9-byte packets does not keep the processor from others", async () => {
  const big = new Uint8Array(1024 * 1024);
  await using fixture = await startFixture({
    handle: async (start, { io }) => {
      if (start.command === "big") await io.stdout.write(big);
      return DONE;
    },
  });
  await using slow = await RawClient.login(fixture);
  slow.exec(await slow.openSession({ packetBytes: 9 }), "big");
  await slow.next(MESSAGE.channelData);
  // Answered long before the other's 116,509 packets are out.
  await using quick = await RawClient.login(fixture);
  quick.exec(await quick.openSession(), "quick");
  await quick.next(MESSAGE.channelClose);
  assert(!slow.messages.some((message) => message[0] === MESSAGE.channelClose));
});
