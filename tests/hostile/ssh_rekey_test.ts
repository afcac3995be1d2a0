/**
 * The attacks: a client that owes the server an answer to its KEXINIT, keeps
 * silent or asks on, or begins a key exchange of its own in a download and
 * never finishes it. Each costs its own connection after a while, and until
 * then memory of a fixed size. The reference grows by 750 MiB in the last.
 */
import { assert, assertEquals } from "@std/assert";
import type { SessionHandler } from "../../src/ssh/session_handler.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshWriter } from "../../src/ssh/wire.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import {
  DONE,
  type SshFixture,
  startFixture,
} from "../unit/ssh/ssh_fixture.ts";

const MIB = 1024 * 1024;
const NEVER_MS = 3_600_000;

/** Bytes that a command without end got rid of. */
function fountain() {
  const state = { writtenBytes: 0 };
  const chunk = new Uint8Array(128 * 1024);
  const handle: SessionHandler = async (_start, { io }) => {
    try {
      for (;;) {
        await io.stdout.write(chunk);
        state.writtenBytes += chunk.length;
      }
    } catch {
      return DONE;
    }
  };
  return { state, handle };
}

async function expectEnd(fixture: SshFixture, text: string): Promise<void> {
  const record = await fixture.logged("server: handleConn: done");
  assertEquals(record["error_message"], text);
}

const ping = (sizeBytes: number) =>
  new SshWriter().byte(MESSAGE.ping).raw(new Uint8Array(sizeBytes)).bytes();

Deno.test("a client that never answers the server's KEXINIT", async () => {
  await using fixture = await startFixture({
    limits: { rekey: { bytesMax: 1, intervalMs: NEVER_MS, timeoutMs: 300 } },
  });
  await using client = await RawClient.login(fixture);
  client.ignoresRekeys = true;
  client.send(ping(1));
  await client.ended;
  await expectEnd(fixture, "ssh: key exchange timed out");
});

for (const [what, sizeBytes] of [["long", 30_000], ["short", 1]] as const) {
  Deno.test(`a client that sends ${what} requests and never answers the server's KEXINIT`, async () => {
    await using fixture = await startFixture({
      limits: {
        rekey: { bytesMax: 1, intervalMs: NEVER_MS, timeoutMs: NEVER_MS },
      },
    });
    await using client = await RawClient.login(fixture);
    client.ignoresRekeys = true;
    for (let sent = 0; sent < 1_100; sent++) client.send(ping(sizeBytes));
    await client.ended;
    await expectEnd(fixture, "ssh: too much waits for a key exchange");
  });
}

Deno.test("a rekey that is begun in a download and never finished", async () => {
  const { state, handle } = fountain();
  await using fixture = await startFixture({
    handle,
    limits: { rekey: { intervalMs: NEVER_MS, timeoutMs: 1_500 } },
  });
  await using client = await RawClient.login(fixture);
  client.exec(await client.openSession({ windowBytes: 2 ** 32 - 1 }), "x");
  await client.next(MESSAGE.channelData);
  client.ignoresRekeys = true;
  client.send(kexInit());
  // The server's KEXINIT is behind all that it had written before.
  await client.ended;
  await expectEnd(fixture, "ssh: key exchange timed out");
  const received = client.receivedBytes;
  const heldBytes = state.writtenBytes - received;
  assert(heldBytes < 4 * MIB, `${heldBytes} bytes were taken and not sent`);
});

/** A KEXINIT by hand, which the client's own ssh2 knows nothing of. */
function kexInit(): Uint8Array {
  const cipher = ["aes128-gcm@openssh.com"];
  const lists = [["curve25519-sha256"], ["ssh-ed25519"], cipher, cipher, [], []]
    .concat([["none"], ["none"], [], []]);
  const writer = new SshWriter().byte(MESSAGE.kexInit).raw(new Uint8Array(16));
  for (const names of lists) writer.nameList(names);
  return writer.bool(false).uint32(0).bytes();
}
