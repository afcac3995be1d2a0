import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { errorText, GitTransportError } from "../../../src/core/errors.ts";
import type { ByteReader } from "../../../src/core/io.ts";
import { encodeSideBandPacket } from "../../../src/git/side_band.ts";
import { readerOf } from "../../support/fake_host.ts";
import {
  failureOf,
  ImpatientClock,
  openClient,
  startCall,
  testOnCarriers,
  until,
} from "../../support/gitaly_call.ts";
import {
  type SidechannelCall,
  startGitalyServer,
} from "../../support/gitaly_grpc_server.ts";
import { Metadata } from "@grpc/grpc-js";

const bytes = (text: string) => new TextEncoder().encode(text);
const band = (number: 1 | 2, text: string) =>
  encodeSideBandPacket(number, bytes(text));

/** Input that never comes; tells whether it was asked for. */
function silentReader(): ByteReader & { reads: number } {
  const reader = {
    reads: 0,
    read() {
      reader.reads++;
      return new Promise<null>(() => {});
    },
  };
  return reader;
}

testOnCarriers(
  "a fetch ends OK with its outputs and figures",
  async (carrier) => {
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.write(band(2, "remote: hi\n"));
        assertEquals(await stream.readExactly(13), bytes("0009input0000"));
        await stream.write(band(1, "PACK"));
        await stream.closeWrite();
        return {
          packfileNegotiationStatistics: {
            ...{ payloadSize: 65, packets: 2, caps: ["multi_ack"], wants: 1 },
            ...{ haves: 0, shallows: 0, deepen: "", filter: "blob:none" },
          },
        };
      },
    });
    using client = openClient(carrier);
    const call = startCall(client, server.address, {
      stdin: readerOf("input"),
    });
    assertEquals(await call.result, {
      exitStatus: 0,
      packfileStatistics: {
        ...{ payloadSize: 65, packets: 2, caps: ["multi_ack"], wants: 1 },
        ...{ haves: 0, shallows: 0, deepen: "", filter: "blob:none" },
      },
    });
    assertStrictEquals(call.stdout.text, "PACK");
    assertStrictEquals(call.stderr.text, "remote: hi\n");
  },
);

testOnCarriers(
  "gitaly.md case 41: the server's end does not wait for input",
  async (carrier) => {
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.write(band(1, "0000"));
        await stream.closeWrite();
        return {};
      },
    });
    using client = openClient(carrier);
    const stdin = silentReader();
    const call = startCall(client, server.address, { stdin });
    await call.result;
    assertStrictEquals(call.stdout.text, "0000");
  },
);

testOnCarriers(
  "gitaly.md case 42: output is written before the error is told",
  async (carrier) => {
    const payload = new Uint8Array(60_000).fill(0x61);
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        for (let count = 0; count < 3; count++) {
          await stream.write(encodeSideBandPacket(1, payload));
        }
        await stream.write(band(2, "fatal: not found\n"));
        await stream.closeWrite();
        return { code: 5, details: "repository not found" };
      },
    });
    using client = openClient(carrier);
    // The consumer is slower than the status.
    const written: number[] = [];
    const stdout = {
      async write(bytes: Uint8Array) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        written.push(bytes.length);
      },
    };
    const call = startCall(client, server.address, {
      stdout,
      stdin: silentReader(),
    });
    const error = await failureOf(call);
    assertStrictEquals(
      error.message,
      "rpc error: code = NotFound desc = repository not found",
    );
    assertStrictEquals(written.reduce((sum, size) => sum + size, 0), 180_000);
    assertStrictEquals(call.stderr.text, "fatal: not found\n");
  },
);

testOnCarriers(
  "gitaly.md case 43: OK without a sidechannel is an error",
  async (carrier) => {
    await using server = await startGitalyServer({
      sidechannel: () => Promise.resolve({}),
    });
    using client = openClient(carrier);
    const stdin = silentReader();
    await assertRejects(
      () => startCall(client, server.address, { stdin }).result,
      GitTransportError,
      "sidechannel: callback de-registered without having run",
    );
    assertStrictEquals(stdin.reads, 0);
  },
);

testOnCarriers(
  "gitaly.md case 44: an error without a sidechannel is that error",
  async (carrier) => {
    await using server = await startGitalyServer({
      sidechannel: () =>
        Promise.resolve({ code: 3, details: "repository not set" }),
    });
    using client = openClient(carrier);
    const stdin = silentReader();
    const error = await failureOf(startCall(client, server.address, { stdin }));
    assertStrictEquals(
      error.message,
      "rpc error: code = InvalidArgument desc = repository not set",
    );
    assertStrictEquals(stdin.reads, 0);
  },
);

testOnCarriers(
  "gitaly.md 5.8: a broken exchange is told only if the call was OK",
  async (carrier) => {
    const failed = { code: 13, details: "cmd wait: exit status 1" };
    for (const isOk of [true, false]) {
      await using server = await startGitalyServer({
        async sidechannel({ openSidechannel }) {
          const stream = await openSidechannel();
          await stream.write(bytes("0006\x03a"));
          await stream.closeWrite();
          return isOk ? {} : failed;
        },
      });
      using client = openClient(carrier);
      const { result } = startCall(client, server.address, {
        stdin: silentReader(),
      });
      if (isOk) {
        await assertRejects(
          () => result,
          GitTransportError,
          "copy response: unexpected band: 3",
        );
      } else {
        assertStrictEquals((await failureOf({ result })).code, 13);
      }
    }
  },
);

testOnCarriers(
  "gitaly.md case 30: a reset sidechannel fails the call even if it is OK",
  async (carrier) => {
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.reset();
        return {};
      },
    });
    using client = openClient(carrier);
    await assertRejects(
      () => startCall(client, server.address, { stdin: silentReader() }).result,
      GitTransportError,
      "copy response: connection reset",
    );
  },
);

testOnCarriers(
  "gitaly.md 5.8: a failing output ends the exchange, and the status wins",
  async (carrier) => {
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.write(band(1, "lost"));
        // Git dies of the end of its pipe.
        assertStrictEquals(await stream.read().catch(() => null), null);
        return {
          code: 1,
          details: "running upload-pack: user canceled the request",
        };
      },
    });
    using client = openClient(carrier);
    const stdout = { write: () => Promise.reject(new Error("broken pipe")) };
    const error = await failureOf(
      startCall(client, server.address, { stdout, stdin: silentReader() }),
    );
    assertStrictEquals(
      error.details,
      "running upload-pack: user canceled the request",
    );
    assertStrictEquals(errorText(error.cause), "copy response: broken pipe");
  },
);

testOnCarriers("gitaly.md case 54: rich details are named", async (carrier) => {
  const metadata = new Metadata();
  metadata.set(
    "grpc-status-details-bin",
    Buffer.from(
      "CAgSGm1heGltdW0gcXVldWUgc2l6ZSByZWFjaGVkGkcKJXR5cGUuZ29vZ2xlYXBpcy5jb20vZ2l0YWx5Lkxpb" +
        "Wl0RXJyb3ISHgoabWF4aW11bSBxdWV1ZSBzaXplIHJlYWNoZWQSAA",
      "base64",
    ),
  );
  const details = "maximum queue size reached";
  await using server = await startGitalyServer({
    sidechannel: () => Promise.resolve({ code: 8, details, metadata }),
  });
  using client = openClient(carrier);
  const error = await failureOf(startCall(client, server.address));
  assertStrictEquals(
    error.message,
    `rpc error: code = ResourceExhausted desc = ${details}`,
  );
  assertEquals(error.detailTypes, ["gitaly.LimitError"]);
});

testOnCarriers(
  "gitaly.md 2.5: UNAVAILABLE is tried again with the same id, and told so",
  async (carrier) => {
    const seen: SidechannelCall[] = [];
    await using server = await startGitalyServer({
      async sidechannel(call) {
        seen.push(call);
        if (seen.length < 3) return { code: 14, details: "busy" };
        const stream = await call.openSidechannel();
        await stream.write(band(1, await readAll(stream)));
        await stream.closeWrite();
        return {};
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const call = startCall(client, server.address, {
      clock,
      stdin: readerOf("kept"),
    });
    await call.result;
    assertStrictEquals(call.stdout.text, "0008kept");
    const values = (name: string) =>
      seen.map(({ metadata }) => metadata.get(name)[0]);
    assertEquals(values("gitaly-sidechannel-id"), ["0", "0", "0"]);
    assertEquals(values("grpc-previous-rpc-attempts"), [undefined, "1", "2"]);
    assertStrictEquals(clock.sleepsMs.length, 2);
    assertStrictEquals(server.openings.length, 1);
  },
);

testOnCarriers(
  "gitaly.md 2.5: after the last attempt the text says so",
  async (carrier) => {
    let calls = 0;
    await using server = await startGitalyServer({
      sidechannel() {
        calls++;
        return Promise.resolve({ code: 14, details: "busy" });
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const error = await failureOf(startCall(client, server.address, { clock }));
    assertStrictEquals(
      error.message,
      "rpc error: code = Unavailable desc = max retries exhausted: failed after 4 attempts: " +
        "rpc error: code = Unavailable desc = busy",
    );
    assertStrictEquals(calls, 4);
  },
);

testOnCarriers(
  "gitaly.md 2.5: a negative pushback ends the attempts, another one sets the delay",
  async (carrier) => {
    for (const [pushback, calls] of [["-1", 1], ["7", 4]] as const) {
      let count = 0;
      const metadata = new Metadata();
      metadata.set("grpc-retry-pushback-ms", pushback);
      await using server = await startGitalyServer({
        sidechannel() {
          count++;
          return Promise.resolve({ code: 14, details: "busy", metadata });
        },
      });
      using client = openClient(carrier);
      const clock = new ImpatientClock();
      await failureOf(startCall(client, server.address, { clock }));
      assertStrictEquals(count, calls);
      assertEquals(clock.sleepsMs, Array(calls - 1).fill(7));
    }
  },
);

testOnCarriers(
  "gitaly.md 9.1: no attempt follows once the sidechannel was handed out",
  async (carrier) => {
    let calls = 0;
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        calls++;
        const stream = await openSidechannel();
        await stream.closeWrite();
        return { code: 14, details: "shutting down" };
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const error = await failureOf(
      startCall(client, server.address, { clock, stdin: silentReader() }),
    );
    assertStrictEquals(error.details, "shutting down");
    assertStrictEquals(calls, 1);
    assertEquals(clock.sleepsMs, []);
  },
);

testOnCarriers(
  "gitaly.md case 75: a connection cut in a pack leaves what came and is UNAVAILABLE",
  async (carrier) => {
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel, peer }) {
        const stream = await openSidechannel();
        await stream.write(band(1, "PACK, the half of it"));
        await until(() => call?.stdout.text !== "");
        peer.close();
        return {};
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const options = { clock, stdin: silentReader() };
    const call: ReturnType<typeof startCall> | undefined = startCall(
      client,
      server.address,
      options,
    );
    const error = await failureOf(call);
    assertStrictEquals(error.code, 14);
    assertStrictEquals(call.stdout.text, "PACK, the half of it");
    assertEquals(clock.sleepsMs, []);
  },
);

testOnCarriers(
  "gitaly.md case 76: a call survives GOAWAY, the next one connects anew",
  async (carrier) => {
    const goAhead = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.write(band(1, "before "));
        begun.resolve();
        await goAhead.promise;
        await stream.write(band(1, "after"));
        await stream.closeWrite();
        return {};
      },
    });
    using client = openClient(carrier);
    const first = startCall(client, server.address);
    await begun.promise;
    server.servers[0]?.tryShutdown(() => {});
    // GOAWAY has arrived when the client no longer uses the connection.
    await server.peers[0]?.waitFor(({ streamId, payload }) =>
      streamId === 1 && payload.length > 0
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = startCall(client, server.address);
    await until(() => server.openings.length === 2);
    goAhead.resolve();
    await Promise.all([first.result, second.result]);
    assertStrictEquals(first.stdout.text, "before after");
    assertStrictEquals(second.stdout.text, "before after");
    assertStrictEquals(server.openings.length, 2);
  },
);

testOnCarriers(
  "a cancelled fetch ends as Canceled, and the server hears of it",
  async (carrier) => {
    const cancelled = Promise.withResolvers<void>();
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel, call }) {
        const stream = await openSidechannel();
        await stream.write(band(1, "x"));
        await new Promise<void>((resolve) => call.on("cancelled", resolve));
        cancelled.resolve();
        await stream.closeWrite();
        return {};
      },
    });
    using client = openClient(carrier);
    const controller = new AbortController();
    const call = startCall(client, server.address, {
      signal: controller.signal,
      stdin: silentReader(),
    });
    await until(() => call.stdout.text === "x");
    controller.abort(new Error("session gone"));
    const error = await failureOf(call);
    assertStrictEquals(
      error.message,
      "rpc error: code = Canceled desc = context canceled",
    );
    await cancelled.promise;
  },
);

testOnCarriers(
  "a call cancelled before it could connect ends at once",
  async (carrier) => {
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const signal = AbortSignal.abort(new Error("session gone"));
    const error = await failureOf(
      startCall(client, "unix:/does/not/exist", { signal, clock }),
    );
    assertStrictEquals(
      error.message,
      "rpc error: code = Canceled desc = context canceled",
    );
    assertEquals(clock.sleepsMs, []);
  },
);

/** Input of a client, framing and all, up to its flush. */
async function readAll(
  stream: { readExactly(size: number): Promise<Uint8Array> },
) {
  let all = "";
  for (;;) {
    const digits = new TextDecoder().decode(await stream.readExactly(4));
    if (digits === "0000") return all;
    const size = parseInt(digits, 16) - 4;
    all += digits + new TextDecoder().decode(await stream.readExactly(size));
  }
}
