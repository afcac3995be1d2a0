/**
 * The attacks: to say that one is logged in (CVE-2018-10933), to open a
 * channel and run a command before one is (CVE-2025-32433), and to slip
 * messages into the first key exchange, so that others can be cut out after it
 * (CVE-2023-48795).
 */
import { assert, assertEquals } from "@std/assert";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { DONE, runSsh, startFixture } from "../unit/ssh/ssh_fixture.ts";

const CHANNEL = new SshWriter().byte(MESSAGE.channelOpen).string("session")
  .uint32(0).uint32(1_000_000).uint32(32_768).bytes();
const EXEC = new SshWriter().byte(MESSAGE.channelRequest).uint32(0)
  .string("exec").bool(false)
  .string(new TextEncoder().encode("\0\0\0\x01x")).bytes();

const EARLY: readonly (readonly [what: string, messages: Uint8Array[]])[] = [
  ["that it is logged in", [Uint8Array.of(MESSAGE.userauthSuccess), CHANNEL]],
  ["that its key is good", [Uint8Array.of(MESSAGE.userauthPkOk), CHANNEL]],
  ["to open a channel", [CHANNEL]],
  ["to run a command", [CHANNEL, EXEC]],
  ["something about a channel", [EXEC]],
];

for (const isAsking of [false, true]) {
  const when = isAsking ? "while it logs in" : "before it logs in";
  for (const [what, messages] of EARLY) {
    Deno.test(`a client that says ${what} ${when} is sent away`, async () => {
      let runs = 0;
      await using fixture = await startFixture({
        handle: () => {
          runs++;
          return Promise.resolve(DONE);
        },
      });
      await using client = await RawClient.connect(fixture.port);
      if (isAsking) await client.requestAuth();
      for (const message of messages) client.send(message);
      const reader = new SshReader(await client.next(MESSAGE.disconnect), 1);
      reader.readUint32();
      assert(/^unexpected message type [0-9]+$/.test(reader.readText()));
      await client.ended;
      assertEquals(runs, 0);
    });
  }
}

/** A packet as it is before keys are in use. */
function plainPacket(payload: Uint8Array): Uint8Array {
  const paddingBytes = 8 - (payload.length + 5) % 8 + 8;
  const packet = new Uint8Array(5 + payload.length + paddingBytes);
  new DataView(packet.buffer).setUint32(0, packet.length - 4);
  packet[4] = paddingBytes;
  packet.set(payload, 5);
  return packet;
}

function kexInit(exchanges: string): Uint8Array {
  const writer = new SshWriter().byte(MESSAGE.kexInit).raw(new Uint8Array(16))
    .string(exchanges).string("ssh-ed25519,rsa-sha2-256");
  for (const list of ["aes128-ctr", "aes128-ctr", "hmac-sha2-256"]) {
    writer.string(list);
  }
  return writer.string("hmac-sha2-256").string("none").string("none").string("")
    .string("").bool(false).uint32(0).bytes();
}

const STRICT = "curve25519-sha256,kex-strict-c-v00@openssh.com";
const SLIPPED_IN: readonly (readonly [what: string, payload: Uint8Array])[] = [
  ["IGNORE", new SshWriter().byte(MESSAGE.ignore).string("x").bytes()],
  [
    "DEBUG",
    new SshWriter().byte(MESSAGE.debug).bool(false).string("x")
      .string("").bytes(),
  ],
  [
    "UNIMPLEMENTED",
    new SshWriter().byte(MESSAGE.unimplemented).uint32(0)
      .bytes(),
  ],
];

/** A client's half of the key exchange. */
const EXCHANGE = new SshWriter().byte(30).string(
  Uint8Array.fromHex(
    // The base point: somebody's public key, whoever that may be.
    "0900000000000000000000000000000000000000000000000000000000000000",
  ),
).bytes();

/** @returns Whether the server goes on to its half, before it ends or not. */
async function isAnswered(
  port: number,
  { exchanges, slippedIn }: { exchanges: string; slippedIn: Uint8Array },
): Promise<boolean> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await tcp.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.6\r\n"));
    for (const payload of [kexInit(exchanges), slippedIn, EXCHANGE]) {
      await tcp.write(plainPacket(payload)).catch(() => {});
    }
    const seen = new Uint8Array(65_536);
    for (let size = 0;;) {
      const more = await tcp.read(seen.subarray(size)).catch(() => null);
      if (more === null) return false;
      size += more;
      const text = new TextDecoder("latin1").decode(seen.subarray(0, size));
      assert(size < 1_000 || text.includes("kex-strict-s-v00@openssh.com"));
      // Once in the list of algorithms, then in the host key.
      if (text.split("ssh-ed25519").length > 2) return true;
    }
  } finally {
    tcp.close();
  }
}

for (const [what, slippedIn] of SLIPPED_IN) {
  Deno.test(`${what} in a strict first key exchange ends it`, async () => {
    await using fixture = await startFixture();
    const { port } = fixture;
    assertEquals(
      await isAnswered(port, { exchanges: STRICT, slippedIn }),
      false,
    );
    // An old client may; this shows that the attempt is worth something.
    const exchanges = "curve25519-sha256";
    assertEquals(await isAnswered(port, { exchanges, slippedIn }), true);
    assertEquals((await runSsh(fixture, ["x"])).code, 0);
  });
}
