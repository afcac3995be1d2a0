import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { readerOf } from "../../support/fake_host.ts";
import {
  failureOf,
  ImpatientClock,
  openClient,
  startCall,
  testOnCarriers,
} from "../../support/gitaly_call.ts";
import {
  type GitalyHandlers,
  startGitalyServer,
  type StatusAnswer,
} from "../../support/gitaly_grpc_server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const SIDECHANNEL_PATH = "/gitaly.SSHService/SSHUploadPackWithSidechannel";

/** Answers the old fetch method, and every other stream, with its input. */
function echo(paths: string[] = []): GitalyHandlers {
  return {
    stream({ path, stream }) {
      paths.push(path);
      stream.on("data", ({ stdin }) => {
        if (stdin.length > 0) stream.write({ stdout: stdin });
      });
      stream.on("end", () => stream.end());
    },
  };
}

const UNKNOWN_METHOD: readonly StatusAnswer[] = [
  {
    code: 12,
    details:
      "unknown method SSHUploadPackWithSidechannel for service gitaly.SSHService",
  },
  { code: 12, details: "method SSHUploadPackWithSidechannel not implemented" },
  { code: 12, details: "" },
  {
    code: 13,
    details: `GetStorageName: full method name not found: ${SIDECHANNEL_PATH}`,
  },
  { code: 2, details: `full method name not found: ${SIDECHANNEL_PATH}` },
];

const OTHER_FAILURES: readonly StatusAnswer[] = [
  { code: 13, details: "running upload-pack" },
  {
    code: 13,
    details: `full method name not found: ${SIDECHANNEL_PATH} today`,
  },
  { code: 1, details: "gone" },
  { code: 3, details: "repository not set" },
  { code: 5, details: "repository not found" },
  { code: 7, details: `full method name not found: ${SIDECHANNEL_PATH}` },
  { code: 10, details: "opennig sidechannel" },
  { code: 16, details: "authentication required" },
];

for (const answer of UNKNOWN_METHOD) {
  const shown = JSON.stringify([answer.code, answer.details]);
  testOnCarriers(
    `gitaly.md case 72: after ${shown} the old method gets all input`,
    async (carrier) => {
      const paths: string[] = [];
      await using server = await startGitalyServer({
        ...echo(paths),
        sidechannel: () => Promise.resolve(answer),
      });
      using client = openClient(carrier);
      const stdin = readerOf("0032want", "0009done\n");
      const call = startCall(client, server.address, { stdin });
      await call.result;
      assertStrictEquals(call.stdout.text, "0032want0009done\n");
      assertEquals(paths, ["/gitaly.SSHService/SSHUploadPack"]);
      assertStrictEquals(server.openings.length, 1);
    },
  );
}

for (const answer of OTHER_FAILURES) {
  const shown = JSON.stringify([answer.code, answer.details]);
  testOnCarriers(
    `gitaly.md case 72: after ${shown} there is no other way`,
    async (carrier) => {
      const paths: string[] = [];
      await using server = await startGitalyServer({
        ...echo(paths),
        sidechannel: () => Promise.resolve(answer),
      });
      using client = openClient(carrier);
      const error = await failureOf(startCall(client, server.address));
      assertEquals([error.code, error.details], [answer.code, answer.details]);
      assertEquals(paths, []);
    },
  );
}

testOnCarriers(
  "gitaly.md case 74: once the sidechannel was handed out there is no other way",
  async (carrier) => {
    const paths: string[] = [];
    await using server = await startGitalyServer({
      ...echo(paths),
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.closeWrite();
        return { code: 12, details: "after all" };
      },
    });
    using client = openClient(carrier);
    const error = await failureOf(startCall(client, server.address));
    assertEquals([error.code, error.details], [12, "after all"]);
    assertEquals(paths, []);
  },
);

testOnCarriers(
  "gitaly.md case 73: a server that closes after the magic is spoken to plainly",
  async (carrier) => {
    const paths: string[] = [];
    await using server = await startGitalyServer({
      ...echo(paths),
      onConnection: closeAfterMagic,
    });
    using client = openClient(carrier);
    const services = ["upload-pack", "receive-pack", "upload-archive"] as const;
    for (const service of services) {
      const clock = new ImpatientClock();
      const stdin = readerOf("0000");
      const call = startCall(client, server.address, { service, stdin, clock });
      await call.result;
      assertStrictEquals(call.stdout.text, "0000");
      assertEquals(clock.sleepsMs, []);
    }
    assertEquals(paths.map((path) => path.split("/")[2]), [
      "SSHUploadPack",
      "SSHReceivePack",
      "SSHUploadArchive",
    ]);
    // The first connection taught it; one for each service followed.
    assertEquals(server.openings, Array(3).fill("PRI * HTTP/"));
  },
);

testOnCarriers(
  "gitaly.md 10: a server that closes every connection is not believed to be old",
  async (carrier) => {
    let connections = 0;
    let isUp = false;
    await using server = await startGitalyServer({
      ...echo(),
      onConnection(conn, count) {
        connections = count;
        if (isUp) return false;
        void readSome(conn).then(() => conn.close());
        return true;
      },
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.closeWrite();
        return {};
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const error = await failureOf(startCall(client, server.address, { clock }));
    assertStrictEquals(error.code, 14);
    assert(
      error.details.startsWith(
        "max retries exhausted: failed after 4 attempts",
      ),
    );
    // Each attempt tried both ways, for a plain one does not prove it.
    assertStrictEquals(connections, 8);
    isUp = true;
    await startCall(client, server.address).result;
    assertEquals(server.openings, ["backchannel"]);
  },
);

testOnCarriers(
  "gitaly.md 10: a server that has answered through yamux is never taken for an old one",
  async (carrier) => {
    let isClosing = false;
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.closeWrite();
        return {};
      },
      onConnection(conn) {
        if (!isClosing) return false;
        void readSome(conn).then((text) => {
          seen.push(text);
          conn.close();
        });
        return true;
      },
    });
    const seen: string[] = [];
    using client = openClient(carrier);
    await startCall(client, server.address).result;
    isClosing = true;
    server.peers[0]?.close();
    const clock = new ImpatientClock();
    const error = await failureOf(startCall(client, server.address, { clock }));
    assertStrictEquals(error.code, 14);
    assert(
      seen.length > 0 && seen.every((text) => text.startsWith("backchannel")),
    );
  },
);

testOnCarriers(
  "a first connection that broke by chance does not show a new server's lack of the old method",
  async (carrier) => {
    await using server = await startGitalyServer({
      async sidechannel({ openSidechannel }) {
        const stream = await openSidechannel();
        await stream.write(bytes("0006\x01a"));
        await stream.closeWrite();
        return {};
      },
      onConnection: closeAfterMagic,
    });
    using client = openClient(carrier);
    const call = startCall(client, server.address);
    await call.result;
    assertStrictEquals(call.stdout.text, "a");
  },
);

testOnCarriers(
  "a server that refuses yamux and lacks the old method is not available",
  async (carrier) => {
    let multiplexed = 0;
    await using server = await startGitalyServer({
      // Every other connection is one with yamux.
      onConnection(conn, count) {
        if (count === 2) return false;
        multiplexed++;
        void readSome(conn).then(() => conn.close());
        return true;
      },
    });
    using client = openClient(carrier);
    const clock = new ImpatientClock();
    const error = await failureOf(startCall(client, server.address, { clock }));
    assertStrictEquals(error.code, 14);
    // The first, the one that put the mistake right, and the repeated ones.
    assertStrictEquals(multiplexed, 5);
  },
);

/** Closes the first connection as a server does that knows no yamux. */
function closeAfterMagic(conn: Deno.Conn, count: number): boolean {
  if (count > 1) return false;
  void readSome(conn).then(() => conn.close());
  return true;
}

async function readSome(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4_096);
  const size = await conn.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
}
