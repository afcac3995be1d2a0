/** Channels: who gets one, and that every byte arrives, once and in order. */
import { assert, assertEquals } from "@std/assert";
import { writeText } from "../../../src/core/io.ts";
import type { SessionHandler } from "../../../src/ssh/session_handler.ts";
import { MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import { SshReader } from "../../../src/ssh/wire.ts";
import { RawClient } from "./raw_client.ts";
import { DONE, runSsh, sshArgs, startFixture } from "./ssh_fixture.ts";

const MIB = 1024 * 1024;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function randomBytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** Sends `bytes` in pieces of an odd size. */
function sender(bytes: Uint8Array): SessionHandler {
  return async (_start, { io }) => {
    for (let at = 0; at < bytes.length; at += 100_003) {
      await io.stdout.write(bytes.subarray(at, at + 100_003));
    }
    return DONE;
  };
}

/** Takes all input and answers with its checksum. */
const receiver: SessionHandler = async (_start, { io }) => {
  const pieces: Uint8Array[] = [];
  for (
    let piece = await io.stdin.read();
    piece;
    piece = await io.stdin.read()
  ) {
    pieces.push(piece.slice());
  }
  const whole = new Uint8Array(
    await new Blob(pieces as BlobPart[]).arrayBuffer(),
  );
  await writeText(io.stdout, await sha256(whole));
  return DONE;
};

/** Output of OpenSSH's client as bytes. */
async function sshBytes(
  fixture: Parameters<typeof sshArgs>[0],
  options: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { stdout, success } = await new Deno.Command("ssh", {
    args: [...sshArgs(fixture, options), "x"],
    stdin: "null",
    env: { SSH_AUTH_SOCK: "" },
  }).output();
  assert(success);
  return stdout;
}

const CIPHERS = [
  "aes128-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes256-ctr",
];
for (const cipher of CIPHERS) {
  Deno.test(`sshd.md case 47: 32 MiB each way over ${cipher}, new keys every MiB`, async () => {
    const bytes = randomBytes(32 * MIB);
    const expected = await sha256(bytes);
    const options = ["-c", cipher, "-o", "RekeyLimit=1M"];
    {
      await using fixture = await startFixture({ handle: sender(bytes) });
      assertEquals(await sha256(await sshBytes(fixture, options)), expected);
    }
    await using fixture = await startFixture({ handle: receiver });
    const run = await runSsh(fixture, ["x"], { options, stdin: bytes });
    assertEquals(run, { code: 0, stdout: expected, stderr: "" });
  });
}

const REFUSED_TYPES = ["direct-tcpip", "x11", "auth-agent@openssh.com", "x"];
for (const type of REFUSED_TYPES) {
  Deno.test(`sshd.md case 85: a channel of type ${type} is refused`, async () => {
    await using fixture = await startFixture();
    await using client = await RawClient.login(fixture);
    const reader = new SshReader(await client.openChannel({ type, id: 77 }), 1);
    assertEquals(
      [
        reader.readUint32(),
        reader.readUint32(),
        reader.readText(),
        reader.readText(),
      ],
      [77, 3, "unknown channel type", "en"],
    );
  });
}

Deno.test("sshd.md case 86: a session above the limit is refused, and has its place later", async () => {
  const release = Promise.withResolvers<void>();
  await using fixture = await startFixture({
    sshd: { concurrentSessionsLimit: 2 },
    handle: async () => {
      await release.promise;
      return DONE;
    },
  });
  await using client = await RawClient.login(fixture);
  client.exec(await client.openSession({ id: 0 }), "x");
  await client.openSession({ id: 1 });
  const refused = new SshReader(await client.openChannel({ id: 2 }), 1);
  assertEquals(
    [refused.readUint32(), refused.readUint32(), refused.readText()],
    [2, 4, "too many concurrent sessions"],
  );
  await fixture.logged(
    "connection: handleRequests: too many concurrent sessions",
  );
  release.resolve();
  await client.next(MESSAGE.channelClose);
  await client.openSession({ id: 3 });
});

for (const limit of [0, -1]) {
  Deno.test(`a limit of ${limit} refuses every session`, async () => {
    await using fixture = await startFixture({
      sshd: { concurrentSessionsLimit: limit },
    });
    await using client = await RawClient.login(fixture);
    const reader = new SshReader(await client.openChannel(), 1);
    reader.readUint32();
    assertEquals(reader.readUint32(), 4);
  });
}

/** Reads both outputs of a channel, opening the window by `stepBytes`. */
async function collect(
  client: RawClient,
  channel: number,
  stepBytes: number,
): Promise<{ stdout: Uint8Array[]; stderr: Uint8Array[] }> {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  for (;;) {
    const message = await client.next(
      MESSAGE.channelData,
      MESSAGE.channelExtendedData,
      MESSAGE.channelClose,
    );
    if (message[0] === MESSAGE.channelClose) return { stdout, stderr };
    const reader = new SshReader(message, 5);
    if (message[0] === MESSAGE.channelExtendedData) {
      assertEquals(reader.readUint32(), 1);
      stderr.push(reader.readString());
    } else {
      stdout.push(reader.readString());
    }
    client.adjust(channel, stepBytes);
  }
}

const join = async (pieces: Uint8Array[]) =>
  new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());

Deno.test("sshd.md case 93: both outputs under an exhausted window arrive whole and once", async () => {
  const out = randomBytes(300_000);
  const err = randomBytes(300_000);
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      await io.stdout.write(out.subarray(0, 100_000));
      // Both wait for the window at once, then one after the other.
      await Promise.all([
        io.stdout.write(out.subarray(100_000, 200_000)),
        io.stderr.write(err.subarray(0, 200_000)),
      ]);
      await io.stderr.write(err.subarray(200_000));
      await io.stdout.write(out.subarray(200_000));
      return DONE;
    },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession({ windowBytes: 1_000 });
  client.exec(channel, "x");
  const { stdout, stderr } = await collect(client, channel, 7_001);
  assertEquals(await sha256(await join(stdout)), await sha256(out));
  assertEquals(await sha256(await join(stderr)), await sha256(err));
});

Deno.test("sshd.md case 94: 3 MiB of stderr before the exit arrive", async () => {
  const err = randomBytes(3 * MIB);
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      await io.stderr.write(err);
      return { exitStatus: 5 };
    },
  });
  const { code, stderr } = await new Deno.Command("ssh", {
    args: [...sshArgs(fixture), "x"],
    stdin: "null",
    env: { SSH_AUTH_SOCK: "" },
  }).output();
  assertEquals(code, 5);
  assertEquals(await sha256(stderr), await sha256(err));
});

Deno.test("output is cut to the client's packet size", async () => {
  const out = randomBytes(5_000);
  await using fixture = await startFixture({ handle: sender(out) });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession({ packetBytes: 9 });
  client.exec(channel, "x");
  const { stdout } = await collect(client, channel, 0);
  assert(stdout.every((piece) => piece.length <= 9));
  assertEquals(await join(stdout), out);
});

Deno.test("input larger than the window is given back as it is read", async () => {
  const sizeBytes = 5 * MIB;
  await using fixture = await startFixture({ handle: receiver });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  const bytes = randomBytes(sizeBytes);
  let windowBytes = 2 * MIB;
  for (let at = 0; at < sizeBytes;) {
    const count = Math.min(32 * 1024, windowBytes, sizeBytes - at);
    if (count === 0) {
      const adjust = await client.next(MESSAGE.channelWindowAdjust);
      windowBytes += new SshReader(adjust, 5).readUint32();
      continue;
    }
    client.data(channel, bytes.subarray(at, at + count));
    at += count;
    windowBytes -= count;
  }
  client.eof(channel);
  const data = await client.next(MESSAGE.channelData);
  assertEquals(new SshReader(data, 5).readText(), await sha256(bytes));
});
