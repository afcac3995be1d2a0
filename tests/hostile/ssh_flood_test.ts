/**
 * The attacks: channels, key exchanges and authentication requests without
 * end, and bytes that are no protocol at all. Everyone else must not notice.
 */
import { assert, assertEquals } from "@std/assert";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import { RawClient, readUserKey } from "../unit/ssh/raw_client.ts";
import {
  runSsh,
  type SshFixture,
  startFixture,
} from "../unit/ssh/ssh_fixture.ts";

async function disconnectText(client: RawClient): Promise<string> {
  const reader = new SshReader(await client.next(MESSAGE.disconnect), 1);
  reader.readUint32();
  return reader.readText();
}

async function expectAlive(fixture: SshFixture): Promise<void> {
  assertEquals((await runSsh(fixture, ["x"])).stdout, 'key-42 "x" \n');
}

Deno.test("channels closed in the middle of a download give their places back", async () => {
  await using fixture = await startFixture({
    sshd: { concurrentSessionsLimit: 3 },
    handle: async (_start, { io }) => {
      const chunk = new Uint8Array(65_536);
      for (;;) await io.stdout.write(chunk);
    },
  });
  await using client = await RawClient.login(fixture);
  for (let round = 0; round < 30; round++) {
    const channel = await client.openSession({ id: round });
    client.exec(channel, "x");
    await client.next(MESSAGE.channelData);
    client.closeChannel(channel);
    await fixture.logged("connection: handleRequests: done", round + 1);
  }
});

Deno.test("a thousand sessions, one after the other", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  for (let round = 0; round < 1_000; round++) {
    const channel = await client.openSession({ id: round });
    client.exec(channel, "x");
    await client.next(MESSAGE.channelClose);
    client.closeChannel(channel);
  }
});

Deno.test("channels that the client never closes are counted", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const opening = (async () => {
    for (let round = 0;; round++) {
      const channel = await client.openSession({ id: round });
      client.exec(channel, "x");
      await client.next(MESSAGE.channelClose);
    }
  })();
  await opening.catch(() => {});
  await client.ended;
  const record = await fixture.logged("server: handleConn: done");
  assertEquals(record["error_message"], "ssh: too many channels left open");
  await expectAlive(fixture);
});

Deno.test("channels that are refused without end, end", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  for (let round = 0; round < 300; round++) {
    client.send(
      new SshWriter().byte(MESSAGE.channelOpen).string("direct-tcpip")
        .uint32(round).uint32(1).uint32(1).bytes(),
    );
  }
  assertEquals(await disconnectText(client), "too many refused channels");
  await client.ended;
  await expectAlive(fixture);
});

Deno.test("key exchanges without end, end", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const storm = setInterval(() => client.rekey(), 1);
  assertEquals(await disconnectText(client), "too many key exchanges");
  clearInterval(storm);
  await client.ended;
  await expectAlive(fixture);
});

Deno.test("authentication requests without end, end", async () => {
  await using fixture = await startFixture();
  const { key, blob } = await readUserKey(`${fixture.folder}/user_ed25519`);
  await using client = await RawClient.connect(fixture.port);
  await client.requestAuth();
  const query = client.publicKeyRequest({ key, blob, isQuery: true });
  let answers = 0;
  for (;;) {
    client.send(query);
    const reply = await client.next(MESSAGE.userauthPkOk, MESSAGE.disconnect);
    if (reply[0] === MESSAGE.disconnect) break;
    answers++;
  }
  assertEquals(answers, 128);
  assertEquals(fixture.lookups.length, 1);
  await client.ended;
});

const GARBAGE: [string, Uint8Array][] = [
  [
    "an endless identification",
    new TextEncoder().encode("SSH-2.0-" + "x".repeat(9_000)),
  ],
  [
    "lines without an identification",
    new TextEncoder().encode("x\r\n".repeat(200)),
  ],
  [
    "a huge packet",
    Uint8Array.of(
      ...new TextEncoder().encode("SSH-2.0-x\r\n"),
      0xff,
      0xff,
      0xff,
      0xf0,
      1,
      1,
      1,
      1,
    ),
  ],
  [
    "a packet of nothing",
    Uint8Array.of(
      ...new TextEncoder().encode("SSH-2.0-x\r\n"),
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ),
  ],
  [
    "padding beyond the packet",
    Uint8Array.of(
      ...new TextEncoder().encode("SSH-2.0-x\r\n"),
      0,
      0,
      0,
      12,
      255,
      20,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ),
  ],
  [
    "a KEXINIT that is cut off",
    Uint8Array.of(
      ...new TextEncoder().encode("SSH-2.0-x\r\n"),
      0,
      0,
      0,
      12,
      4,
      20,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ),
  ],
  [
    "a message before KEXINIT",
    Uint8Array.of(
      ...new TextEncoder().encode("SSH-2.0-x\r\n"),
      0,
      0,
      0,
      12,
      4,
      90,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ),
  ],
];
for (const [what, bytes] of GARBAGE) {
  Deno.test(`${what} ends its own connection`, async () => {
    await using fixture = await startFixture();
    const tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: fixture.port,
    });
    const target = new Uint8Array(65_536);
    await tcp.write(bytes);
    while (await tcp.read(target).catch(() => null) !== null);
    tcp.close();
    await fixture.logged("access: finish");
    await expectAlive(fixture);
  });
}

Deno.test("random messages end their own connection, or nothing", async () => {
  await using fixture = await startFixture();
  for (let round = 0; round < 150; round++) {
    const isOpen = round % 2 === 0;
    await using client = isOpen
      ? await RawClient.login(fixture)
      : await RawClient.connect(fixture.port);
    if (isOpen) await client.openSession();
    for (let count = 0; count < 5; count++) {
      const payload = crypto.getRandomValues(new Uint8Array(1 + round * 3));
      payload[0] = [5, 50, 80, 90, 93, 94, 95, 96, 97, 98, 20, 30, 192][
        (round + count) % 13
      ] ?? 0;
      // Half of them are for a channel that exists.
      if (isOpen && payload.length > 5 && count % 2) payload.fill(0, 1, 5);
      client.send(payload);
    }
  }
  await expectAlive(fixture);
});

Deno.test("fifty silent connections do not keep anyone out", async () => {
  await using fixture = await startFixture();
  const silent = await Promise.all(
    Array.from(
      { length: 50 },
      () => Deno.connect({ hostname: "127.0.0.1", port: fixture.port }),
    ),
  );
  await expectAlive(fixture);
  assert(fixture.server.connectionCount >= 50);
  for (const tcp of silent) tcp.close();
});
