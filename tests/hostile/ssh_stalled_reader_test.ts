/**
 * The attacks: a client that opens a huge window and stops reading, asks and
 * never listens, begins a key exchange and never finishes it, or vanishes.
 * Each may cost its own connection, and memory of a fixed size.
 */
import { assert, assertEquals } from "@std/assert";
import type { SessionHandler } from "../../src/ssh/session_handler.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshWriter } from "../../src/ssh/wire.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { DONE, sshArgs, startFixture } from "../unit/ssh/ssh_fixture.ts";

const MIB = 1024 * 1024;
const CHUNK = new Uint8Array(128 * 1024);
/** What the system's own buffers of a loopback connection may take. */
const SYSTEM_BYTES_MAX = 12 * MIB;

/** Writes without end, and counts what it got rid of. */
function fountain() {
  const state = { writtenBytes: 0, error: Promise.withResolvers<unknown>() };
  const handle: SessionHandler = async (_start, { io }) => {
    try {
      for (;;) {
        await io.stdout.write(CHUNK);
        state.writtenBytes += CHUNK.length;
      }
    } catch (error) {
      state.error.resolve(error);
    }
    return DONE;
  };
  return { state, handle };
}

/** Waits until a number has not changed for a while, on a busy machine too. */
async function settled(read: () => number): Promise<number> {
  let before = -1;
  for (let sameCount = 0;;) {
    const now = read();
    sameCount = now === before ? sameCount + 1 : 0;
    if (sameCount === 3) return now;
    before = now;
    await new Promise((next) => setTimeout(next, 150));
  }
}

Deno.test("sshd.md case 92: a window of 4 GiB and a client that stops reading", async () => {
  const { state, handle } = fountain();
  await using fixture = await startFixture({ handle });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession({ windowBytes: 2 ** 32 - 1 });
  client.exec(channel, "x");
  await client.next(MESSAGE.channelData);
  client.pause();
  const writtenBytes = await settled(() => state.writtenBytes);
  assert(writtenBytes < SYSTEM_BYTES_MAX, `${writtenBytes / MIB} MiB`);
  client.kill();
  assertEquals(String(await state.error.promise), "ChannelClosedError: EOF");
});

Deno.test("a window that is never opened holds the writer, and nothing else", async () => {
  const { state, handle } = fountain();
  await using fixture = await startFixture({ handle });
  await using client = await RawClient.login(fixture);
  client.exec(await client.openSession({ windowBytes: 100 }), "x");
  await client.next(MESSAGE.channelData);
  assertEquals(await settled(() => state.writtenBytes), 0);
  client.exec(await client.openSession({ id: 1, windowBytes: 100 }), "x");
  await client.next(MESSAGE.channelData);
  client.kill();
  await state.error.promise;
});

Deno.test("a client that is there and takes nothing is given up", async () => {
  const { state, handle } = fountain();
  await using fixture = await startFixture({
    handle,
    limits: { stalledMs: 100 },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession({ windowBytes: 100 });
  client.exec(channel, "x");
  assertEquals(
    String(await state.error.promise),
    "StalledReaderError: client does not read",
  );
  // Its connection may go on with something else.
  await client.next(MESSAGE.channelClose);
  client.exec(await client.openSession({ id: 1 }), "x");
  await client.next(MESSAGE.channelData);
});

Deno.test("a reader that is slow, and never stops, is not", async () => {
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      await io.stdout.write(new Uint8Array(3_000));
      return DONE;
    },
    limits: { stalledMs: 400 },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession({ windowBytes: 100 });
  client.exec(channel, "x");
  let sizeBytes = 0;
  while (sizeBytes < 3_000) {
    const data = await client.next(MESSAGE.channelData);
    sizeBytes += data.length - 9;
    client.adjust(channel, 100);
    await new Promise((next) => setTimeout(next, 20));
  }
  await client.next(MESSAGE.channelClose);
});

Deno.test("requests whose answers nobody reads stop being read", async () => {
  await using fixture = await startFixture({
    handle: () => new Promise(() => {}),
  });
  await using client = await RawClient.login(fixture);
  await client.openSession();
  client.pause();
  const ping = new SshWriter().byte(MESSAGE.ping).raw(new Uint8Array(30_000))
    .bytes();
  const count = 1_500;
  for (let sent = 0; sent < count; sent++) client.send(ping);
  // What the server does not read stays with the client.
  const unsentBytes = await settled(() => client.unsentBytes);
  const takenBytes = count * ping.length - unsentBytes;
  assert(takenBytes < 2 * SYSTEM_BYTES_MAX, `took ${takenBytes / MIB} MiB`);
  client.kill();
  await fixture.logged("access: finish");
});

Deno.test("an unfinished key exchange during a download holds the writer", async () => {
  const { state, handle } = fountain();
  await using fixture = await startFixture({ handle });
  await using client = await RawClient.login(fixture);
  client.exec(await client.openSession({ windowBytes: 2 ** 32 - 1 }), "x");
  await client.next(MESSAGE.channelData);
  client.send(kexInit());
  // Settles, because nothing more is taken from the writer.
  // What is under way then, the client still has to read.
  await settled(() => state.writtenBytes + client.receivedBytes);
  await settled(() => client.messages.length);
  client.messages.length = 0;
  assertEquals(await settled(() => client.messages.length), 0);
  client.kill();
  await state.error.promise;
});

/** A KEXINIT by hand, which the client's own ssh2 knows nothing of. */
function kexInit(): Uint8Array {
  const lists = [
    ["curve25519-sha256"],
    ["ssh-ed25519"],
    ["aes128-gcm@openssh.com"],
    ["aes128-gcm@openssh.com"],
    [],
    [],
    ["none"],
    ["none"],
    [],
    [],
  ];
  const writer = new SshWriter().byte(MESSAGE.kexInit).raw(new Uint8Array(16));
  for (const names of lists) writer.nameList(names);
  return writer.bool(false).uint32(0).bytes();
}

Deno.test("a client killed in the middle of a download ends its command at once", async () => {
  const { state, handle } = fountain();
  await using fixture = await startFixture({ handle });
  const child = new Deno.Command("ssh", {
    args: [...sshArgs(fixture), "x"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    env: { SSH_AUTH_SOCK: "" },
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGKILL");
  await reader.cancel();
  await child.status;
  const startMs = performance.now();
  await state.error.promise;
  await fixture.logged("access: finish");
  assert(performance.now() - startMs < 2_000);
});

Deno.test("a client killed in the middle of an upload ends its input at once", {
  // The client's writes have ended by then; in rare runs one operation has not,
  // and it may be a packet that is still decrypted on another thread for the
  // connection that has gone.
  sanitizeOps: false,
}, async () => {
  const ended = Promise.withResolvers<number>();
  const started = Promise.withResolvers<void>();
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      let sizeBytes = 0;
      for (
        let piece = await io.stdin.read();
        piece;
        piece = await io.stdin.read()
      ) {
        sizeBytes += piece.length;
        if (sizeBytes > MIB) started.resolve();
      }
      ended.resolve(sizeBytes);
      return DONE;
    },
  });
  const client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  for (let sent = 0; sent < 1.5 * MIB; sent += 32_768) {
    client.data(channel, new Uint8Array(32_768));
  }
  await started.promise;
  client.kill();
  await client.ended;
  assert(await ended.promise > MIB);
  await fixture.logged("access: finish");
});
