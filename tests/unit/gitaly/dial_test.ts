import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { parseGitalyAddress } from "../../../src/gitaly/address.ts";
import { dial, DialError } from "../../../src/gitaly/dial.ts";
import { resolveTargets } from "../../../src/gitaly/resolver.ts";
import { TrustedRoots } from "../../../src/gitaly/trusted_roots.ts";
import { startNameServer } from "../../support/gitaly_name_server.ts";

type Env = Readonly<Record<string, string>>;

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TESTDATA));
const pathOf = (name: string) => new URL(name, TESTDATA).pathname;
const NO_FOLDERS = { SSL_CERT_DIR: "/nonexistent" };

/** Connects, exchanges two bytes and closes. */
async function visit(
  address: string,
  env: Env = {},
  timeoutMs = 10_000,
): Promise<string> {
  const parsed = parseGitalyAddress(address, "gitlab-shell");
  const lookUp = (name: string) => env[name];
  const [target] = await resolveTargets(parsed, {
    env: lookUp,
    spreads: false,
  });
  if (target === undefined) throw new Error("No target");
  const roots = new TrustedRoots(lookUp);
  const socket = await dial(parsed, target, { env: lookUp, roots, timeoutMs });
  try {
    await socket.write(new TextEncoder().encode("hi"));
    const buffer = new Uint8Array(16);
    const size = await socket.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
  } finally {
    socket.close();
  }
}

interface EchoServer extends AsyncDisposable {
  readonly port: number;
  readonly connections: number;
}

/** Sends back in upper case what comes. */
function echo(listener: Deno.Listener<Deno.Conn>): EchoServer {
  let connections = 0;
  const serving = (async () => {
    const running: Promise<void>[] = [];
    for await (const conn of listener) {
      connections++;
      running.push(answer(conn).finally(() => conn.close()));
    }
    await Promise.all(running);
  })();
  return {
    port: listener.addr.transport === "tcp" ? listener.addr.port : 0,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function answer(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    for (let size; (size = await conn.read(buffer)) !== null;) {
      const text = new TextDecoder().decode(buffer.subarray(0, size));
      await conn.write(new TextEncoder().encode(text.toUpperCase()));
    }
  } catch {
    // The client refused us, or has gone.
  }
}

const listenTcp = () => echo(Deno.listen({ hostname: "127.0.0.1", port: 0 }));

function listenTls(name: string, alpnProtocols?: string[]): EchoServer {
  return echo(Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: read(`${name}.pem`),
    key: read(`${name}.key`),
    ...alpnProtocols && { alpnProtocols },
  }));
}

Deno.test("gitaly.md case 1: tcp:// and dns: reach the server by address and by name", async () => {
  await using server = listenTcp();
  const { port } = server;
  const addresses = [
    `tcp://127.0.0.1:${port}`,
    `tcp://localhost:${port}`,
    `dns:///localhost:${port}`,
    `dns:localhost:${port}`,
    `dns:127.0.0.1:${port}`,
    `dns::${port}`,
  ];
  for (const address of addresses) {
    assertStrictEquals(await visit(address), "HI");
  }
  assertStrictEquals(server.connections, addresses.length);
});

Deno.test("gitaly.md case 1: unix: reaches the server by either kind of path", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/a socket`;
    await using _server = echo(Deno.listen({ transport: "unix", path }));
    assertStrictEquals(await visit(`unix:${folder}/a%20socket`), "HI");
    assertStrictEquals(await visit(`unix://${folder}/a%20socket`), "HI");
    const relative = path.startsWith("/") ? path.slice(1) : path;
    const up = Deno.cwd().split("/").slice(1).map(() => "..").join("/");
    assertStrictEquals(await visit(`unix:${up}/${relative}`), "HI");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("gitaly.md case 1: dns:// with an authority asks that server, for both kinds", async () => {
  await using server = listenTcp();
  await using names = await startNameServer({ "gitaly.test": ["127.0.0.1"] });
  const address = `dns://127.0.0.1:${names.port}/gitaly.test:${server.port}`;
  assertStrictEquals(await visit(address), "HI");
  assertEquals(names.questions.sort(), ["A gitaly.test", "AAAA gitaly.test"]);
});

Deno.test("gitaly.md 2.2: a name that the server does not know has no addresses", async () => {
  await using names = await startNameServer({});
  await assertRejects(
    () => visit(`dns://127.0.0.1:${names.port}/gitaly.test:1`),
    DialError,
    "produced zero addresses",
  );
});

Deno.test("gitaly.md 2.2: all addresses of a name are found where they are spread over", async () => {
  await using names = await startNameServer({
    "gitaly.test": ["127.0.0.1", "127.0.0.2"],
  });
  const address = parseGitalyAddress(
    `dns://127.0.0.1:${names.port}/gitaly.test:7`,
    "gitlab-sshd",
  );
  const targets = await resolveTargets(address, {
    env: () => undefined,
    spreads: true,
  });
  assertEquals(targets, [
    { host: "127.0.0.1", port: "7" },
    { host: "127.0.0.2", port: "7" },
  ]);
});

const UNREACHABLE = [
  [
    "unix:/does/not/exist",
    "dial unix /does/not/exist: connect: no such file or directory",
  ],
  ["tcp://127.0.0.1:1", "dial tcp 127.0.0.1:1: connect: connection refused"],
  ["tcp://[::1]:1", "dial tcp [::1]:1: connect: "],
  [
    "tcp://127.0.0.1:99999",
    "dial tcp 127.0.0.1:99999: lookup tcp/99999: unknown port",
  ],
] as const;
for (const [address, text] of UNREACHABLE) {
  Deno.test(`an address that leads nowhere is told: ${address}`, async () => {
    const error = await assertRejects(() => visit(address), DialError);
    const start =
      'last connection error: connection error: desc = "transport: Error while dialing: ';
    assertStrictEquals(
      error.message.startsWith(start + text),
      true,
      error.message,
    );
    assertStrictEquals(error.message.endsWith('"'), true);
  });
}

Deno.test("gitaly.md case 7: tls:// trusts what SSL_CERT_FILE names, and nothing else", async () => {
  await using server = listenTls("localhost", ["h2"]);
  const address = `tls://localhost:${server.port}`;
  const env = { SSL_CERT_FILE: pathOf("ca.pem"), ...NO_FOLDERS };
  assertStrictEquals(await visit(address, env), "HI");
  assertStrictEquals(await visit(`tls://127.0.0.1:${server.port}`, env), "HI");
  await assertRejects(
    () =>
      visit(address, {
        SSL_CERT_FILE: pathOf("other_name.pem"),
        ...NO_FOLDERS,
      }),
    DialError,
    "invalid peer certificate",
  );
});

Deno.test("gitaly.md case 8: a TLS server that selects no protocol is accepted", async () => {
  await using server = listenTls("localhost");
  const env = { SSL_CERT_FILE: pathOf("ca.pem"), ...NO_FOLDERS };
  assertStrictEquals(await visit(`tls://localhost:${server.port}`, env), "HI");
});

Deno.test("a self-signed authority in the pool is trusted, as GitLab's instructions make it", async () => {
  await using server = listenTls("self_signed_authority");
  const env = {
    SSL_CERT_FILE: pathOf("self_signed_authority.pem"),
    ...NO_FOLDERS,
  };
  assertStrictEquals(await visit(`tls://localhost:${server.port}`, env), "HI");
});

Deno.test("gitaly.md case 9: dns+tls: checks the name of the target", async () => {
  const env = { SSL_CERT_FILE: pathOf("ca.pem"), ...NO_FOLDERS };
  await using names = await startNameServer({
    "localhost": ["127.0.0.1"],
    "gitaly.test": ["127.0.0.1"],
  });
  await using server = listenTls("localhost");
  const at = (name: string) =>
    `dns+tls://127.0.0.1:${names.port}/${name}:${server.port}`;
  assertStrictEquals(
    await visit(`dns+tls:///localhost:${server.port}`, env),
    "HI",
  );
  assertStrictEquals(await visit(at("localhost"), env), "HI");
  await assertRejects(
    () => visit(at("gitaly.test"), env),
    DialError,
    "invalid peer certificate",
  );
});

Deno.test("a server that takes the connection and says nothing is left after the time", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const address = `tls://127.0.0.1:${listener.addr.port}`;
    await assertRejects(
      () => visit(address, NO_FOLDERS, 200),
      DialError,
      "i/o timeout",
    );
  } finally {
    listener.close();
  }
});

/** A proxy that knows one kind of answer, and what it was asked. */
function startProxy(status: string, targetPort: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const conns: Deno.Conn[] = [];
  const relays: Promise<unknown>[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      let request = "";
      const buffer = new Uint8Array(4_096);
      while (!request.endsWith("\r\n\r\n")) {
        const size = await conn.read(buffer) ?? 0;
        request += new TextDecoder().decode(buffer.subarray(0, size));
      }
      requests.push(request);
      await conn.write(
        new TextEncoder().encode(`HTTP/1.1 ${status}\r\nVia: x\r\n\r\n`),
      );
      const upstream = await Deno.connect({ port: targetPort });
      conns.push(upstream);
      relays.push(relay(conn, upstream), relay(upstream, conn));
    }
  })();
  return {
    requests,
    env: { HTTPS_PROXY: `http://me:secret@127.0.0.1:${listener.addr.port}` },
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const conn of conns) conn.close();
      await Promise.all(relays);
    },
  };
}

async function relay(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4_096);
  try {
    for (let size; (size = await from.read(buffer)) !== null;) {
      await to.write(buffer.subarray(0, size));
    }
  } catch {
    // One of them has been closed.
  }
}

Deno.test("gitaly.md case 6: tcp, tls and dns go through HTTPS_PROXY, TLS inside it", async () => {
  await using names = await startNameServer({});
  await using plain = listenTcp();
  await using tls = listenTls("other_name");
  const trusted = { SSL_CERT_FILE: pathOf("ca.pem"), ...NO_FOLDERS };
  const routes = [
    ["tcp://gitaly.example:8075", "gitaly.example:8075", plain.port],
    ["dns:///gitaly.example:8075", "gitaly.example:8075", plain.port],
    // The proxy looks the name up, not the name server of the address.
    [
      `dns://127.0.0.1:${names.port}/gitaly.example`,
      "gitaly.example:443",
      plain.port,
    ],
    ["tls://other.example:9", "other.example:9", tls.port],
    ["dns+tls:other.example:9", "other.example:9", tls.port],
  ] as const;
  for (const [address, target, port] of routes) {
    await using proxy = startProxy("200 Connection established", port);
    assertStrictEquals(
      await visit(address, { ...trusted, ...proxy.env }),
      "HI",
    );
    assertEquals(proxy.requests, [
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nUser-Agent: grpc-go\r\n` +
      `Proxy-Authorization: Basic ${btoa("me:secret")}\r\n\r\n`,
    ]);
  }
  assertEquals(names.questions, []);
});

Deno.test("gitaly.md case 6: unix: and this machine are reached past a dead proxy", async () => {
  const env = {
    HTTPS_PROXY: "http://127.0.0.1:1",
    https_proxy: "http://127.0.0.1:1",
  };
  await using server = listenTcp();
  assertStrictEquals(await visit(`tcp://localhost:${server.port}`, env), "HI");
  const folder = await Deno.makeTempDir();
  const path = `${folder}/s`;
  {
    await using _unix = echo(Deno.listen({ transport: "unix", path }));
    assertStrictEquals(await visit(`unix:${path}`, env), "HI");
  }
  await Deno.remove(folder, { recursive: true });
  await assertRejects(
    () => visit("tcp://gitaly.example:1", env),
    DialError,
    "connection refused",
  );
});

Deno.test("a proxy that refuses is told", async () => {
  await using server = listenTcp();
  await using proxy = startProxy(
    "407 Proxy Authentication Required",
    server.port,
  );
  await assertRejects(
    () => visit("tcp://gitaly.example:1", proxy.env),
    DialError,
    "failed to do connect handshake, response: ",
  );
});
