/**
 * The attack: PROXY headers that are malformed in every way. The Go server
 * dies of one of them; here each ends its own connection, which hears nothing,
 * and the log has the fault.
 */
import { assertEquals } from "@std/assert";
import {
  makeProxyV1,
  makeProxyV2,
  PROXY_V2_SIGNATURE,
} from "../support/proxy_headers.ts";
import { startBalancer } from "../support/balancer.ts";
import { runSsh, startFixture } from "../unit/ssh/ssh_fixture.ts";

const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";
const text = (line: string) => new TextEncoder().encode(line);

const MALFORMED: [what: string, header: Uint8Array, error: string][] = [
  ["no fields", text("PROXY\r\n"), "can't read address family or protocol"],
  ["no line end", text("PROXY TCP4 1.1.1.1"), "can't read version 1 header"],
  [
    "a bare line feed",
    text("PROXY UNKNOWN\n"),
    "version 1 header is invalid, must end with \\r\\n",
  ],
  [
    "an endless line",
    text(`PROXY TCP4 ${"1".repeat(500)}`),
    "version 1 header must be 107 bytes or less",
  ],
  [
    "an unknown family",
    text("PROXY TCP9 1.1.1.1 1.1.1.1 1 1\r\n"),
    "can't read address family or protocol",
  ],
  [
    "no address",
    text("PROXY TCP4 x 1.1.1.1 1 1\r\n"),
    "invalid address",
  ],
  [
    "a port above 65535",
    text("PROXY TCP4 1.1.1.1 1.1.1.1 99999 1\r\n"),
    "invalid port number",
  ],
  [
    "version nibble 1",
    makeProxyV2({ command: 0x11 }),
    "unsupported proxy protocol version and command",
  ],
  [
    "command 2",
    makeProxyV2({ command: 0x22 }),
    "unsupported proxy protocol version and command",
  ],
  ...[0x00, 0x10, 0x20, 0x30, 0x40, 0x41, 0x13, 0xff].map((family) =>
    [
      `family 0x${family.toString(16).padStart(2, "0")}`,
      makeProxyV2({ family }),
      "unsupported address family and protocol",
    ] as [string, Uint8Array, string]
  ),
  [
    "too short for its family",
    makeProxyV2({ payload: new Uint8Array(4) }),
    "invalid length",
  ],
  [
    "longer than 4096",
    makeProxyV2({ extraBytes: 60_000 }),
    "invalid length",
  ],
  [
    "a signature and nothing behind it",
    PROXY_V2_SIGNATURE,
    "can't read proxy protocol version and command",
  ],
  [
    "half a length",
    makeProxyV2().subarray(0, 15),
    "can't read length",
  ],
  ["half an address", makeProxyV2().subarray(0, 20), "invalid length"],
];

Deno.test("sshd.md case 32: malformed PROXY headers end their own connections", async () => {
  await using fixture = await startFixture({
    sshd: { proxyProtocol: true, proxyHeaderTimeoutMs: 200 },
  });
  for (const [at, [what, header, error]] of MALFORMED.entries()) {
    using tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: fixture.port,
    });
    // Some of a long one may be refused before it is all sent.
    await tcp.write(header).catch(() => {});
    const count = await tcp.read(new Uint8Array(100)).catch(() => null);
    assertEquals(count, null, what);
    const record = await fixture.logged(FAILED, at + 1);
    assertEquals(record["error_message"], `proxyproto: ${error}`, what);
    await fixture.logged("access: finish", at + 1);
  }
  const { folder } = fixture;
  await using balancer = startBalancer(fixture.port, makeProxyV1());
  assertEquals((await runSsh({ folder, port: balancer.port }, ["x"])).code, 0);
});

Deno.test("random PROXY headers end their own connections, or nothing", async () => {
  await using fixture = await startFixture({
    sshd: { proxyProtocol: true, proxyHeaderTimeoutMs: 20 },
    limits: { identMs: 200 },
  });
  await Promise.all(Array.from({ length: 200 }, async (_, round) => {
    const header = makeProxyV2({ extraBytes: round });
    const at = 12 + round % 20;
    header[at] = (header[at] ?? 0) ^ (1 + round % 255);
    const tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: fixture.port,
    });
    await tcp.write(header.subarray(0, 8 + round % 40)).catch(() => {});
    await tcp.closeWrite().catch(() => {});
    const target = new Uint8Array(1_000);
    while (await tcp.read(target).catch(() => null) !== null);
    tcp.close();
  }));
  await fixture.logged("access: finish", 200);
  assertEquals(fixture.records.filter(({ msg }) => msg === "panic"), []);
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
});
