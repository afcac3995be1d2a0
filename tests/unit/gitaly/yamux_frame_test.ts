import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  encodeYamuxHeader,
  writeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_TYPE,
  YamuxDecoder,
  type YamuxFrame,
} from "../../../src/gitaly/yamux_frame.ts";
import { SeededRandom } from "../../support/seeded_random.ts";

type Seen = YamuxFrame & { payload: number[] };

/** Decodes chunks; the payload of each frame joined. */
function decodeAll(chunks: readonly Uint8Array[]): Seen[] {
  const decoder = new YamuxDecoder();
  const seen: Seen[] = [];
  for (const chunk of chunks) {
    decoder.feed(chunk);
    for (let at = decoder.next(); at; at = decoder.next()) {
      if (at === "header") seen.push({ ...decoder.frame, payload: [] });
      else seen.at(-1)?.payload.push(...decoder.payload);
    }
  }
  return seen;
}

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

/** Frames of the worked example, as Gitaly's own library wrote them. */
const GOLDEN = [
  ["00 01 00 01 00 00 00 01 00 00 00 00", 1, 1, 1, 0, "SYN of stream 1"],
  ["00 01 00 02 00 00 00 01 00 fc 00 00", 1, 2, 1, 16_515_072, "its ACK"],
  ["00 01 00 04 00 00 00 02 00 00 00 00", 1, 4, 2, 0, "FIN of stream 2"],
  ["00 01 00 08 00 00 00 02 00 00 00 00", 1, 8, 2, 0, "RST of stream 2"],
  ["00 02 00 01 00 00 00 00 00 00 00 07", 2, 1, 0, 7, "a ping"],
  ["00 02 00 02 00 00 00 00 00 00 00 07", 2, 2, 0, 7, "its answer"],
  ["00 03 00 00 00 00 00 00 00 00 00 02", 3, 0, 0, 2, "a go-away"],
  [
    "00 01 ff ff ff ff ff fe ff ff ff ff",
    1,
    0xffff,
    0xffff_fffe,
    0xffff_ffff,
    "the largest of all",
  ],
] as const;
for (const [text, type, flags, streamId, length, what] of GOLDEN) {
  Deno.test(`yamux header of ${what} is read and written`, () => {
    const frame = { type, flags, streamId, length };
    assertEquals(encodeYamuxHeader(frame), hex(text));
    assertEquals(decodeAll([hex(text)]), [{ ...frame, payload: [] }]);
  });
}

Deno.test("writeYamuxHeader() writes at its offset and nowhere else", () => {
  const target = new Uint8Array(16).fill(0xee);
  writeYamuxHeader(target, 2, {
    type: YAMUX_TYPE.ping,
    flags: YAMUX_FLAG.syn,
    streamId: 0,
    length: 1,
  });
  assertEquals(target, hex("eeee 00 02 00 01 00000000 00000001 eeee"));
});

Deno.test("a connection's bytes are decoded alike however they are cut", () => {
  const whole = hex(
    "00 00 00 00 00 00 00 02 00 00 00 03 616263" +
      "00 01 00 04 00 00 00 02 00 00 00 00" +
      "00 00 00 01 00 00 00 04 00 00 00 00" +
      "00 00 00 00 00 00 00 04 00 00 00 01 7a",
  );
  const expected = decodeAll([whole]);
  assertEquals(expected.map(({ payload }) => payload.length), [3, 0, 0, 1]);
  assertEquals(
    decodeAll([...whole].map((byte) => Uint8Array.of(byte))),
    expected,
  );
  for (let first = 0; first <= whole.length; first++) {
    for (let second = first; second <= whole.length; second++) {
      const cut = [
        whole.subarray(0, first),
        whole.subarray(first, second),
        whole.subarray(second),
      ];
      assertEquals(decodeAll(cut), expected);
    }
  }
});

Deno.test("payload is a view of the chunk, and known to end with its frame", () => {
  const decoder = new YamuxDecoder();
  const first = hex("00 00 00 00 00 00 00 02 00 00 00 03 6162");
  decoder.feed(first);
  assertStrictEquals(decoder.next(), "header");
  assertStrictEquals(decoder.isBetweenFrames, false);
  assertStrictEquals(decoder.next(), "payload");
  assertStrictEquals(decoder.payload.buffer, first.buffer);
  assertStrictEquals(decoder.isBetweenFrames, false);
  assertStrictEquals(decoder.next(), undefined);
  decoder.feed(hex("63"));
  assertStrictEquals(decoder.next(), "payload");
  assertStrictEquals(decoder.isBetweenFrames, true);
});

const REFUSED = [
  ["01 00 00 00 00 00 00 00 00 00 00 00", "version 1"],
  ["ff 00 00 00 00 00 00 00 00 00 00 00", "version 255"],
  ["00 04 00 00 00 00 00 00 00 00 00 00", "type 4"],
  ["50 52 49 20 2a 20 48 54 54 50 2f 32", "HTTP/2 in its place"],
] as const;
for (const [text, what] of REFUSED) {
  Deno.test(`yamux frame of ${what} is refused`, () => {
    const good = hex("00 02 00 01 00 00 00 00 00 00 00 07");
    const error = assertThrows(
      () => decodeAll([good, hex(text)]),
      ProtocolError,
      "Cannot accept yamux frame",
    );
    assertStrictEquals(error.offsetBytes, 12);
  });
}

Deno.test("a chunk cannot be fed while another is not read", () => {
  const decoder = new YamuxDecoder();
  decoder.feed(hex("00"));
  assertThrows(() => decoder.feed(hex("00")), TypeError);
});

Deno.test("arbitrary bytes never give more payload than they were", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 20_000; round++) {
    const decoder = new YamuxDecoder();
    let given = 0;
    let taken = 0;
    try {
      for (let chunks = random.below(4); chunks > 0; chunks--) {
        const chunk = random.bytes(random.below(40));
        // Half of the headers are made legal, to get past them.
        if (random.below(2) === 0) chunk.fill(0, 0, 9);
        given += chunk.length;
        decoder.feed(chunk);
        for (let at = decoder.next(); at; at = decoder.next()) {
          if (at === "payload") taken += decoder.payload.length;
        }
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    assertEquals(taken <= given, true);
  }
});
