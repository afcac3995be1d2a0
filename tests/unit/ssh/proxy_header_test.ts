import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  decodeProxyHeader,
  formatIp,
  PROXY_V1_BYTES_MAX,
  PROXY_V2_PAYLOAD_BYTES_MAX,
  refuseUnfinished,
} from "../../../src/ssh/proxy_header.ts";
import {
  makeProxyV2,
  PROXY_V2_SIGNATURE,
} from "../../support/proxy_headers.ts";

const bytes = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));

const LINES: [line: string, source: string | undefined][] = [
  ["PROXY TCP4 10.1.1.1 10.2.2.2 1000 22", "tcp 10.1.1.1 1000"],
  ["PROXY TCP4 255.255.255.255 0.0.0.0 65535 0", "tcp 255.255.255.255 65535"],
  ["PROXY TCP6 2001:db8::1 ::1 1 2", "tcp 2001:db8::1 1"],
  ["PROXY TCP6 ::ffff:10.1.1.1 ::1 1 2", "tcp 10.1.1.1 1"],
  ["PROXY TCP6 10.1.1.1 10.2.2.2 1 2", "tcp 10.1.1.1 1"],
  ["PROXY UNKNOWN", undefined],
  ["PROXY UNKNOWN what ever else", undefined],
];
for (const [line, source] of LINES) {
  Deno.test(`sshd.md case 29: decodeProxyHeader() reads ${line}`, () => {
    const verdict = decodeProxyHeader(bytes(`${line}\r\nSSH-2.0-x\r\n`));
    assertEquals(shown(verdict), [line.length + 2, source]);
  });
}

function shown(verdict: ReturnType<typeof decodeProxyHeader>) {
  if (verdict.kind !== "header") return verdict.kind;
  const { sizeBytes, source } = verdict;
  const { transport, hostname, port } = source ?? {};
  return [sizeBytes, source && `${transport} ${hostname} ${port}`];
}

const BAD_LINES: [line: string, error: string][] = [
  ["PROXY", "can't read version 1 header"],
  ["PROXY TCP4 10.1.1.1", "can't read version 1 header"],
  [`PROXY ${"x".repeat(101)}`, "version 1 header must be 107 bytes or less"],
  [
    `PROXY ${"x".repeat(100)}\r\n`,
    "version 1 header must be 107 bytes or less",
  ],
  ["PROXY UNKNOWN\n", "version 1 header is invalid, must end with \\r\\n"],
  ["PROXY\r\n", "can't read address family or protocol"],
  [
    "PROXYTCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "can't read address family or protocol",
  ],
  [
    "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
    "can't read address family or protocol",
  ],
  [
    "PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n",
    "can't read address family or protocol",
  ],
  [
    "PROXY tcp4 1.1.1.1 1.1.1.1 1 1\r\n",
    "can't read address family or protocol",
  ],
  ["PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", "can't read address family or protocol"],
  [
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
    "can't read address family or protocol",
  ],
  ["PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n", "invalid address"],
  ["PROXY TCP4 ::1 1.1.1.1 1 1\r\n", "invalid address"],
  ["PROXY TCP4 1.1.1.1 ::1 1 1\r\n", "invalid address"],
  ["PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", "invalid address"],
  ["PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n", "invalid address"],
  ["PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", "invalid port number"],
  ["PROXY TCP4 1.1.1.1 1.1.1.1 1 -1\r\n", "invalid port number"],
  ["PROXY TCP4 1.1.1.1 1.1.1.1 0x1 1\r\n", "invalid port number"],
  ["PROXY TCP4 1.1.1.1 1.1.1.1  1\r\n", "invalid port number"],
];
for (const [line, error] of BAD_LINES) {
  Deno.test(`decodeProxyHeader() refuses ${JSON.stringify(line)}`, () => {
    assertThrows(
      () => decodeProxyHeader(bytes(line)),
      ProtocolError,
      `proxyproto: ${error}`,
    );
  });
}

Deno.test("decodeProxyHeader() takes a line of 107 bytes and none of 108", () => {
  const line = (length: number) =>
    `PROXY UNKNOWN ${"x".repeat(length - 16)}\r\n`;
  const longest = decodeProxyHeader(bytes(line(PROXY_V1_BYTES_MAX)));
  assertEquals(shown(longest), [107, undefined]);
  assertThrows(
    () => decodeProxyHeader(bytes(line(PROXY_V1_BYTES_MAX + 1))),
    ProtocolError,
    "107 bytes or less",
  );
});

const V2: [what: string, header: Uint8Array, source: string | undefined][] = [
  ["TCP over IPv4", makeProxyV2(), "tcp 10.1.1.1 1000"],
  ["UDP over IPv4", makeProxyV2({ family: 0x12 }), "udp 10.1.1.1 1000"],
  [
    "TCP over IPv6",
    makeProxyV2({ family: 0x21, payload: ipv6("20010db8") }),
    "tcp 2001:db8::1 1000",
  ],
  [
    "an IPv4 address in IPv6 form",
    makeProxyV2({
      family: 0x21,
      payload: Uint8Array.of(
        ...new Uint8Array(10),
        0xff,
        0xff,
        10,
        1,
        1,
        1,
        ...new Uint8Array(16),
        3,
        232,
        0,
        22,
      ),
    }),
    "tcp 10.1.1.1 1000",
  ],
  [
    "a Unix socket",
    makeProxyV2({ family: 0x31, payload: new Uint8Array(216) }),
    "unix  0",
  ],
  ["sshd.md case 31: LOCAL", makeProxyV2({ command: 0x20 }), undefined],
  [
    "LOCAL of no family and no length",
    makeProxyV2({ command: 0x20, family: 0, payload: new Uint8Array() }),
    undefined,
  ],
  [
    "type-length-values behind the addresses",
    makeProxyV2({ extraBytes: 100 }),
    "tcp 10.1.1.1 1000",
  ],
  [
    "as much as there may be",
    makeProxyV2({ extraBytes: PROXY_V2_PAYLOAD_BYTES_MAX - 12 }),
    "tcp 10.1.1.1 1000",
  ],
];
for (const [what, header, source] of V2) {
  Deno.test(`decodeProxyHeader() reads version 2, ${what}`, () => {
    const followed = Uint8Array.of(...header, ...bytes("SSH-2.0-x\r\n"));
    assertEquals(shown(decodeProxyHeader(followed)), [header.length, source]);
  });
  Deno.test(`decodeProxyHeader() asks for more of version 2, ${what}`, () => {
    for (let size = 0; size < header.length; size++) {
      assertEquals(decodeProxyHeader(header.subarray(0, size)).kind, "more");
    }
  });
}

function ipv6(head: string): Uint8Array {
  const ip = Uint8Array.fromHex(`${head}${"0".repeat(31 - head.length)}1`);
  return Uint8Array.of(...ip, ...ip, 3, 232, 0, 22);
}

const VERSION = "unsupported proxy protocol version and command";
const FAMILY = "unsupported address family and protocol";
const LENGTH = "invalid length";
const BAD_V2: [what: string, header: Uint8Array, error: string][] = [
  ["version 1", makeProxyV2({ command: 0x11 }), VERSION],
  ["version 3", makeProxyV2({ command: 0x31 }), VERSION],
  ["command 2", makeProxyV2({ command: 0x22 }), VERSION],
  ["family 0x00", makeProxyV2({ family: 0x00 }), FAMILY],
  [
    "family 0x10, of which the Go server dies",
    makeProxyV2({ family: 0x10 }),
    FAMILY,
  ],
  ["family 0x20", makeProxyV2({ family: 0x20 }), FAMILY],
  ["family 0x30", makeProxyV2({ family: 0x30 }), FAMILY],
  [
    "family 0x40, of which the Go server dies",
    makeProxyV2({ family: 0x40 }),
    FAMILY,
  ],
  ["family 0x41", makeProxyV2({ family: 0x41 }), FAMILY],
  ["family 0x13", makeProxyV2({ family: 0x13 }), FAMILY],
  ["family 0xff", makeProxyV2({ family: 0xff }), FAMILY],
  [
    "too few bytes for IPv4",
    makeProxyV2({ payload: new Uint8Array(11) }),
    LENGTH,
  ],
  [
    "too few bytes for IPv6",
    makeProxyV2({ family: 0x21, payload: new Uint8Array(35) }),
    LENGTH,
  ],
  [
    "too few bytes for a path",
    makeProxyV2({ family: 0x31, payload: new Uint8Array(215) }),
    LENGTH,
  ],
  [
    "sshd.md case 32: a length above 4096",
    makeProxyV2({ extraBytes: PROXY_V2_PAYLOAD_BYTES_MAX - 11 }),
    LENGTH,
  ],
  [
    "a LOCAL length above 4096",
    makeProxyV2({ command: 0x20, extraBytes: 5_000 }),
    LENGTH,
  ],
];
for (const [what, header, error] of BAD_V2) {
  Deno.test(`decodeProxyHeader() refuses version 2, ${what}`, () => {
    // Each as soon as the fault is there, however the bytes are cut.
    let size = 0;
    let refusal: unknown;
    for (; size <= header.length && refusal === undefined; size++) {
      try {
        decodeProxyHeader(header.subarray(0, size));
      } catch (caught) {
        refusal = caught;
      }
    }
    if (!(refusal instanceof ProtocolError)) throw refusal;
    assertEquals([refusal.message, size <= 17], [`proxyproto: ${error}`, true]);
  });
}

const NO_HEADER = [
  "SSH-2.0-OpenSSH_9.2\r\n",
  "P\r\n",
  "PROX\r\n",
  "PROXZ TCP4",
  "\r\n",
  "\r\n\r\n\0\r\nQUIZ",
  "proxy tcp4",
  " PROXY",
];
for (const text of NO_HEADER) {
  Deno.test(`decodeProxyHeader() sees no header in ${JSON.stringify(text)}`, () => {
    const verdict = decodeProxyHeader(bytes(text)).kind;
    assertEquals(verdict, text === "\r\n" ? "more" : "none");
    refuseUnfinished(bytes(text));
  });
}

Deno.test("refuseUnfinished() names what of version 2 is missing", () => {
  const header = makeProxyV2();
  const texts = [12, 13, 14, 15, 16, 27].map((size) =>
    assertThrows(() => refuseUnfinished(header.subarray(0, size))).message
  );
  assertEquals(texts.map((text) => text.replace("proxyproto: ", "")), [
    "can't read proxy protocol version and command",
    "can't read address family or protocol",
    "can't read length",
    "can't read length",
    "invalid length",
    "invalid length",
  ]);
  refuseUnfinished(PROXY_V2_SIGNATURE.subarray(0, 11));
});

Deno.test("decodeProxyHeader() throws nothing but ProtocolError at any bytes", () => {
  const header = makeProxyV2();
  for (let round = 0; round < 5_000; round++) {
    const mutant = header.slice(0, 1 + round % header.length);
    const at = (round * 7) % mutant.length;
    mutant[at] = (mutant[at] ?? 0) ^ (1 << (round % 8));
    try {
      decodeProxyHeader(mutant);
      refuseUnfinished(mutant);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
});

const IPS = [
  ["20010db8000000000000000000000001", "2001:db8::1"],
  ["00000000000000000000000000000000", "::"],
  ["00000000000000000000000000000001", "::1"],
  ["20010000000000000000000000000000", "2001::"],
  ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
  ["20010000000000010000000000000001", "2001:0:0:1::1"],
] as const;
for (const [hex, text] of IPS) {
  Deno.test(`formatIp() prints ${text}`, () => {
    assertEquals(formatIp(Uint8Array.fromHex(hex)), text);
  });
}
