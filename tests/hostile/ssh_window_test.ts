/**
 * The attacks: more data than the window allows, which ssh2 buffers without
 * bound, and a window that grows past what a window can be.
 */
import { assertEquals } from "@std/assert";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { DONE, startFixture } from "../unit/ssh/ssh_fixture.ts";

const WINDOW_BYTES = 2 * 1024 * 1024;
const PACKET_BYTES = 32 * 1024;

/** A handler that reads nothing until the client is gone. */
const deaf = () =>
  startFixture({
    handle: (_start, { signal }) =>
      new Promise((done) => signal.addEventListener("abort", () => done(DONE))),
    limits: { clientGoneMs: 1 },
  });

async function expectEnd(client: RawClient, text: string): Promise<void> {
  const message = await client.next(MESSAGE.disconnect);
  const reader = new SshReader(message, 1);
  assertEquals([reader.readUint32(), reader.readText()], [2, text]);
  await client.ended;
}

Deno.test("a client that fills the window and goes on is cut off", async () => {
  await using fixture = await deaf();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  for (let sent = 0; sent < WINDOW_BYTES; sent += PACKET_BYTES) {
    client.data(channel, new Uint8Array(PACKET_BYTES));
  }
  // Exactly the window is no offence: the channel still answers.
  client.request(channel, "x");
  await client.next(MESSAGE.channelFailure);
  client.data(channel, Uint8Array.of(1));
  await expectEnd(client, "remote side wrote too much");
});

Deno.test("extended data uses the window too", async () => {
  await using fixture = await deaf();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  const piece = new SshWriter().byte(MESSAGE.channelExtendedData)
    .uint32(channel).uint32(1).string(new Uint8Array(PACKET_BYTES)).bytes();
  for (let sent = 0; sent <= WINDOW_BYTES; sent += PACKET_BYTES) {
    client.send(piece);
  }
  await expectEnd(client, "remote side wrote too much");
});

Deno.test("a piece larger than the maximum packet is refused", async () => {
  await using fixture = await deaf();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.data(channel, new Uint8Array(PACKET_BYTES + 1));
  await expectEnd(client, "packet is larger than the maximum");
});

Deno.test("bytes behind the data, which no window counts, are refused", async () => {
  await using fixture = await deaf();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.send(
    new SshWriter().byte(MESSAGE.channelData).uint32(channel)
      .string(new Uint8Array(3_000)).raw(new Uint8Array(30_000)).bytes(),
  );
  await expectEnd(client, "protocol error");
});

Deno.test("a window of more than 32 bits is refused", async () => {
  await using fixture = await deaf();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession({ windowBytes: 2 ** 32 - 1 });
  client.adjust(channel, 1);
  await expectEnd(client, "invalid window update");
});

Deno.test("a channel that does not exist is refused", async () => {
  await using fixture = await deaf();
  await using client = await RawClient.login(fixture);
  client.data(99, new Uint8Array(1));
  await expectEnd(client, "invalid channel 99");
});
