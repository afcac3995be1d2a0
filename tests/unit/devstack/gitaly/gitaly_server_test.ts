import { assertEquals, assertRejects } from "@std/assert";
import { limitError } from "../../../../src/devstack/gitaly/messages.ts";
import { StatusError } from "../../../../src/devstack/gitaly/status.ts";
import { startGitaly } from "../../../../src/devstack/gitaly/gitaly_server.ts";
import { CARRIERS, framed, GitalyStand } from "./gitaly_stand.ts";
import { makeMetadata, PlainClient } from "./grpc_clients.ts";
import { RawYamuxClient } from "./raw_yamux_client.ts";

const PUSH = { glId: "key-1" };
const NO_TOKEN = "authentication required";

function push(stand: GitalyStand, client: PlainClient, stdin = "0000") {
  const request = { ...PUSH, repository: stand.repository };
  const metadata = stand.metadata();
  return client.run("SSHReceivePack", request, { metadata, stdin });
}

for (const carrier of CARRIERS) {
  Deno.test(`gitaly.md case 14: every call needs the token, and is told why it fails (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const request = { ...PUSH, repository: stand.repository };
    for (const method of ["SSHReceivePack", "SSHUploadPackWithSidechannel"]) {
      const bad = makeMetadata("another token");
      const wrong = await client.run(method, request, { metadata: bad });
      const reason = "permission denied: wrong hmac signature";
      assertEquals([wrong.code, wrong.details], [7, reason]);
      bad.remove("authorization");
      const missing = await client.run(method, request, { metadata: bad });
      assertEquals([missing.code, missing.details], [16, NO_TOKEN]);
    }
  });

  Deno.test(`gitaly.md case 15: a server without token accepts any header (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier, token: "" });
    using client = stand.plainClient();
    const request = { ...PUSH, repository: stand.repository };
    const metadata = makeMetadata("");
    metadata.set("authorization", "Bearer foo.bar");
    const { code } = await client.run("SSHReceivePack", request, {
      metadata,
      stdin: "0000",
    });
    assertEquals(code, 0);
  });

  Deno.test(`gitaly.md 1.1: health is told without token (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const path = "/grpc.health.v1.Health/Check";
    const answer = await client.callRaw(path, new Uint8Array());
    assertEquals([...answer], [0x08, 0x01]);
    await assertRejects(
      () => client.callRaw("/grpc.health.v1.Health/Watch", new Uint8Array()),
      Error,
      "UNIMPLEMENTED",
    );
  });

  Deno.test(`gitaly.md case 63: plain calls and many of them share one connection (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => push(stand, client)),
    );
    assertEquals(outcomes.map(({ code }) => code), Array(8).fill(0));
    const [connection] = stand.gitaly.connections.all;
    assertEquals([connection?.kind, connection?.transport], ["plain", "unix"]);
    assertEquals(stand.gitaly.connections.all.length, 1);
  });

  Deno.test(`gitaly.md 7.8: a call over the limit is refused with a LimitError (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      limit: { runningMax: 1, queuedMax: 0, queueTimeoutMs: 60_000 },
    });
    using client = stand.plainClient();
    const request = { ...PUSH, repository: stand.repository };
    const first = client.start("SSHReceivePack", request, stand.metadata());
    await stand.gitaly.calls.until(({ gitPid }) => gitPid !== undefined);
    const { code, details, detailsBin } = await push(stand, client);
    assertEquals([code, details], [8, "maximum queue size reached"]);
    const expected = limitError({
      code: 8,
      message: "maximum queue size reached",
      hasRetryAfter: true,
    });
    assertEquals(detailsBin?.toHex(), expected.detailsBin?.toHex());
    first.write("0000");
    first.halfClose();
    assertEquals((await first.outcome).code, 0);
    assertEquals((await push(stand, client)).code, 0);
  });

  Deno.test(`faults.call can refuse, delay and overrule (${carrier})`, async () => {
    const refusal = new StatusError(14, "try again");
    const finalStatus = new StatusError(5, "gone after all");
    const faults = [{ refusal }, { delayMs: 1 }, { finalStatus }, undefined];
    await using stand = await GitalyStand.start({
      carrier,
      faults: { call: () => faults.shift() },
    });
    using client = stand.plainClient();
    assertEquals((await push(stand, client)).details, "try again");
    assertEquals((await push(stand, client)).code, 0);
    const overruled = await push(stand, client);
    assertEquals([overruled.code, overruled.details], [5, "gone after all"]);
    assertEquals((await push(stand, client)).code, 0);
  });

  Deno.test(`gitaly.md case 43: faults.call can answer OK without a sidechannel (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      faults: { call: () => ({ omitsSidechannel: true }) },
    });
    using client = stand.plainClient();
    const { repository } = stand;
    const metadata = stand.metadata();
    const method = "SSHUploadPackWithSidechannel";
    const { code } = await client.run(method, { repository }, { metadata });
    assertEquals(code, 0);
  });

  Deno.test(`gitaly.md case 75: faults.call can cut the connection in mid-pack (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      faults: { call: () => ({ cutAfterOutputBytes: 20 }) },
    });
    await using client = await stand.multiplexedClient();
    const call = client.grpc.start(
      "SSHUploadPackWithSidechannel",
      { repository: stand.repository, gitProtocol: "version=2" },
      stand.metadata({ "gitaly-sidechannel-id": "0" }),
    );
    await client.acceptSidechannel();
    await client.yamux.ended;
    assertEquals((await call.outcome).code, 14);
    const [record] = stand.gitaly.calls.all;
    assertEquals((await record?.ended)?.code, 1);
    assertEquals(stand.gitaly.gitCount, 0);
  });

  Deno.test(`gitaly.md case 76: drain lets a running call finish and refuses new ones (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const request = { ...PUSH, repository: stand.repository };
    const running = client.start("SSHReceivePack", request, stand.metadata());
    await stand.gitaly.calls.until(({ gitPid }) => gitPid !== undefined);
    const drained = stand.gitaly.drain(60_000);
    assertEquals((await push(stand, client)).code, 14);
    running.write("0000");
    running.halfClose();
    assertEquals((await running.outcome).code, 0);
    client[Symbol.dispose]();
    await drained;
  });
}

Deno.test("gitaly.md case 73: a server of 13.10 closes after the magic and serves plain calls", async () => {
  await using stand = await GitalyStand.start({ era: "gitaly_13" });
  using yamux = await RawYamuxClient.connect(stand.socketPath);
  await yamux.ended;
  assertEquals(yamux.frames, []);
  using client = stand.plainClient();
  assertEquals((await push(stand, client)).code, 0);
  const { repository } = stand;
  const metadata = stand.metadata();
  const outcome = await client.run("SSHUploadPack", {
    repository,
    gitProtocol: "version=2",
  }, { metadata, stdin: "0000" });
  assertEquals(outcome.code, 0);
});

Deno.test("gitaly.md 5.2: the first eleven bytes may come one by one", async () => {
  await using stand = await GitalyStand.start();
  using conn = await Deno.connect({
    transport: "unix",
    path: stand.socketPath,
  });
  for (const byte of new TextEncoder().encode("backchannel")) {
    await conn.write(Uint8Array.of(byte));
  }
  const { kind, firstBytes } = await stand.gitaly.connections.until((record) =>
    record.kind !== "undecided"
  );
  assertEquals(kind, "multiplexed");
  assertEquals(new TextDecoder().decode(firstBytes), "backchannel");
});

Deno.test("gitaly.md 5.2: a connection that says nothing is closed in time", async () => {
  await using stand = await GitalyStand.start({
    timeouts: { handshakeMs: 10 },
  });
  using conn = await Deno.connect({
    transport: "unix",
    path: stand.socketPath,
  });
  assertEquals(await conn.read(new Uint8Array(1)), null);
});

const CONNECTION_FAULTS = [
  ["refuse", { isRefused: true }],
  ["close after some bytes in", { closeAfterReceivedBytes: 12 }],
  ["close after some bytes out", { closeAfterSentBytes: 5 }],
] as const;
for (const [what, fault] of CONNECTION_FAULTS) {
  Deno.test(`faults.connection can ${what}`, async () => {
    await using stand = await GitalyStand.start({
      faults: { connection: (id) => id === 1 ? fault : undefined },
    });
    using yamux = await RawYamuxClient.connect(stand.socketPath);
    await yamux.openStream(1).catch(() => {});
    await yamux.ended;
    using client = stand.plainClient();
    assertEquals((await push(stand, client)).code, 0);
  });
}

Deno.test("faults.connection can be silent until the client gives up", async () => {
  await using stand = await GitalyStand.start({
    faults: { connection: () => ({ isSilent: true }) },
  });
  using yamux = await RawYamuxClient.connect(stand.socketPath);
  await yamux.openStream(1);
  const record = await stand.gitaly.connections.until(() => true);
  assertEquals([record.kind, record.receivedBytes], ["undecided", 0]);
});

Deno.test("gitaly.md case 7: startGitaly() listens on TCP and TLS, with ALPN and without", async () => {
  const folder = new URL("../../../testdata/tls/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, folder));
  const [cert, key, ca] = await Promise.all(
    ["localhost.pem", "localhost.key", "ca.pem"].map(read),
  );
  const tls = {
    transport: "tls",
    hostname: "127.0.0.1",
    port: 0,
    cert: cert ?? "",
    key: key ?? "",
  } as const;
  await using gitaly = await startGitaly({
    storages: new Map(),
    env: Deno.env.toObject(),
    listen: [{ ...tls, alpnProtocols: ["h2"] }, tls],
  });
  const protocols: (string | null)[] = [];
  for (const address of gitaly.addresses) {
    using conn = await Deno.connectTls({
      hostname: "localhost",
      port: Number(new URL(address).port),
      caCerts: [ca ?? ""],
      alpnProtocols: ["h2"],
    });
    protocols.push((await conn.handshake()).alpnProtocol);
    await conn.write(new TextEncoder().encode("backchannel"));
    await gitaly.connections.until(({ kind }) => kind === "multiplexed");
  }
  assertEquals(protocols, ["h2", null]);
  assertEquals(
    gitaly.addresses.every((each) => each.startsWith("tls://")),
    true,
  );
});

Deno.test("startGitaly() says which address is taken, and leaves nothing open", async () => {
  await using stand = await GitalyStand.start();
  const port = Number(new URL(stand.gitaly.addresses[1] ?? "").port);
  const error = await assertRejects(
    () =>
      startGitaly({
        storages: new Map(),
        env: Deno.env.toObject(),
        listen: [
          { transport: "tcp", hostname: "127.0.0.1", port: 0 },
          { transport: "tcp", hostname: "127.0.0.1", port },
        ],
      }),
    Deno.errors.AddrInUse,
  );
  const expected = `Cannot listen on 127.0.0.1:${port}: the address is in use`;
  assertEquals(error.message, expected);
});

Deno.test("disposing a stand-in ends calls, git and connections", async () => {
  const stand = await GitalyStand.start();
  const client = await stand.multiplexedClient();
  const call = client.grpc.start(
    "SSHUploadPackWithSidechannel",
    { repository: stand.repository },
    stand.metadata({ "gitaly-sidechannel-id": "0" }),
  );
  await client.acceptSidechannel();
  await client.yamux.takeSome(2);
  await client.yamux.send({ streamId: 2 }, framed("0000").subarray(0, 8));
  await stand[Symbol.asyncDispose]();
  assertEquals(stand.gitaly.gitCount, 0);
  assertEquals((await call.outcome).code, 14);
  await client[Symbol.asyncDispose]();
});
