import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { SshdConfig } from "../../../src/config/config.ts";
import { writeText } from "../../../src/core/io.ts";
import {
  readProxySettings,
  warnOfProxy,
} from "../../../src/ssh/proxy_policy.ts";
import { startBalancer } from "../../support/balancer.ts";
import { makeProxyV1, makeProxyV2 } from "../../support/proxy_headers.ts";
import { DONE, makeConfig, runSsh, startFixture } from "./ssh_fixture.ts";

const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";
const NOT_ALLOWED =
  "proxyproto: upstream connection sent PROXY header but isn't allowed to send one";
const NOT_PRESENT = "proxyproto: proxy protocol signature not present";

/** Logs in through a balancer, and tells what the server made of it. */
async function visit(
  sshd: Partial<SshdConfig>,
  ...pieces: Uint8Array[]
) {
  await using fixture = await startFixture({
    sshd: { proxyProtocol: true, ...sshd },
    handle: async ({ remoteAddress }, { io }) => {
      await writeText(io.stdout, remoteAddress);
      return DONE;
    },
  });
  await using balancer = startBalancer(fixture.port, ...pieces);
  const { folder, places, records } = fixture;
  const { code, stdout } = await runSsh({ folder, port: balancer.port }, ["x"]);
  const finish = await fixture.logged("access: finish");
  const failure = records.find(({ msg }) => msg === FAILED);
  return {
    code,
    // The balancer's own port is anyone's guess.
    address: stdout.replace(/^127\.0\.0\.1:\d+$/, "balancer"),
    remote: String(finish["remote_addr"]).replace(
      /^127\.0\.0\.1:\d+$/,
      "balancer",
    ),
    error: failure?.["error_message"],
    advice: failure?.["advice"],
    forwardedFor: places[0]?.forwardedFor,
  };
}

const CLIENT = "10.1.1.1:1000";
const WORKS = { code: 0, error: undefined, advice: undefined };
const HEADER = makeProxyV2();

const SERVED: [
  what: string,
  sshd: Partial<SshdConfig>,
  pieces: Uint8Array[],
  address: string,
][] = [
  ["case 17: use, with a header", { proxyPolicy: "use" }, [HEADER], CLIENT],
  ["case 18: use, without one", { proxyPolicy: "use" }, [], "balancer"],
  ["case 20: require, with one", { proxyPolicy: "REQUIRE" }, [HEADER], CLIENT],
  ["case 22: reject, without one", { proxyPolicy: "reject" }, [], "balancer"],
  [
    "case 23: ignore, with one",
    { proxyPolicy: "ignore" },
    [HEADER],
    "balancer",
  ],
  ["case 24: ignore, without one", { proxyPolicy: "ignore" }, [], "balancer"],
  ["case 25: a listed address, with one", { proxyAllowed: ["127.0.0.1"] }, [
    HEADER,
  ], CLIENT],
  ["case 25: a listed range, with one", { proxyAllowed: ["127.0.0.0/8"] }, [
    HEADER,
  ], CLIENT],
  [
    "case 25: a listed address, without one",
    { proxyAllowed: ["127.0.0.1"] },
    [],
    "balancer",
  ],
  [
    "case 26: an unlisted range, without one",
    { proxyAllowed: ["10.0.0.0/8"] },
    [],
    "balancer",
  ],
  [
    "case 27: an unknown word is use",
    { proxyPolicy: "strict" },
    [HEADER],
    CLIENT,
  ],
  ["case 29: version 1", {}, [makeProxyV1()], CLIENT],
  [
    "case 29: version 1, IPv6",
    {},
    [makeProxyV1({ source: "2001:db8::1" })],
    "[2001:db8::1]:1000",
  ],
  [
    "case 29: version 1, UNKNOWN",
    {},
    [new TextEncoder().encode("PROXY UNKNOWN\r\n")],
    "balancer",
  ],
  [
    "case 30: version 2 in pieces",
    { proxyHeaderTimeoutMs: 20_000 },
    [HEADER.subarray(0, 5), HEADER.subarray(5, 20), HEADER.subarray(20)],
    CLIENT,
  ],
  ["case 31: LOCAL", {}, [makeProxyV2({ command: 0x20 })], "balancer"],
];
for (const [what, sshd, pieces, address] of SERVED) {
  Deno.test(`sshd.md case 34 and ${what}`, async () => {
    assertEquals(await visit(sshd, ...pieces), {
      ...WORKS,
      address,
      remote: address,
      // The balancer, not the client.
      forwardedFor: "127.0.0.1",
    });
  });
}

const REFUSED: [
  what: string,
  sshd: Partial<SshdConfig>,
  pieces: Uint8Array[],
  error: string,
  advice: string,
][] = [
  [
    "case 19: require, without a header",
    { proxyPolicy: "require" },
    [],
    NOT_PRESENT,
    "sshd.proxy_policy is require: let the balancer send the PROXY protocol, or set it to use",
  ],
  [
    "case 21: reject, with one",
    { proxyPolicy: "reject" },
    [HEADER],
    NOT_ALLOWED,
    "sshd.proxy_policy is reject",
  ],
  [
    "case 26: an unlisted address, with one",
    { proxyAllowed: ["10.0.0.1"] },
    [HEADER],
    NOT_ALLOWED,
    "sshd.proxy_allowed does not have 127.0.0.1",
  ],
  [
    "case 26: an unlisted range, with one",
    { proxyAllowed: ["10.0.0.0/8"] },
    [HEADER],
    NOT_ALLOWED,
    "sshd.proxy_allowed does not have 127.0.0.1",
  ],
  [
    "case 30: version 1 in pieces",
    {},
    [
      new TextEncoder().encode("PROXY TCP4 10.1"),
      new TextEncoder().encode(".1.1 10.2.2.2 1 2\r\n"),
    ],
    "proxyproto: can't read version 1 header",
    "the sender of the header is at fault; sshd.proxy_policy decides who may send one",
  ],
];
for (const [what, sshd, pieces, error, advice] of REFUSED) {
  Deno.test(`sshd.md ${what}`, async () => {
    assertEquals(await visit(sshd, ...pieces), {
      code: 255,
      address: "",
      remote: "balancer",
      error,
      advice,
      forwardedFor: undefined,
    });
  });
}

Deno.test("sshd.md case 19: a connection without a required header gets no byte", async () => {
  await using fixture = await startFixture({
    sshd: { proxyProtocol: true, proxyPolicy: "require" },
  });
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port: fixture.port });
  await tcp.write(new TextEncoder().encode("SSH-2.0-x\r\n"));
  assertEquals(await tcp.read(new Uint8Array(100)).catch(() => null), null);
});

Deno.test("sshd.md case 33: a client that waits is greeted after the timeout", async () => {
  await using fixture = await startFixture({
    sshd: { proxyProtocol: true, proxyHeaderTimeoutMs: 300 },
  });
  using tcp = await Deno.connect({ hostname: "127.0.0.1", port: fixture.port });
  const startMs = performance.now();
  const target = new Uint8Array(100);
  const count = await tcp.read(target) ?? 0;
  assert(performance.now() - startMs >= 295);
  assertEquals(
    new TextDecoder().decode(target.subarray(0, count)).slice(0, 21),
    "SSH-2.0-GitLab-SSHD\r\n",
  );
});

Deno.test("a header that comes after the timeout counts as the client's own", async () => {
  await using fixture = await startFixture({
    sshd: { proxyProtocol: true, proxyHeaderTimeoutMs: 50 },
  });
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: fixture.port });
  await tcp.read(new Uint8Array(100));
  await tcp.write(HEADER);
  await tcp.read(new Uint8Array(100));
  tcp.close();
  await fixture.logged("access: finish");
  const failure = await fixture.logged(FAILED);
  assertEquals(
    failure["error_message"],
    "ssh: PROXY header in place of an identification",
  );
});

Deno.test("sshd.md case 35: without proxy_protocol version 2 is refused, and the log names the setting", async () => {
  const seen = await visit({ proxyProtocol: false }, HEADER);
  assertEquals(seen.code, 255);
  assertEquals(seen.error, "ssh: PROXY header in place of an identification");
  assert(String(seen.advice).startsWith("sshd.proxy_protocol is false"));
});

Deno.test("without proxy_protocol version 1 is skipped, and the log names the setting", async () => {
  await using fixture = await startFixture();
  await using balancer = startBalancer(fixture.port, makeProxyV1());
  const { folder, places } = fixture;
  assertEquals((await runSsh({ folder, port: balancer.port }, ["x"])).code, 0);
  const record = await fixture.logged("PROXY header ignored");
  assert(String(record["advice"]).startsWith("sshd.proxy_protocol is false"));
  assertEquals(places[0]?.forwardedFor, "");
});

const BAD_ENTRIES = [
  ["10.0.0", 'given string "10.0.0" is not a valid IP address'],
  [
    "10.0.0.0/33",
    'given string "10.0.0.0/33" is not a valid IP range: invalid CIDR address: 10.0.0.0/33',
  ],
  ["/8", 'given string "/8" is not a valid IP address'],
  ["localhost", 'given string "localhost" is not a valid IP address'],
  [
    "::1/129",
    'given string "::1/129" is not a valid IP range: invalid CIDR address: ::1/129',
  ],
  [
    "1.1.1.1/8/8",
    'given string "1.1.1.1/8/8" is not a valid IP range: invalid CIDR address: 1.1.1.1/8/8',
  ],
] as const;
for (const [entry, text] of BAD_ENTRIES) {
  Deno.test(`sshd.md case 28: readProxySettings() refuses ${entry}`, () => {
    const { sshd } = makeConfig({ proxyProtocol: true, proxyAllowed: [entry] });
    assertThrows(
      () => readProxySettings(sshd),
      Error,
      `invalid policy configuration: proxyproto: ${text}`,
    );
  });
}

const TIMEOUTS = [[0, 10_000], [-1, Infinity], [500, 500]] as const;
for (const [given, timeoutMs] of TIMEOUTS) {
  Deno.test(`readProxySettings() takes a timeout of ${given} for ${timeoutMs}`, () => {
    const { sshd } = makeConfig({
      proxyProtocol: true,
      proxyHeaderTimeoutMs: given,
      loginGraceTimeMs: 0,
    });
    assertEquals(readProxySettings(sshd)?.timeoutMs, timeoutMs);
  });
}

Deno.test("readProxySettings() bounds a header without a limit by the login grace", () => {
  const { sshd } = makeConfig({
    proxyProtocol: true,
    proxyHeaderTimeoutMs: -1,
    loginGraceTimeMs: 60_000,
  });
  assertEquals(readProxySettings(sshd)?.timeoutMs, 60_000);
});

Deno.test("an IPv4 peer in IPv6 form is the listed one", () => {
  const { sshd } = makeConfig({
    proxyProtocol: true,
    proxyAllowed: ["10.0.0.1"],
  });
  const settings = readProxySettings(sshd);
  assertEquals(settings?.policyFor("::ffff:10.0.0.1"), "use");
  assertEquals(settings?.policyFor("10.0.0.2"), "reject");
});

Deno.test("warnOfProxy() tells of words and lists without effect", () => {
  const warn = (sshd: Partial<SshdConfig>) =>
    warnOfProxy(makeConfig(sshd).sshd);
  assertEquals(warn({}), []);
  assertEquals(
    warn({ proxyProtocol: true, proxyPolicy: "strict" })[0],
    'sshd.proxy_policy: "strict" is unknown and means use',
  );
  assertEquals(warn({ proxyAllowed: ["10.0.0.1"] }).length, 1);
});

for (const proxyPolicy of ["", "use", "Use", "strict"]) {
  Deno.test(`warnOfProxy() says that with proxy_policy ${JSON.stringify(proxyPolicy)} and no list anybody is believed`, () => {
    const warn = (sshd: Partial<SshdConfig>) =>
      warnOfProxy(makeConfig({ proxyPolicy, ...sshd }).sshd).join("\n");
    const text = warn({ proxyProtocol: true });
    assertStringIncludes(text, "sshd.proxy_policy is use");
    assertStringIncludes(text, "sshd.proxy_allowed");
    assertStringIncludes(text, "forge an address");
    const listed = { proxyProtocol: true, proxyAllowed: ["10.0.0.1"] };
    assertEquals(warn(listed), "");
  });
}
for (const proxyPolicy of ["require", "reject", "ignore"]) {
  Deno.test(`warnOfProxy() does not say so of proxy_policy ${proxyPolicy}`, () => {
    const { sshd } = makeConfig({ proxyPolicy, proxyProtocol: true });
    assertEquals(warnOfProxy(sshd), []);
  });
}
