/**
 * A Topology Service, or whoever has taken its place, that keeps callers
 * waiting or talks nonsense. The call must go to the configured GitLab, soon,
 * and no answer may lead it anywhere but to a host of the configured scheme
 * and port.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { openCellRoutes } from "../../src/cli/cell_loader.ts";
import type { Config } from "../../src/config/config.ts";
import { Logger } from "../../src/core/log.ts";
import { startTopology } from "../../src/devstack/topology/topology_service.ts";
import { FakeClock } from "../support/fake_host.ts";

const TIMEOUT_MS = 150;
/** Three attempts, and time for a busy machine. */
const PATIENCE_MS = 10_000;

const TESTDATA = new URL("../testdata/tls/", import.meta.url).pathname;
/** How the service is reached: plainly, by TLS, or by mTLS. */
type Way = "plain" | "tls" | "mtls";

async function route(port: number, way: Way = "plain") {
  const clock = new FakeClock();
  const levels: unknown[] = [];
  const log = new Logger({
    sink: {
      writeLine: (line) =>
        void levels.push(JSON.parse(new TextDecoder().decode(line)).level),
    },
    clock,
    threshold: -4,
    format: "json",
  });
  const topologyService: Config["topologyService"] = {
    enabled: true,
    address: `127.0.0.1:${port}`,
    timeoutMs: TIMEOUT_MS,
    tls: {
      enabled: way !== "plain",
      caFile: "",
      certFile: way === "mtls" ? `${TESTDATA}localhost.pem` : "",
      keyFile: way === "mtls" ? `${TESTDATA}localhost.key` : "",
      serverName: "",
      insecureSkipVerify: false,
    },
    cellEndpoint: { scheme: "https", port: 8181 },
  };
  const cells = openCellRoutes({ topologyService }, {
    clock,
    env: (name) => name === "SSL_CERT_DIR" ? "/nonexistent" : undefined,
    setEnv: () => {},
    programName: "gitlab-shell",
  });
  const startMs = performance.now();
  const base = await cells?.route({ route: "group" }, {
    log,
    correlationId: "id",
    signal: undefined,
  });
  const elapsedMs = performance.now() - startMs;
  cells?.close();
  assert(elapsedMs < PATIENCE_MS, `took ${elapsedMs} ms`);
  return { base, levels };
}

/** Accepts and does this with each connection. */
function serve(answer: (conn: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const running: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      running.push(answer(conn).catch(() => {}));
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // Its answer has closed it.
        }
      }
      await accepting;
      await Promise.all(running);
    },
  };
}

const readOn = async (conn: Deno.Conn) => {
  while (await conn.read(new Uint8Array(4096)) !== null);
};
const bytes = (text: string) => new TextEncoder().encode(text);

const BAD = [
  ["says nothing", readOn],
  ["hangs up at once", (conn: Deno.Conn) => Promise.resolve(conn.close())],
  ["speaks HTTP/1.1", async (conn: Deno.Conn) => {
    await conn.write(bytes("HTTP/1.1 200 OK\r\n\r\n"));
    await readOn(conn);
  }],
  ["announces a frame that no memory could hold", async (conn: Deno.Conn) => {
    await conn.write(new Uint8Array([255, 255, 255, 0, 0, 0, 0, 0, 1]));
    await readOn(conn);
  }],
  ["sends settings and nothing else", async (conn: Deno.Conn) => {
    await conn.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    await readOn(conn);
  }],
] as const;
for (const [name, answer] of BAD) {
  Deno.test(`a Topology Service that ${name} costs no more than its time`, async () => {
    await using server = serve(answer);
    const { base, levels } = await route(server.port);
    assertEquals(base, undefined);
    assertEquals(levels, ["INFO", "INFO", "WARN"]);
  });
}

for (const way of ["tls", "mtls"] as const) {
  Deno.test(`a Topology Service that never shakes hands, by ${way}, costs no more than its time`, async () => {
    let connections = 0;
    await using server = serve((conn) => {
      connections++;
      return readOn(conn);
    });
    assertEquals((await route(server.port, way)).base, undefined);
    // No attempt waits for the connection of the one before.
    assert(connections > 1, `${connections} connections`);
  });
}

const ADDRESSES = [
  "evil.example/api",
  "http://evil.example",
  "user:pw@evil.example",
  "evil.example?x=",
  "evil.example#x",
  "evil.example\r\nX-Evil: yes",
  "evil.example:80:80",
  " evil.example",
  "\0",
  "x".repeat(100_000),
] as const;
for (const address of ADDRESSES) {
  const shown = JSON.stringify(address.slice(0, 40));
  Deno.test(`an answer of ${shown} leads nowhere else`, async () => {
    await using service = await startTopology({
      listen: [{ transport: "tcp", hostname: "127.0.0.1", port: 0 }],
    });
    service.enqueue({ kind: "proxy", address });
    const port = Number(service.addresses[0]?.split(":")[1]);
    const { base } = await route(port);
    if (base === undefined) return;
    // A name that nobody could look up, at our own scheme and port.
    assertEquals(base.url, `https://${address}:8181`);
    assertEquals(base.socketPath, undefined);
  });
}
