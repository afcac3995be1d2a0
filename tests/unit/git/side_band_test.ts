import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  BAND_STDERR,
  BAND_STDOUT,
  encodeSideBandPacket,
  SIDE_BAND_PAYLOAD_BYTES_MAX,
  SideBandDecoder,
} from "../../../src/git/side_band.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Decodes chunks and joins neighbours of one band. */
function decodeAll(...chunks: Uint8Array[]): [number, string][] {
  const decoder = new SideBandDecoder();
  const found: [number, string][] = [];
  for (const chunk of chunks) {
    decoder.feed(chunk);
    while (decoder.next()) {
      const text = String.fromCharCode(...decoder.payload);
      const last = found.at(-1);
      if (last?.[0] === decoder.band) last[1] += text;
      else found.push([decoder.band, text]);
    }
  }
  decoder.end();
  return found;
}

Deno.test("gitaly.md case 39: bands keep their order", () => {
  assertEquals(
    decodeAll(bytes("0006\x01a000e\x02fatal: x\n0007\x01bc")),
    [[1, "a"], [2, "fatal: x\n"], [1, "bc"]],
  );
});

Deno.test("gitaly.md case 39: a packet of a band and nothing else is accepted", () => {
  assertEquals(decodeAll(bytes("0005\x010005\x020006\x01a")), [[1, "a"]]);
});

const FAULTS = [
  ["0006\x03a", "unexpected band: 3", "another band"],
  ["0006\x00a", "unexpected band: 0", "band 0"],
  ["0000", 'invalid sideband packet: "0000"', "a flush"],
  ["0001", 'invalid sideband packet: "0001"', "a delimiter"],
  ["0003", 'invalid sideband packet: "0003"', "the reserved length"],
  ["0004", 'invalid sideband packet: "0004"', "no band byte"],
  ["fff1\x01", "pktLineSplitter: invalid length: 65521", "too many bytes"],
  [
    "00zz\x01",
    'pktLineSplitter: decode length: strconv.ParseInt: parsing "00zz": invalid syntax',
    "no hexadecimal length",
  ],
] as const;
for (const [input, text, what] of FAULTS) {
  Deno.test(`gitaly.md case 39, 40: a packet with ${what} is refused`, () => {
    // Behind a good one, and at every split point.
    const whole = bytes("0006\x01a" + input);
    for (let at = 0; at <= whole.length; at++) {
      assertThrows(
        () => decodeAll(whole.subarray(0, at), whole.subarray(at)),
        ProtocolError,
        text,
      );
    }
  });
}

Deno.test("a fault in the length is found before the byte behind it is there", () => {
  const decoder = new SideBandDecoder();
  decoder.feed(bytes("0000"));
  assertThrows(() => decoder.next(), ProtocolError, "invalid sideband packet");
});

const CUT = [
  ["0", 'pktLineSplitter: incomplete length prefix on "0"'],
  ["00", 'pktLineSplitter: incomplete length prefix on "00"'],
  ["00\xff", 'pktLineSplitter: incomplete length prefix on "00\\xff"'],
  ["0006", "unexpected EOF"],
  ["0006\x01", "unexpected EOF"],
  ["0007\x01a", "unexpected EOF"],
] as const;
for (const [rest, text] of CUT) {
  Deno.test(`an end after ${JSON.stringify(rest)} is a fault`, () => {
    const packet = Uint8Array.from(
      "0006\x01a" + rest,
      (char) => char.charCodeAt(0),
    );
    assertThrows(() => decodeAll(packet), ProtocolError, text);
  });
}

Deno.test("gitaly.md case 40: a packet of 65520 bytes is accepted", () => {
  const payload = new Uint8Array(SIDE_BAND_PAYLOAD_BYTES_MAX).fill(0x61);
  const packet = encodeSideBandPacket(BAND_STDERR, payload);
  assertStrictEquals(packet.length, 65_520);
  assertEquals(decodeAll(packet), [[2, "a".repeat(payload.length)]]);
});

Deno.test("a stream is decoded alike however it is cut", () => {
  const packets = [
    encodeSideBandPacket(BAND_STDOUT, bytes("one")),
    encodeSideBandPacket(BAND_STDERR, bytes("two, longer")),
    encodeSideBandPacket(BAND_STDOUT, bytes("")),
    encodeSideBandPacket(BAND_STDOUT, bytes("3")),
  ];
  const whole = Uint8Array.from(packets.flatMap((packet) => [...packet]));
  const expected: [number, string][] = [
    [1, "one"],
    [2, "two, longer"],
    [1, "3"],
  ];
  assertEquals(
    decodeAll(...[...whole].map((byte) => Uint8Array.of(byte))),
    expected,
  );
  for (let first = 0; first <= whole.length; first++) {
    for (let second = first; second <= whole.length; second++) {
      const parts = [
        whole.subarray(0, first),
        whole.subarray(first, second),
        whole.subarray(second),
      ];
      assertEquals(decodeAll(...parts), expected);
    }
  }
});

Deno.test("payload is a view of the chunk, not a copy", () => {
  const decoder = new SideBandDecoder();
  const chunk = bytes("0009\x01abcd");
  decoder.feed(chunk);
  assertStrictEquals(decoder.next(), true);
  assertStrictEquals(decoder.payload.buffer, chunk.buffer);
});

Deno.test("a chunk cannot be fed while another is not read", () => {
  const decoder = new SideBandDecoder();
  decoder.feed(bytes("0006\x01a"));
  assertThrows(() => decoder.feed(bytes("x")), TypeError);
});

Deno.test("encodeSideBandPacket() refuses a payload of one byte too many", () => {
  const payload = new Uint8Array(SIDE_BAND_PAYLOAD_BYTES_MAX + 1);
  assertThrows(() => encodeSideBandPacket(BAND_STDOUT, payload), RangeError);
});

Deno.test("arbitrary bytes are decoded or refused, and never more than they were", () => {
  const random = new SeededRandom(20260531);
  for (let round = 0; round < 20_000; round++) {
    const decoder = new SideBandDecoder();
    let given = 0;
    let taken = 0;
    try {
      for (let chunks = random.below(5); chunks > 0; chunks--) {
        const chunk = Uint8Array.from(
          { length: random.below(40) },
          () => ODDS.charCodeAt(random.below(ODDS.length)),
        );
        given += chunk.length;
        decoder.feed(chunk);
        while (decoder.next()) taken += decoder.payload.length;
      }
      decoder.end();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    assertEquals(taken <= given, true);
  }
});

/** Bytes that packets are made of, so that many inputs get past the length. */
const ODDS = "000000000123456789abcdef\x01\x01\x01\x02\x02\x03\xff";
