import { assertEquals, assertRejects } from "@std/assert";
import { GitalyError } from "../../../src/core/errors.ts";
import { startTopology } from "../../../src/devstack/topology/topology_service.ts";
import { CLASSIFY } from "../../../src/gitaly/gen/topology.ts";
import { LEAN_CARRIER } from "../../../src/gitaly/http2/lean_carrier.ts";
import { encodeMessage } from "../../../src/gitaly/protobuf/codec.ts";
import {
  TopologyClient,
  type TopologyClientOptions,
} from "../../../src/gitaly/topology_client.ts";
import { startTlsTopology } from "../../support/tls_topology.ts";

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const pathOf = (name: string) => new URL(name, TESTDATA).pathname;
const PLAIN = {
  enabled: false,
  caFile: "",
  certFile: "",
  keyFile: "",
  serverName: "",
  insecureSkipVerify: false,
};
const TLS = { ...PLAIN, enabled: true, caFile: pathOf("ca.pem") };
const ID = "01K2XZ7Q4W8N3M5R6T9V0B1C2D";
const ROUTE = { route: "group" };

function openClient(
  address: string,
  tls = PLAIN,
  over: Partial<TopologyClientOptions> = {},
) {
  const client = new TopologyClient({
    carrier: LEAN_CARRIER,
    programName: "gitlab-shell",
    address,
    tls,
    timeoutMs: 5_000,
    env: () => undefined,
    setEnv: () => {},
    ...over,
  });
  return {
    classify: (
      claim: Parameters<TopologyClient["classify"]>[0] = ROUTE,
      signal = AbortSignal.timeout(10_000),
    ) => client.classify(claim, { correlationId: ID, signal }),
    [Symbol.dispose]: () => client.close(),
  };
}

const tcp = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
const start = (over = {}) => startTopology({ listen: [tcp], ...over });

Deno.test("internal-api.md 6.2: a question, its metadata and its answer", async () => {
  await using service = await start({ cells: { "route:group": "cell-7:80" } });
  const connections: boolean[] = [];
  using client = openClient(service.addresses[0] ?? "", PLAIN, {
    onConnection: (isOk) => connections.push(isOk),
  });
  assertEquals(await client.classify(), {
    isProxied: true,
    address: "cell-7:80",
  });
  assertEquals(connections, [true]);
  await assertRejects(() => client.classify({ username: "jane" }), GitalyError);
  const [first, second] = service.requests.all;
  assertEquals([first?.claim, first?.value], ["route", "group"]);
  assertEquals([second?.claim, second?.value], ["username", "jane"]);
  assertEquals(first?.metadata["x-gitlab-correlation-id"], ID);
  assertEquals(
    first?.metadata["x-gitlab-client-name"],
    "gitlab-shell-topology",
  );
  // One connection for the whole process.
  assertEquals([first?.connectionId, second?.connectionId], [1, 1]);
});

const WIRE = [
  [{ route: "group" }, "22070a0567726f7570"],
  [{ username: "jane" }, "220622046a616e65"],
  [
    { sshKeyFingerprint: "f".repeat(43) },
    `222d7a2b${"66".repeat(43)}`,
  ],
] as const;
for (const [claim, hex] of WIRE) {
  Deno.test(`internal-api.md 6.2: ${JSON.stringify(claim)} on the wire`, () => {
    const whole = { route: "", username: "", sshKeyFingerprint: "", ...claim };
    const message = encodeMessage(CLASSIFY.request, { claim: whole });
    assertEquals(message.toHex(), hex);
  });
}

Deno.test("internal-api.md 6.2: without a name it is unknown who asks", async () => {
  await using service = await start();
  using client = openClient(service.addresses[0] ?? "", PLAIN, {
    programName: "",
  });
  await assertRejects(() => client.classify());
  assertEquals(
    service.requests.all[0]?.metadata["x-gitlab-client-name"],
    "gitlab-shell-unknown-topology",
  );
});

Deno.test("another answer than a cell is told apart", async () => {
  await using service = await start();
  service.enqueue({ kind: "unspecified" }, { kind: "proxy", address: "" });
  using client = openClient(service.addresses[0] ?? "");
  assertEquals(await client.classify(), { isProxied: false, address: "" });
  assertEquals(await client.classify(), { isProxied: true, address: "" });
});

for (const code of [3, 5, 7, 13, 14]) {
  Deno.test(`status ${code} is thrown with its code`, async () => {
    await using service = await start();
    service.enqueue({ kind: "status", code, text: "no" });
    using client = openClient(service.addresses[0] ?? "");
    const error = await client.classify().catch((error) => error);
    assertEquals(error instanceof GitalyError && error.code, code);
  });
}

Deno.test("a question that is given up does not hold the next one", async () => {
  await using service = await start({ cells: { "route:group": "cell" } });
  service.enqueue({ kind: "silence" });
  using client = openClient(service.addresses[0] ?? "");
  const abort = new AbortController();
  const asking = client.classify(ROUTE, abort.signal);
  await service.requests.until(() => true);
  abort.abort(new Error("too late"));
  await assertRejects(() => asking, Error, "too late");
  assertEquals((await client.classify()).address, "cell");
  // A connection that may be dead is not used again.
  assertEquals(service.requests.all[1]?.connectionId, 2);
});

Deno.test("a service that was restarted is dialled again", async () => {
  const first = await start({ cells: { "route:group": "one" } });
  const address = first.addresses[0] ?? "";
  using client = openClient(address);
  assertEquals((await client.classify()).address, "one");
  await first[Symbol.asyncDispose]();
  await assertRejects(() => client.classify());
  const port = Number(address.split(":")[1]);
  await using _second = await start({
    listen: [{ ...tcp, port }],
    cells: { "route:group": "two" },
  });
  // The first attempt may still meet the old connection.
  const again = () => client.classify();
  assertEquals((await again().catch(again)).address, "two");
});

const CONNECTION_FAULTS = [
  ["nobody listens", "127.0.0.1:1"],
  ["no port", "127.0.0.1:x"],
  ["no such host", "nowhere.invalid:1"],
] as const;
for (const [name, address] of CONNECTION_FAULTS) {
  Deno.test(`${name}: no status, so that it is tried again`, async () => {
    using client = openClient(address);
    const error = await client.classify().catch((error) => error);
    assertEquals(error instanceof Error, true);
    assertEquals(error instanceof GitalyError, false);
  });
}

const CLIENT = {
  certFile: pathOf("localhost.pem"),
  keyFile: pathOf("localhost.key"),
};

interface TlsRow {
  readonly name: string;
  readonly host: string;
  readonly tls: typeof PLAIN;
  readonly certificate?: string;
  readonly asksClient?: boolean;
  readonly isGood: boolean;
}

const TLS_ROWS: readonly TlsRow[] = [
  { name: "its own roots", host: "localhost", tls: TLS, isGood: true },
  {
    name: "roots that do not know the service",
    host: "localhost",
    tls: { ...TLS, caFile: pathOf("self_signed.pem") },
    isGood: false,
  },
  {
    name: "the system's roots, which do not know it either",
    host: "localhost",
    tls: { ...TLS, caFile: "" },
    isGood: false,
  },
  {
    name: "a file of roots that is not there",
    host: "localhost",
    tls: { ...TLS, caFile: pathOf("missing.pem") },
    isGood: false,
  },
  {
    name: "a file of roots without a certificate",
    host: "localhost",
    tls: { ...TLS, caFile: pathOf("localhost.key") },
    isGood: false,
  },
  {
    name: "a certificate of another name",
    host: "localhost",
    tls: TLS,
    certificate: "other_name",
    isGood: false,
  },
  {
    name: "a certificate of another name that was asked for",
    host: "localhost",
    tls: { ...TLS, serverName: "other.example" },
    certificate: "other_name",
    isGood: true,
  },
  {
    name: "an expired certificate",
    host: "localhost",
    tls: TLS,
    certificate: "expired",
    isGood: false,
  },
  {
    name: "anybody, by the operator's wish",
    host: "localhost",
    tls: { ...TLS, caFile: "", insecureSkipVerify: true },
    certificate: "expired",
    isGood: true,
  },
  {
    name: "mTLS with our certificate",
    host: "localhost",
    tls: { ...TLS, ...CLIENT },
    asksClient: true,
    isGood: true,
  },
  {
    name: "mTLS with our certificate and another name",
    host: "localhost",
    tls: { ...TLS, ...CLIENT, serverName: "other.example" },
    certificate: "other_name",
    asksClient: true,
    isGood: true,
  },
  {
    name: "mTLS by the operator's wish with anybody",
    host: "localhost",
    tls: { ...TLS, ...CLIENT, insecureSkipVerify: true },
    certificate: "expired",
    asksClient: true,
    isGood: true,
  },
  {
    name: "mTLS without a certificate",
    host: "localhost",
    tls: TLS,
    asksClient: true,
    isGood: false,
  },
  {
    name: "mTLS with a certificate that is not there",
    host: "localhost",
    tls: { ...TLS, ...CLIENT, keyFile: pathOf("missing.key") },
    asksClient: true,
    isGood: false,
  },
  {
    name: "mTLS with a server that nobody vouches for",
    host: "localhost",
    tls: { ...TLS, ...CLIENT, caFile: pathOf("self_signed.pem") },
    asksClient: true,
    isGood: false,
  },
];
for (const row of TLS_ROWS) {
  Deno.test({
    name: `internal-api.md 6.1: TLS with ${row.name}`,
    // grpc-js leaves timers of its sessions behind.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using server = await startTlsTopology(
        row.asksClient ?? false,
        row.certificate,
      );
      using client = openClient(`${row.host}:${server.port}`, row.tls, {
        env: (name) => name === "SSL_CERT_DIR" ? "/nonexistent" : undefined,
      });
      if (row.isGood) {
        assertEquals((await client.classify()).address, "cell-9");
        assertEquals(server.seen[0]?.claim?.route, "group");
      } else {
        await assertRejects(() => client.classify());
        assertEquals(server.seen, []);
      }
    },
  });
}

Deno.test("HTTPS_PROXY stands between, and no certificate of ours goes through", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = (name: string) =>
    name === "HTTPS_PROXY"
      ? `http://127.0.0.1:${listener.addr.port}`
      : undefined;
  const asked = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(1024);
    const size = await conn.read(buffer) ?? 0;
    return new TextDecoder().decode(buffer.subarray(0, size)).split("\r\n")[0];
  })();
  using plain = openClient("topology.invalid:443", PLAIN, { env });
  await assertRejects(() => plain.classify());
  assertEquals(await asked, "CONNECT topology.invalid:443 HTTP/1.1");
  using known = openClient("topology.invalid:443", { ...TLS, ...CLIENT }, {
    env,
  });
  await assertRejects(
    () => known.classify(),
    Error,
    "Cannot show a client certificate through a proxy",
  );
  listener.close();
});
