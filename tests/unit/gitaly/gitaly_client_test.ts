import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { GitTransportError } from "../../../src/core/errors.ts";
import {
  failureOf,
  ImpatientClock,
  openClient,
  REPOSITORY,
  startCall,
  testOnCarriers,
} from "../../support/gitaly_call.ts";
import { readerOf } from "../../support/fake_host.ts";
import {
  type GitalyHandlers,
  type SidechannelCall,
  startGitalyServer,
} from "../../support/gitaly_grpc_server.ts";
import { encodeSideBandPacket } from "../../../src/git/side_band.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const SERVICES = ["upload-pack", "receive-pack", "upload-archive"] as const;

/** Answers every fetch with nothing, every stream at its half-close. */
function polite(seen: SidechannelCall[] = []): GitalyHandlers {
  return {
    async sidechannel(call) {
      seen.push(call);
      const stream = await call.openSidechannel();
      await stream.closeWrite();
      return {};
    },
    stream({ stream }) {
      stream.on("data", () => {});
      stream.on("end", () => stream.end());
    },
  };
}

testOnCarriers(
  "gitaly.md case 21: every service begins with the magic and stream 1",
  async (carrier) => {
    for (const service of SERVICES) {
      await using server = await startGitalyServer(polite());
      using client = openClient(carrier);
      await startCall(client, server.address, { service }).result;
      assertEquals(server.openings, ["backchannel"]);
      const [first] = server.peers[0]?.frames ?? [];
      assertEquals(
        [first?.type, first?.flags, first?.streamId, first?.length],
        [1, 1, 1, 0],
      );
    }
  },
);

testOnCarriers(
  "gitaly.md case 10: nothing is dialled before the first call",
  async (carrier) => {
    await using server = await startGitalyServer(polite());
    using client = openClient(carrier);
    client.checkEndpoint({ address: server.address, token: "" });
    assertThrows(
      () => client.checkEndpoint({ address: "", token: "" }),
      GitTransportError,
      "no gitaly_address given",
    );
    assertEquals(server.openings, []);
  },
);

testOnCarriers(
  "gitaly.md case 5: without a server a fetch makes 4 attempts, a push 1",
  async (carrier) => {
    using client = openClient(carrier);
    const address = "unix:/does/not/exist";
    const lost = "last connection error: connection error: desc = " +
      '"transport: Error while dialing: dial unix /does/not/exist: connect: no such file or directory"';
    const expected = [
      ["upload-pack", 3, retried(4, lost)],
      ["upload-archive", 3, retried(4, lost)],
      ["receive-pack", 0, lost],
    ] as const;
    for (const [service, waits, details] of expected) {
      const clock = new ImpatientClock();
      const error = await failureOf(
        startCall(client, address, { service, clock }),
      );
      assertStrictEquals(error.code, 14);
      assertStrictEquals(error.details, details);
      assertStrictEquals(clock.sleepsMs.length, waits);
    }
  },
);

testOnCarriers(
  "gitaly.md case 20: a policy of two attempts makes two",
  async (carrier) => {
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const retryPolicy = {
      attemptsMax: 2,
      initialBackoffMs: 100,
      maxBackoffMs: 1_000,
      backoffMultiplier: 2,
      retryableCodes: [14],
    };
    const options = { clock, retryPolicy };
    const error = await failureOf(
      startCall(client, "unix:/does/not/exist", options),
    );
    assert(
      error.details.startsWith(
        "max retries exhausted: failed after 2 attempts: ",
      ),
    );
    assertStrictEquals(clock.sleepsMs.length, 1);
    const [delay = 0] = clock.sleepsMs;
    assert(delay >= 80 && delay <= 120);
  },
);

testOnCarriers(
  "gitaly.md case 12, 16: metadata goes out as it is, and no token no header",
  async (carrier) => {
    const seen: SidechannelCall[] = [];
    await using server = await startGitalyServer(polite(seen));
    using client = openClient(carrier);
    const metadata = [
      ["gitaly-feature-a_b", "true"],
      ["key_id", "0"],
      ["key_type", ""],
      ["user_id", "user-1"],
      ["username", ""],
      ["remote_ip", "127.0.0.1"],
      ["x-gitlab-correlation-id", "abc"],
      ["x-gitlab-client-name", "gitlab-shell-git-upload-pack"],
    ] as const;
    await startCall(client, server.address, { metadata }).result;
    const received = seen[0]?.metadata;
    for (const [name, value] of metadata) {
      assertEquals(received?.get(name), [value]);
    }
    assertEquals(received?.get("gitaly-sidechannel-id"), ["0"]);
    assertEquals(received?.get("authorization"), []);
    assertEquals(received?.get("grpc-timeout"), []);
    assertEquals(received?.get("grpc-previous-rpc-attempts"), []);
  },
);

testOnCarriers(
  "gitaly.md case 11, 13: each call signs its own time on one connection",
  async (carrier) => {
    const seen: SidechannelCall[] = [];
    await using server = await startGitalyServer(polite(seen));
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const options = { clock, token: "secret-token" };
    await startCall(client, server.address, options).result;
    clock.nowMsValue += 31_000;
    await startCall(client, server.address, options).result;
    const tokens = seen.map(({ metadata }) =>
      String(metadata.get("authorization")[0])
    );
    assertStrictEquals(
      tokens[0],
      "Bearer v2.7559b7542bdb687f0ce70dc95227cf906c4d550276ee2ddd26aeae71995a467e.1767225600",
    );
    assertStrictEquals(tokens[1]?.split(".")[2], "1767225631");
    assertStrictEquals(server.openings.length, 1);
  },
);

testOnCarriers(
  "gitaly.md 3.1: a token signed long before the connection stands is signed anew",
  async (carrier) => {
    const seen: SidechannelCall[] = [];
    await using server = await startGitalyServer(polite(seen));
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const asked: number[] = [];
    clock.nowMs = () => {
      asked.push(clock.nowMsValue += 5_000);
      return clock.nowMsValue;
    };
    await startCall(client, server.address, { clock, token: "foo" }).result;
    const [token] = seen[0]?.metadata.get("authorization") ?? [];
    const sentAt = Number(String(token).split(".")[2]) * 1_000;
    assertStrictEquals(asked.length >= 2, true);
    assertStrictEquals(sentAt, asked.at(-1));
  },
);

testOnCarriers(
  "metadata that cannot be sent is INTERNAL without a connection",
  async (carrier) => {
    await using server = await startGitalyServer(polite());
    using client = openClient(carrier);
    const metadata = [["username", "jürgen"]] as const;
    const error = await failureOf(
      startCall(client, server.address, { metadata }),
    );
    assertStrictEquals(error.code, 13);
    assertEquals(server.openings, []);
  },
);

testOnCarriers(
  "gitaly.md 1.4: the fetch request carries its fields",
  async (carrier) => {
    const seen: SidechannelCall[] = [];
    await using server = await startGitalyServer(polite(seen));
    using client = openClient(carrier);
    await startCall(client, server.address).result;
    assertEquals(seen[0]?.request, {
      repository: REPOSITORY,
      gitConfigOptions: ["uploadpack.allowFilter=true"],
      gitProtocol: "version=2",
    });
  },
);

testOnCarriers(
  "gitaly.md case 33: ids count on over calls and connections",
  async (carrier) => {
    const seen: SidechannelCall[] = [];
    await using server = await startGitalyServer(polite(seen));
    await using other = await startGitalyServer(polite(seen));
    using client = openClient(carrier);
    for (const { address } of [server, other, server]) {
      await startCall(client, address).result;
    }
    // A push takes no number.
    await startCall(client, server.address, { service: "receive-pack" }).result;
    await startCall(client, other.address).result;
    assertEquals(
      seen.map(({ metadata }) => metadata.get("gitaly-sidechannel-id")[0]),
      ["0", "1", "2", "3"],
    );
  },
);

testOnCarriers(
  "gitaly.md 2.6: calls share a connection by service, address and token",
  async (carrier) => {
    await using server = await startGitalyServer(polite());
    using client = openClient(carrier);
    const call = (service: typeof SERVICES[number], token: string) =>
      startCall(client, server.address, { service, token }).result;
    await Promise.all([call("upload-pack", "a"), call("upload-pack", "a")]);
    assertStrictEquals(server.openings.length, 1);
    await call("upload-pack", "b");
    assertStrictEquals(server.openings.length, 2);
    await call("receive-pack", "a");
    await call("receive-pack", "a");
    assertStrictEquals(server.openings.length, 3);
  },
);

testOnCarriers(
  "gitaly.md case 78: a hundred calls leave no stream but the first",
  async (carrier) => {
    await using server = await startGitalyServer(polite());
    using client = openClient(carrier);
    for (let count = 0; count < 100; count++) {
      await startCall(client, server.address, { stdin: readerOf("x") }).result;
    }
    const [peer] = server.peers;
    await peer?.waitFor(({ streamId, flags }) =>
      streamId === 200 && flags === 4
    );
    const open = [...peer?.streams.values() ?? []].filter(({ finCount }) =>
      finCount !== 1
    );
    assertEquals(open.map(({ id }) => id), [1]);
    assertStrictEquals(server.openings.length, 1);
  },
);

testOnCarriers(
  "gitaly.md case 25: an HTTP/2 stream of the server comes before the sidechannel",
  async (carrier) => {
    await using server = await startGitalyServer({
      ...polite(),
      async onPeer(peer) {
        const backchannel = await peer.open();
        await backchannel.write(bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        await backchannel.write(Uint8Array.fromHex("000000040000000000"));
      },
    });
    using client = openClient(carrier);
    await startCall(client, server.address).result;
    await server.peers[0]?.waitFor(({ streamId }) => streamId === 4);
    const answers = server.peers[0]?.frames
      .filter(({ streamId, type }) => streamId === 2 && type === 0)
      .map(({ payload }) => payload.toHex()).join("");
    assertStrictEquals(answers, "000000040000000000" + "000000040100000000");
  },
);

testOnCarriers(
  "gitaly.md case 22: a ping before the first ACK is answered",
  async (carrier) => {
    await using server = await startGitalyServer({
      ...polite(),
      onPeer: (peer) =>
        void peer.sendRaw(Uint8Array.fromHex("000200010000000000000000")),
    });
    using client = openClient(carrier);
    await startCall(client, server.address).result;
    const pong = await server.peers[0]?.waitFor(({ type }) => type === 2);
    assertEquals([pong?.flags, pong?.length], [2, 0]);
  },
);

testOnCarriers(
  "gitaly.md case 32: a stuck consumer does not hold up another call",
  async (carrier) => {
    const stuck = Promise.withResolvers<void>();
    let count = 0;
    await using server = await startGitalyServer({
      async sidechannel(call) {
        const stream = await call.openSidechannel();
        const isFirst = count++ === 0;
        const packet = encodeSideBandPacket(1, new Uint8Array(60_000));
        for (let sent = 0; sent < (isFirst ? 100 : 1); sent++) {
          await stream.write(packet);
        }
        await stream.closeWrite();
        return {};
      },
    });
    using client = openClient(carrier);
    const stdout = { write: () => stuck.promise };
    const slow = startCall(client, server.address, { stdout });
    await server.peers[0]?.waitFor(({ streamId }) => streamId === 2);
    const quick = startCall(client, server.address);
    await quick.result;
    assertStrictEquals(quick.stdout.bytes.length, 60_000);
    assertStrictEquals(server.openings.length, 1);
    stuck.resolve();
    await slow.result;
  },
);

function retried(attempts: number, details: string): string {
  return `max retries exhausted: failed after ${attempts} attempts: ` +
    `rpc error: code = Unavailable desc = ${details}`;
}
