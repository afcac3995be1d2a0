import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  decodePktLine,
  encodePktLine,
  encodePktMarker,
  parsePktLength,
  PKT_LINE_BYTES_MAX,
  PKT_MARKERS,
  PKT_PAYLOAD_BYTES_MAX,
  writePktLength,
} from "../../../src/git/pkt_line.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("decodePktLine() asks for more until the last byte is there", () => {
  const whole = bytes("000ahello\n");
  for (let size = 0; size < whole.length; size++) {
    assertStrictEquals(decodePktLine(whole.subarray(0, size)), undefined);
  }
  assertEquals(decodePktLine(whole), {
    kind: "data",
    payload: bytes("hello\n"),
    sizeBytes: 10,
  });
});

Deno.test("decodePktLine() leaves what follows the packet alone", () => {
  const packet = decodePktLine(bytes("0005a0009trash"));
  assertEquals(packet?.payload, bytes("a"));
  assertStrictEquals(packet?.sizeBytes, 5);
});

const MARKER_DIGITS = ["0000", "0001", "0002"];
for (const [at, kind] of PKT_MARKERS.entries()) {
  Deno.test(`decodePktLine() and encodePktMarker() agree on ${kind}`, () => {
    const digits = MARKER_DIGITS[at] ?? "";
    assertEquals(encodePktMarker(kind), bytes(digits));
    assertEquals(decodePktLine(bytes(digits + "0005x")), {
      kind,
      payload: bytes(""),
      sizeBytes: 4,
    });
  });
}

Deno.test("decodePktLine() takes 0004 as a packet that is empty", () => {
  assertEquals(decodePktLine(bytes("0004"))?.kind, "data");
  assertEquals(decodePktLine(bytes("0004"))?.payload.length, 0);
});

Deno.test("decodePktLine() accepts the largest packet and either letter case", () => {
  for (const digits of ["fff0", "FFF0", "fFf0"]) {
    const packet = new Uint8Array(PKT_LINE_BYTES_MAX);
    packet.set(bytes(digits));
    assertStrictEquals(
      decodePktLine(packet)?.payload.length,
      PKT_PAYLOAD_BYTES_MAX,
    );
  }
});

const REFUSED = [
  ["0003", "is the reserved 3"],
  ["fff1", "is one above the limit"],
  ["ffff", "is the largest of all"],
  ["-001", "has a sign"],
  ["+00a", "has the other sign"],
  [" 00a", "has a blank"],
  ["0x0a", "has a prefix"],
  ["000g", "has a letter behind f"],
  ["000@", "has the character before A"],
  ["000`", "has the character before a"],
  ["000:", "has the character behind 9"],
  ["000/", "has the character before 0"],
  ["\0\0\0\0", "is binary"],
  ["00\u00e0", "is not ASCII"],
] as const;
for (const [digits, fault] of REFUSED) {
  Deno.test(`decodePktLine() refuses a length that ${fault}`, () => {
    assertThrows(() => decodePktLine(bytes(digits)), ProtocolError);
  });
}

Deno.test("every payload size at the limits survives a round trip", () => {
  for (const size of [0, 1, 15, 16, 255, 4095, 65515, PKT_PAYLOAD_BYTES_MAX]) {
    const payload = new Uint8Array(size).fill(size & 0xff);
    const packet = encodePktLine(payload);
    assertEquals(decodePktLine(packet)?.payload, payload);
    assertStrictEquals(packet.length, size + 4);
  }
});

Deno.test("encodePktLine() refuses a payload of one byte too many", () => {
  const payload = new Uint8Array(PKT_PAYLOAD_BYTES_MAX + 1);
  assertThrows(() => encodePktLine(payload), RangeError);
});

Deno.test("every length survives writePktLength() and parsePktLength()", () => {
  const digits = new Uint8Array(6);
  for (let length = 0; length <= 0xffff; length++) {
    writePktLength(digits, 1, length);
    assertStrictEquals(parsePktLength(digits, 1), length);
  }
  writePktLength(digits, 0, 0xabcd);
  assertEquals(digits.subarray(0, 4), bytes("abcd"));
});

Deno.test("every single byte as a digit is judged as parseInt judges it", () => {
  for (let byte = 0; byte < 256; byte++) {
    const digits = Uint8Array.of(0x30, 0x30, 0x30, byte);
    const expected = parseInt(String.fromCharCode(byte), 16);
    const length = parsePktLength(digits, 0);
    assertStrictEquals(length, Number.isNaN(expected) ? -1 : expected);
  }
});
