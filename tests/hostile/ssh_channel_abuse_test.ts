/**
 * The attacks: environments without end, requests on a channel that is busy,
 * channels opened above the limit for ever, and channels closed under a
 * writer.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ChannelClosedError } from "../../src/ssh/channel.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { DONE, runSsh, startFixture } from "../unit/ssh/ssh_fixture.ts";

const MIB = 1024 * 1024;

function variable(name: string, value: string) {
  return new SshWriter().string(name).string(value).bytes();
}

Deno.test("an environment of 90 MB leaves the last GIT_PROTOCOL and nothing else", async () => {
  let gitProtocol = "";
  await using fixture = await startFixture({
    handle: (start) => {
      gitProtocol = start.gitProtocol;
      return Promise.resolve(DONE);
    },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  const before = Deno.memoryUsage();
  const value = "x".repeat(30_000);
  for (let round = 0; round < 30; round++) {
    for (let count = 0; count < 50; count++) {
      const name = count % 2 ? "GIT_PROTOCOL" : `LC_${round}_${count}`;
      client.request(channel, "env", {
        body: variable(name, value),
        wantReply: count === 49,
      });
      client.request(channel, "env", {
        body: variable(name, value),
        wantReply: false,
      });
    }
    // Its answer means that the round has been read.
    await client.next(MESSAGE.channelSuccess);
  }
  client.request(channel, "env", {
    body: variable("GIT_PROTOCOL", "version=2"),
    wantReply: false,
  });
  client.exec(channel, "x");
  await client.next(MESSAGE.channelClose);
  assertEquals(gitProtocol, "version=2");
  const { heapUsed, external } = Deno.memoryUsage();
  const grownBytes = heapUsed + external - before.heapUsed - before.external;
  assert(grownBytes < 64 * MIB, `${grownBytes / MIB} MiB`);
});

Deno.test("two hundred requests on a channel that runs a command stop nothing", async () => {
  const release = Promise.withResolvers<void>();
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      await release.promise;
      await io.stdout.write(Uint8Array.of(1));
      return DONE;
    },
  });
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "long");
  await client.next(MESSAGE.channelSuccess);
  const types = [
    "window-change",
    "signal",
    "exec",
    "env",
    "pty-req",
    "x11-req",
  ];
  // All at once, without waiting: the reference would stop reading at the 17th.
  for (let round = 0; round < 200; round++) {
    client.request(channel, types[round % types.length] ?? "", {
      body: variable("a", "b"),
    });
  }
  for (let round = 0; round < 200; round++) {
    await client.next(MESSAGE.channelFailure);
  }
  // Others on the same connection are served meanwhile.
  const other = await client.openSession({ id: 1 });
  client.exec(other, "long");
  await client.next(MESSAGE.channelSuccess);
  release.resolve();
  await client.next(MESSAGE.channelData);
  await client.next(MESSAGE.channelClose);
  await client.next(MESSAGE.channelClose);
});

Deno.test("channels opened above the limit without end, end", async () => {
  await using fixture = await startFixture({
    sshd: { concurrentSessionsLimit: 2 },
    handle: (_start, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve(DONE))
      ),
    limits: { clientGoneMs: 1 },
  });
  await using client = await RawClient.login(fixture);
  for (const id of [0, 1]) client.exec(await client.openSession({ id }), "x");
  for (let id = 2; id < 500; id++) {
    client.send(
      new SshWriter().byte(MESSAGE.channelOpen).string("session").uint32(id)
        .uint32(2 ** 21).uint32(2 ** 15).bytes(),
    );
  }
  const reader = new SshReader(await client.next(MESSAGE.disconnect), 1);
  reader.readUint32();
  assertEquals(reader.readText(), "too many refused channels");
  await client.ended;
  await fixture.logged("access: finish");
});

Deno.test("what a command has written arrives, however the channel ends", async () => {
  await using fixture = await startFixture({
    handle: async (_start, { io }) => {
      const chunk = new Uint8Array(MIB).fill(7);
      for (let round = 0; round < 8; round++) await io.stdout.write(chunk);
      await io.stderr.write(new TextEncoder().encode("end"));
      return DONE;
    },
  });
  await using client = await RawClient.login(fixture);
  // A window that is always nearly used up.
  const channel = await client.openSession({ windowBytes: 40_000 });
  client.exec(channel, "x");
  let sizeBytes = 0;
  let hasStderr = false;
  for (;;) {
    const message = await client.next(
      MESSAGE.channelData,
      MESSAGE.channelExtendedData,
      MESSAGE.channelClose,
    );
    if (message[0] === MESSAGE.channelClose) break;
    const reader = new SshReader(message, 1);
    reader.readUint32();
    if (message[0] === MESSAGE.channelExtendedData) {
      reader.readUint32();
      hasStderr = true;
    } else {
      sizeBytes += reader.readString().length;
    }
    client.adjust(channel, 32_000);
  }
  assertEquals([sizeBytes, hasStderr], [8 * MIB, true]);
});

for (
  const [what, windowBytes] of [["a full", 0], ["an open", 2 ** 31]] as const
) {
  Deno.test(`a writer learns at once that its channel is closed, with ${what} window`, async () => {
    const outcome = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    await using fixture = await startFixture({
      handle: async (_start, { io }) => {
        started.resolve();
        const writing = (async () => {
          const chunk = new Uint8Array(65_536);
          for (;;) await io.stdout.write(chunk);
        })();
        await assertRejects(() => writing, ChannelClosedError)
          .then(outcome.resolve, outcome.reject);
        // And so does whoever writes later.
        await assertRejects(
          () => io.stderr.write(Uint8Array.of(1)),
          ChannelClosedError,
        );
        return DONE;
      },
    });
    await using client = await RawClient.login(fixture);
    const channel = await client.openSession({ windowBytes });
    client.exec(channel, "x");
    await started.promise;
    client.closeChannel(channel);
    await outcome.promise;
    await fixture.logged("connection: handleRequests: done");
    // The connection lives on.
    client.exec(await client.openSession({ id: 1 }), "x");
    await client.next(MESSAGE.channelSuccess);
    client.kill();
  });
}

Deno.test("data for a channel that both ends have closed ends the connection, not the server", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const channel = await client.openSession();
  client.exec(channel, "x");
  await client.next(MESSAGE.channelClose);
  client.closeChannel(channel);
  client.data(channel, Uint8Array.of(1));
  await client.ended;
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
});
