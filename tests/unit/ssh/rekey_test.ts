/**
 * New keys in the middle of transfers, begun by either side, with OpenSSH's
 * client. Row F13; sshd.md case 47.
 */
import { assert, assertEquals } from "@std/assert";
import type { SessionHandler } from "../../../src/ssh/session_handler.ts";
import { MESSAGE } from "../../../src/ssh/ssh_messages.ts";
import { SshReader } from "../../../src/ssh/wire.ts";
import { MlkemClientHalf } from "../../support/mlkem_client.ts";
import { RawClient } from "./raw_client.ts";
import { DONE, runSshForBytes, startFixture } from "./ssh_fixture.ts";

const MIB = 1024 * 1024;
const MANY_MS = 3_600_000;

/** Counts numbers up, so that a byte that is lost or repeated shows. */
function pattern(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(sizeBytes / 4);
  for (let at = 0; at < words.length; at++) words[at] = at * 2_654_435_761;
  return new Uint8Array(words.buffer);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Sends everything back. */
const echo: SessionHandler = async (_start, { io }) => {
  for (let data = await io.stdin.read(); data; data = await io.stdin.read()) {
    await io.stdout.write(data);
  }
  return DONE;
};

/** Runs OpenSSH's client and hashes what comes back. */
async function echoThroughSsh(
  fixture: Parameters<typeof runSshForBytes>[0],
  options: readonly string[],
  sent: Uint8Array<ArrayBuffer>,
) {
  const run = await runSshForBytes(fixture, ["x"], {
    first: options.flatMap((option) => ["-o", option]),
    options: ["-v"],
    stdin: sent,
  });
  const received = run.stdout;
  assertEquals(run.code, 0, run.stderr);
  assertEquals(received.length, sent.length);
  assertEquals(await sha256(received), await sha256(sent));
  return run.stderr.split("SSH2_MSG_KEXINIT received").length - 1;
}

const CIPHERS = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-ctr",
];
for (const cipher of CIPHERS) {
  const size = cipher.startsWith("chacha20") ? 32 : 16;
  Deno.test(`sshd.md case 47: ${size} MiB each way while OpenSSH rekeys every MiB, ${cipher}`, async () => {
    await using fixture = await startFixture({ handle: echo });
    const exchanges = await echoThroughSsh(
      fixture,
      ["LogLevel=DEBUG1", "RekeyLimit=1M", `Ciphers=${cipher}`],
      pattern(size * MIB),
    );
    assert(exchanges > size, `${exchanges} exchanges`);
  });
}

Deno.test("row F13: 16 MiB each way while the server rekeys every MiB", async () => {
  await using fixture = await startFixture({
    handle: echo,
    limits: {
      rekey: { bytesMax: MIB, intervalMs: MANY_MS, timeoutMs: 60_000 },
    },
  });
  const exchanges = await echoThroughSsh(
    fixture,
    ["LogLevel=DEBUG1"],
    pattern(16 * MIB),
  );
  assert(exchanges > 10, `${exchanges} exchanges`);
});

Deno.test("row F13: both sides rekey at once", async () => {
  await using fixture = await startFixture({
    handle: echo,
    limits: {
      rekey: { bytesMax: MIB, intervalMs: MANY_MS, timeoutMs: 60_000 },
    },
  });
  const exchanges = await echoThroughSsh(
    fixture,
    ["LogLevel=DEBUG1", "RekeyLimit=1M"],
    pattern(16 * MIB),
  );
  assert(exchanges > 10, `${exchanges} exchanges`);
});

Deno.test("row F13: the server rekeys by the clock, over mlkem768x25519-sha256", async () => {
  await using fixture = await startFixture({
    handle: echo,
    limits: { rekey: { intervalMs: 1, timeoutMs: 60_000 } },
  });
  await using client = await RawClient.login(
    fixture,
    await MlkemClientHalf.open(200),
  );
  const channel = await client.openSession();
  client.exec(channel, "x");
  for (let round = 0; round < 20; round++) {
    client.data(channel, Uint8Array.of(round));
    const data = new SshReader(await client.next(MESSAGE.channelData), 5);
    assertEquals([...data.readString()], [round]);
    await new Promise((next) => setTimeout(next, 2));
  }
  assert(client.exchanges > 5, `${client.exchanges} exchanges`);
});
