import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { parseGitalyAddress } from "../../../src/gitaly/address.ts";
import {
  ConnectionPool,
  type PoolKey,
  type PoolSetup,
} from "../../../src/gitaly/connection_pool.ts";
import { DialError } from "../../../src/gitaly/dial.ts";
import { LEAN_CARRIER } from "../../../src/gitaly/http2/lean_carrier.ts";
import { SidechannelRegistry } from "../../../src/gitaly/sidechannel_registry.ts";
import { TrustedRoots } from "../../../src/gitaly/trusted_roots.ts";
import { until } from "../../support/gitaly_call.ts";
import {
  serveGitaly,
  startGitalyServer,
} from "../../support/gitaly_grpc_server.ts";
import { startNameServer } from "../../support/gitaly_name_server.ts";

const env = () => undefined;

function makePool(
  options: Partial<PoolSetup> = {},
): ConnectionPool & Disposable {
  const pool = new ConnectionPool({
    carrier: LEAN_CARRIER,
    registry: new SidechannelRegistry(),
    roots: new TrustedRoots(env),
    env,
    spreads: false,
    ...options,
  });
  return Object.assign(pool, { [Symbol.dispose]: () => pool.close() });
}

function keyOf(rawAddress: string, over: Partial<PoolKey> = {}): PoolKey {
  const address = parseGitalyAddress(rawAddress, "gitlab-sshd");
  return { service: "upload-pack", rawAddress, token: "", address, ...over };
}

Deno.test("calls that begin together wait for one connection", async () => {
  await using server = await startGitalyServer({});
  using pool = makePool();
  const key = keyOf(server.address);
  const leases = await Promise.all([1, 2, 3].map(() => pool.acquire(key)));
  const connections = new Set(leases.map(({ connection }) => connection));
  assertStrictEquals(connections.size, 1);
  for (const { release } of leases) release();
  assertStrictEquals(
    (await pool.acquire(key)).connection,
    leases[0]?.connection,
  );
});

Deno.test("gitaly.md 2.4: a connection without calls is closed after its time", async () => {
  await using server = await startGitalyServer({});
  using pool = makePool({ idleTimeoutMs: 30 });
  const key = keyOf(server.address);
  const first = await pool.acquire(key);
  const second = await pool.acquire(key);
  first.release();
  first.release();
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertStrictEquals(second.connection.isUsable, true, "in use");
  second.release();
  await second.connection.closed;
  const next = await pool.acquire(key);
  assert(next.connection !== first.connection);
});

Deno.test("a connection that is lost is not given to the next call", async () => {
  await using server = await startGitalyServer({});
  using pool = makePool();
  const key = keyOf(server.address);
  const { connection, release } = await pool.acquire(key);
  await until(() => server.peers.length === 1);
  server.peers[0]?.close();
  await connection.closed;
  release();
  const next = await pool.acquire(key);
  assert(next.connection !== connection);
  assertStrictEquals(next.connection.isUsable, true);
});

Deno.test("gitaly.md 2.4: a server that says nothing is given up after the time", async () => {
  await using server = await startGitalyServer({ onGrpcStream: () => true });
  using pool = makePool({ connectTimeoutMs: 100 });
  const { connection } = await pool.acquire(keyOf(server.address));
  const call = connection.grpc.startCall({
    path: "/gitaly.SSHService/SSHReceivePack",
    metadata: [],
    isUnary: false,
  });
  assertStrictEquals((await call.status).code, 14);
  await connection.closed;
  assertStrictEquals(connection.wasMagicRefused, false, "late, not refused");
});

Deno.test("gitaly.md 2.2: an address that does not answer is passed over", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using names = await startNameServer({
    "gitaly.test": ["127.0.0.2", "127.0.0.1"],
  });
  const address =
    `dns://127.0.0.1:${names.port}/gitaly.test:${listener.addr.port}`;
  await using _server = serveGitaly({}, listener, address);
  for (let round = 0; round < 6; round++) {
    using pool = makePool({ spreads: true });
    const { connection } = await pool.acquire(keyOf(address));
    assertStrictEquals(connection.isUsable, true);
  }
});

Deno.test("gitaly.md 2.2: calls take the addresses of a host in turn", async () => {
  const first = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = first.addr;
  const second = Deno.listen({ hostname: "127.0.0.2", port });
  await using names = await startNameServer({
    "gitaly.test": ["127.0.0.1", "127.0.0.2"],
  });
  const address = `dns://127.0.0.1:${names.port}/gitaly.test:${port}`;
  await using one = serveGitaly({}, first, address);
  await using two = serveGitaly({}, second, address);
  using pool = makePool({ spreads: true });
  const connections: unknown[] = [];
  for (let count = 0; count < 6; count++) {
    const { connection, release } = await pool.acquire(keyOf(address));
    connections.push(connection);
    release();
  }
  assertStrictEquals(new Set(connections).size, 2);
  for (let at = 2; at < 6; at++) {
    assertStrictEquals(connections[at], connections[at - 2]);
  }
  await until(() => one.openings.length + two.openings.length === 2);
  assertEquals([one.openings.length, two.openings.length], [1, 1]);
  // The name was looked up once for all of them, by both kinds of question.
  assertStrictEquals(names.questions.length, 2);
});

Deno.test("when no address answers, the last failure is told and the next call asks anew", async () => {
  await using names = await startNameServer({
    "gitaly.test": ["127.0.0.2", "127.0.0.3"],
  });
  const address = `dns://127.0.0.1:${names.port}/gitaly.test:1`;
  using pool = makePool({ spreads: true });
  for (const questions of [2, 4]) {
    await assertRejects(
      () => pool.acquire(keyOf(address)),
      DialError,
      "connection refused",
    );
    assertStrictEquals(names.questions.length, questions);
  }
});

Deno.test("a connection that stands after the pool was closed is closed too", async () => {
  await using server = await startGitalyServer({});
  const pool = makePool();
  const acquiring = pool.acquire(keyOf(server.address));
  pool.close();
  const { connection } = await acquiring;
  await connection.closed;
  assertStrictEquals(connection.isUsable, false);
});
