import { assert, assertEquals, assertRejects } from "@std/assert";
import { CertificateError } from "../../../src/core/errors.ts";
import type { ByteDuplex } from "../../../src/core/io.ts";
import { openTls } from "../../../src/core/tls_connect.ts";
import { splitCertificates } from "../../../src/core/tls_roots.ts";

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TESTDATA));
const rootsOf = (...names: string[]) =>
  names.flatMap((name) => splitCertificates(read(`${name}.pem`)));
const NEVER = new AbortController().signal;
const encoder = new TextEncoder();

/** Sends back what it gets, until the other side is done. */
class EchoServer implements AsyncDisposable {
  readonly port: number;
  connections = 0;
  readonly #listener: Deno.Listener<Deno.Conn>;
  readonly #serving: Promise<void>;

  constructor(name: string) {
    this.#listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert: read(`${name}.pem`),
      key: read(`${name}.key`),
      alpnProtocols: ["h2"],
    });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#serving = this.#serve();
  }

  async #serve(): Promise<void> {
    const running: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.connections++;
      running.push(echo(conn));
    }
    await Promise.all(running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

async function echo(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let size; (size = await conn.read(buffer)) !== null;) {
      let rest = buffer.subarray(0, size);
      while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
    }
    await conn.closeWrite();
  } catch {
    // The client refused us, or has gone.
  } finally {
    conn.close();
  }
}

/** Sends a lot both ways, ends its direction, and reads to the end. */
async function assertEchoes(duplex: ByteDuplex): Promise<void> {
  const sent = encoder.encode("0123456789abcdef".repeat(20_000));
  const writing = duplex.write(sent).then(() => duplex.closeWrite());
  let size = 0;
  for (let piece; (piece = await duplex.read()) !== null;) {
    assert(piece.every((byte, at) => byte === sent[(size + at) % 16]));
    size += piece.length;
  }
  await writing;
  assertEquals(size, sent.length);
  assertEquals(await duplex.read(), null);
  duplex.close();
  duplex.close();
}

const TRUSTED: readonly (readonly [
  name: string,
  certificate: string,
  roots: string[],
  serverName: string,
])[] = [
  ["a certificate of the root", "localhost", rootsOf("ca"), "localhost"],
  ["an address in the certificate", "localhost", rootsOf("ca"), "127.0.0.1"],
  [
    "a certificate that is its own root",
    "self_signed",
    rootsOf("self_signed"),
    "localhost",
  ],
  [
    "an authority that is its own root",
    "self_signed_authority",
    rootsOf("ca", "self_signed_authority"),
    "localhost",
  ],
  [
    "such an authority by address",
    "self_signed_authority",
    rootsOf("self_signed_authority"),
    "127.0.0.1",
  ],
];
for (const [name, certificate, roots, serverName] of TRUSTED) {
  Deno.test(`openTls() trusts ${name}`, async () => {
    await using server = new EchoServer(certificate);
    const { port } = server;
    const target = { hostname: "127.0.0.1", port, serverName, roots };
    await assertEchoes(await openTls(target, NEVER));
  });
}

const DISTRUSTED: readonly (readonly [
  name: string,
  certificate: string,
  roots: string[],
  connections: number,
])[] = [
  ["a certificate of an unknown root", "localhost", rootsOf("self_signed"), 1],
  ["any certificate without roots", "localhost", [], 1],
  ["another name", "other_name", rootsOf("ca"), 1],
  ["a certificate that has expired", "expired", rootsOf("ca"), 1],
  [
    "an unknown authority that is its own root",
    "self_signed_authority",
    rootsOf("ca"),
    1,
  ],
  [
    "one with the same names as one that is known",
    "self_signed_authority",
    rootsOf("self_signed_impostor"),
    2,
  ],
  [
    "an authority without alternative names",
    "self_signed_nameless",
    rootsOf("self_signed_nameless"),
    2,
  ],
];
for (const [name, certificate, roots, connections] of DISTRUSTED) {
  Deno.test(`openTls() refuses ${name}`, async () => {
    await using server = new EchoServer(certificate);
    const { port } = server;
    const target = {
      hostname: "127.0.0.1",
      port,
      serverName: "localhost",
      roots,
    };
    await assertRejects(() => openTls(target, NEVER), CertificateError);
    assertEquals(server.connections, connections);
  });
}

Deno.test("openTls() skips a root that Deno would stumble over, as Go does", async () => {
  await using server = new EchoServer("localhost");
  const inside = new Uint8Array(200);
  inside.set([0x30, 0x81, 197, 0x04, 0x81, 194]);
  const bad =
    `-----BEGIN CERTIFICATE-----\n${inside.toBase64()}\n-----END CERTIFICATE-----\n`;
  const target = {
    hostname: "127.0.0.1",
    port: server.port,
    serverName: "localhost",
    roots: [bad, ...rootsOf("ca")],
  };
  await assertEchoes(await openTls(target, NEVER));
});

Deno.test("openTls() offers protocols when told to, and takes any answer", async () => {
  await using server = new EchoServer("localhost");
  for (const certificate of ["localhost", "self_signed_authority"]) {
    await using other = new EchoServer(certificate);
    const target = {
      hostname: "127.0.0.1",
      port: other.port,
      serverName: "localhost",
      roots: rootsOf("ca", "self_signed_authority"),
      alpnProtocols: ["h2"],
    };
    await assertEchoes(await openTls(target, NEVER));
  }
  assertEquals(server.connections, 0);
});

/** Greets every connection with `bytes` and then says nothing. */
function openMute(bytes: Uint8Array) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const accepted = Promise.withResolvers<void>();
  const serving = (async () => {
    for await (const conn of listener) {
      held.push(conn);
      accepted.resolve();
      if (bytes.length > 0) await conn.write(bytes);
    }
  })();
  return {
    port: listener.addr.port,
    accepted: accepted.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
      for (const conn of held) conn.close();
    },
  };
}

const NOT_TLS: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  // Alert: fatal, protocol_version; what a server says that wants no TLS 1.2.
  [
    "TLS 1.1 only (internal-api.md case 15)",
    Uint8Array.of(0x15, 3, 2, 0, 2, 2, 70),
  ],
  ["plain HTTP", encoder.encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
];
for (const [name, bytes] of NOT_TLS) {
  Deno.test(`openTls() fails, but not over the certificate, with ${name}`, async () => {
    await using server = openMute(bytes);
    const { port } = server;
    const target = {
      hostname: "127.0.0.1",
      port,
      serverName: "localhost",
      roots: [],
    };
    const error = await assertRejects(() => openTls(target, NEVER), Error);
    assert(!(error instanceof CertificateError));
  });
}

Deno.test("openTls() gives up in the middle of a handshake", async () => {
  await using server = openMute(new Uint8Array());
  const controller = new AbortController();
  const target = {
    hostname: "127.0.0.1",
    port: server.port,
    serverName: "localhost",
    roots: [],
  };
  const opening = openTls(target, controller.signal);
  await server.accepted;
  const reason = new Error("client has gone");
  controller.abort(reason);
  assertEquals(await opening.catch((error) => error), reason);
});

Deno.test("openTls() does not dial when it was given up before", async () => {
  await using server = new EchoServer("localhost");
  const reason = new Error("client has gone");
  const target = {
    hostname: "127.0.0.1",
    port: server.port,
    serverName: "localhost",
    roots: rootsOf("ca"),
  };
  const opening = openTls(target, AbortSignal.abort(reason));
  assertEquals(await opening.catch((error) => error), reason);
});

for (const certificate of ["localhost", "self_signed_authority"]) {
  Deno.test(`a connection to ${certificate} that is closed fails its reader`, async () => {
    await using server = new EchoServer(certificate);
    const duplex = await openTls({
      hostname: "127.0.0.1",
      port: server.port,
      serverName: "localhost",
      roots: rootsOf("ca", "self_signed_authority"),
    }, NEVER);
    const reading = duplex.read();
    duplex.close();
    await assertRejects(() => reading, Deno.errors.Interrupted);
    await duplex.closeWrite();
  });
}
