import { assert, assertEquals } from "@std/assert";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { SILENT_LOGGER } from "../../../src/core/log.ts";
import {
  Admission,
  readAdmissionSettings,
} from "../../../src/ssh/admission.ts";
import { encodeGoodbye, Goodbyes } from "../../../src/ssh/goodbye.ts";
import { readProxySettings } from "../../../src/ssh/proxy_policy.ts";
import { Reception } from "../../../src/ssh/reception.ts";
import type { TcpStream } from "../../../src/ssh/tcp_socket.ts";
import { makeProxyV1, makeProxyV2 } from "../../support/proxy_headers.ts";
import { makeConfig } from "./ssh_fixture.ts";

const PEER = "192.0.2.1";
const IDENT = new TextEncoder().encode("SSH-2.0-x\r\n");

/** A connection that sends these bytes and then ends. */
class FakeStream implements TcpStream {
  readonly remoteAddr: Deno.Addr = {
    transport: "tcp",
    hostname: `::ffff:${PEER}`,
    port: 5000,
  };
  readonly written: number[] = [];
  isClosed = false;
  #rest: Uint8Array;

  constructor(...pieces: Uint8Array[]) {
    this.#rest = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
  }
  read(target: Uint8Array): Promise<number | null> {
    const part = this.#rest.subarray(0, target.length);
    target.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return Promise.resolve(part.length || null);
  }
  write(bytes: Uint8Array): Promise<number> {
    this.written.push(...bytes);
    return Promise.resolve(bytes.length);
  }
  closeWrite(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {
    this.isClosed = true;
  }
}

function setUp(
  sshd: Parameters<typeof makeConfig>[0] = { proxyProtocol: true },
) {
  const config = makeConfig(sshd).sshd;
  const admission = new Admission({
    settings: readAdmissionSettings(config),
    log: SILENT_LOGGER,
    clock: SYSTEM_CLOCK,
  });
  const reception = new Reception();
  const receive = (stream: FakeStream) =>
    reception.receive(stream, {
      admission,
      proxy: readProxySettings(config),
      goodbyes: new Goodbyes("GitLab-SSHD"),
      log: SILENT_LOGGER,
      clock: SYSTEM_CLOCK,
    });
  return { admission, receive };
}

function shown(address: Deno.Addr | undefined): string | undefined {
  return address?.transport === "tcp"
    ? `${address.hostname}:${address.port}`
    : undefined;
}

const UNIX = makeProxyV2({ family: 0x31, payload: new Uint8Array(216) });
const ARRIVALS: [
  what: string,
  header: Uint8Array[],
  clientIp: string,
  address: string,
][] = [
  ["TCP", [makeProxyV2()], "10.1.1.1", "10.1.1.1:1000"],
  ["TCP in version 1", [makeProxyV1()], "10.1.1.1", "10.1.1.1:1000"],
  // Rules about addresses must match neither the client nor the balancer.
  ["UDP", [makeProxyV2({ family: 0x12 })], "", "10.1.1.1:1000"],
  ["a Unix socket", [UNIX], "", `::ffff:${PEER}:5000`],
  [
    "the balancer itself",
    [makeProxyV2({ command: 0x20 })],
    PEER,
    `::ffff:${PEER}:5000`,
  ],
  ["no header", [], PEER, `::ffff:${PEER}:5000`],
];
for (const [what, header, clientIp, address] of ARRIVALS) {
  Deno.test(`sshd.md 2.5: addresses of a client with ${what}`, async () => {
    const { receive } = setUp();
    const arrival = await receive(new FakeStream(...header, IDENT));
    assertEquals(
      [arrival?.clientIp, shown(arrival?.stream.remoteAddr)],
      [clientIp, address],
    );
    assertEquals(arrival?.forwardedFor, PEER);
    const target = new Uint8Array(100);
    const count = await arrival?.stream.read(target) ?? 0;
    assertEquals(target.subarray(0, count), IDENT);
  });
}

Deno.test("without the PROXY protocol nothing is read before the identification", async () => {
  const { receive } = setUp({});
  const stream = new FakeStream(IDENT);
  const arrival = await receive(stream);
  assertEquals([arrival?.clientIp, arrival?.forwardedFor], [PEER, ""]);
  assertEquals(arrival?.stream, stream);
});

Deno.test("whoever is refused by the header holds no place and hears nothing", async () => {
  const { receive, admission } = setUp({
    proxyProtocol: true,
    proxyPolicy: "require",
  });
  const stream = new FakeStream(IDENT);
  assertEquals(await receive(stream), undefined);
  assertEquals([stream.written, stream.isClosed], [[], true]);
  assertEquals(admission.startupCount, 0);
});

Deno.test("whoever is refused at the gate hears why", async () => {
  const { receive, admission } = setUp({ maxStartups: "1" });
  assert(await receive(new FakeStream(IDENT)));
  const stream = new FakeStream(IDENT);
  assertEquals(await receive(stream), undefined);
  assertEquals(
    Uint8Array.from(stream.written),
    encodeGoodbye(
      "GitLab-SSHD",
      "GitLab is currently unable to handle this request due to load.",
    ),
  );
  assertEquals([stream.isClosed, admission.startupCount], [true, 1]);
});
