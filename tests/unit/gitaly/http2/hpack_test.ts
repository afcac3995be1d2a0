import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../../src/core/errors.ts";
import { HpackDecoder } from "../../../../src/gitaly/http2/hpack_decoder.ts";
import { HpackEncoder } from "../../../../src/gitaly/http2/hpack_encoder.ts";
import { decodeHuffman } from "../../../../src/gitaly/http2/huffman.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const fromHex = (hex: string) => Uint8Array.fromHex(hex.replace(/\s/g, ""));
const LIMITS = { tableBytesMax: 4_096, listBytesMax: 65_536 };

function decode(hex: string, limits = LIMITS) {
  return new HpackDecoder(limits).decode(fromHex(hex)).fields;
}

/** RFC 7541, appendix C.2: one field each. */
const SINGLE = [
  [
    "C.2.1",
    "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
    [["custom-key", "custom-header"]],
    55,
  ],
  [
    "C.2.2",
    "040c 2f73 616d 706c 652f 7061 7468",
    [[":path", "/sample/path"]],
    0,
  ],
  [
    "C.2.3",
    "1008 7061 7373 776f 7264 0673 6563 7265 74",
    [["password", "secret"]],
    0,
  ],
  ["C.2.4", "82", [[":method", "GET"]], 0],
] as const;
for (const [name, hex, fields, tableBytes] of SINGLE) {
  Deno.test(`HpackDecoder reads RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder(LIMITS);
    assertEquals(decoder.decode(fromHex(hex)).fields, fields);
    assertEquals(decoder.tableBytes, tableBytes);
  });
}

const REQUESTS = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
] as const;
const DATES = [
  "Mon, 21 Oct 2013 20:13:21 GMT",
  "Mon, 21 Oct 2013 20:13:22 GMT",
] as const;
const LOCATION = ["location", "https://www.example.com"] as const;
const PRIVATE = ["cache-control", "private"] as const;
const RESPONSES = [
  [[":status", "302"], PRIVATE, ["date", DATES[0]], LOCATION],
  [[":status", "307"], PRIVATE, ["date", DATES[0]], LOCATION],
  [
    [":status", "200"],
    PRIVATE,
    ["date", DATES[1]],
    LOCATION,
    ["content-encoding", "gzip"],
    [
      "set-cookie",
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ],
  ],
] as const;

/** RFC 7541, appendix C.3 to C.6: three blocks each, one table. */
const SEQUENCES = [
  ["C.3", 4_096, REQUESTS, [
    ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", 57],
    ["8286 84be 5808 6e6f 2d63 6163 6865", 110],
    [
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      164,
    ],
  ]],
  ["C.4", 4_096, REQUESTS, [
    ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", 57],
    ["8286 84be 5886 a8eb 1064 9cbf", 110],
    ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", 164],
  ]],
  ["C.5", 256, RESPONSES, [
    [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230
       3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65
       7861 6d70 6c65 2e63 6f6d`,
      222,
    ],
    ["4803 3330 37c1 c0bf", 222],
    [
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220
       474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157
       454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076
       6572 7369 6f6e 3d31`,
      215,
    ],
  ]],
  ["C.6", 256, RESPONSES, [
    [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0
       82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      222,
    ],
    ["4883 640e ffc1 c0bf", 222],
    [
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b
       d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27
       0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      215,
    ],
  ]],
] as const;
for (const [name, tableBytesMax, lists, blocks] of SEQUENCES) {
  Deno.test(`HpackDecoder reads the three blocks of RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder({ ...LIMITS, tableBytesMax });
    blocks.forEach(([hex, tableBytes], index) => {
      const { fields, isTruncated } = decoder.decode(fromHex(hex));
      assertEquals([...fields], [...lists[index] ?? []]);
      assertEquals(isTruncated, false);
      assertEquals(decoder.tableBytes, tableBytes);
    });
  });
}

Deno.test("HpackDecoder reads RFC 7541 C.1.2: 1337 in a prefix of five bits", () => {
  // As the limit of the table, the one integer with such a prefix.
  const limits = { ...LIMITS, tableBytesMax: 1_337 };
  assertEquals(decode("3f9a0a 82", limits), [[":method", "GET"]]);
  const lower = { ...LIMITS, tableBytesMax: 1_336 };
  assertThrows(() => decode("3f9a0a 82", lower), ProtocolError);
});

/** All 256 bytes in order, encoded by Go's golang.org/x/net/http2/hpack. */
const ALL_BYTES = `
ffc7fffd8fffffe2fffffe3fffffe4fffffe5fffffe6fffffe7fffffe8ffffea
fffffff3fffffa7fffffabffffffdfffffebfffffecfffffedfffffeefffffef
ffffff0ffffff1ffffff2fffffffbfffffcffffffd3fffffd7fffffdbfffffdf
fffffe3fffffe7fffffebfffffed4fe3f9ffaffcabf1febfafefe7fdfd2cbb00
089969b71d79fb9f7fff20ffbff3ff50ddbd7f061c58f265cd9f469d5af66ddd
bf871e5f9cff7ff7fffc3ff9ffe45fff4719242cb34e6e9d68a6a3d7dac426de
fe3cfaf7fffbfe7ffbffdffffffcfffe6ffff4bfff9ffffa3fffd3ffff53fffd
5ffffb3fffeb7fffdaffffb7ffff73fffeeffffdeffffebffffbfffffd9ffffd
bfffebffffe0ffffeeffffc3ffff8bffff1ffffe4fffee7fffb1ffff97fffd9f
fffcdffff9fffffbffffdafffeeffff4ffffb7fffee7fffe8ffffd3fffdeffff
d5fffeeffffbdffffe1fffdfffff7fffff5ffffecffff07fff87fffe0ffff17f
ffedffff87ffff77fffeffffeaffff8bfffe3ffff93ffff87fffcbffff37ffff
1fffff83ffffe1fffebfffe3ffff3fffff2ffffa3ffffd9fffff17ffffc7ffff
f27ffffdefffffbffffff2fffff8fffffb7fff97fff8fffffe6fffffc1fffff8
7ffffe7fffffc5ffffe5fffe4ffff2fffffd1fffff4ffffffefffffe3fffffc9
fffff97fffb3ffffcffffb7fffcdffff4ffff9ffffd1ffffcffffeaffffaffff
fddffffeffffff4fffff5fffffabffffa7ffffd7fffff9bffffecfffffb7ffff
f3fffffe8fffffd3fffffabfffff5fffffff7ffffecfffffdbfffffbbfffff7f
fffff0fffffbbf`;

Deno.test("decodeHuffman() reads every symbol as Go wrote it", () => {
  const expected = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assertEquals(decodeHuffman(fromHex(ALL_BYTES)), expected);
});

const BAD_HUFFMAN = [
  ["f1e3c2e5f23a6ba0ab90f4ffff", "has eight bits of padding"],
  ["00", "is padded with zeros"],
  ["1e", "is padded with a zero at the end"],
  ["ffffffff", "has the end of string"],
  ["fffffffc", "has the end of string and padding"],
] as const;
for (const [hex, fault] of BAD_HUFFMAN) {
  Deno.test(`decodeHuffman() refuses a string that ${fault}`, () => {
    assertThrows(() => decodeHuffman(fromHex(hex)), ProtocolError);
  });
}

const BAD_BLOCKS = [
  ["80", "refers to entry 0"],
  ["be", "refers to an entry that the table does not have"],
  ["7e0161", "names an entry that the table does not have"],
  ["ff80808008", "refers beyond 2^28"],
  ["ffffffffffff01", "has an integer of six bytes"],
  ["82 20", "changes the table's size after a field"],
  ["3fe21f", "makes the table larger than allowed"],
  ["ff", "ends in an integer"],
  ["00", "ends before the name"],
  ["0003 6162", "ends in the name"],
  ["0001 61", "ends before the value"],
  ["0001 61 05 62", "ends in the value"],
  ["0001 61 7f8080808001", "has a value of more bytes than a number holds"],
] as const;
for (const [hex, fault] of BAD_BLOCKS) {
  Deno.test(`HpackDecoder refuses a block that ${fault}`, () => {
    assertThrows(() => decode(hex), ProtocolError);
  });
}

Deno.test("HpackDecoder drops the oldest entries when the table shrinks", () => {
  const decoder = new HpackDecoder(LIMITS);
  decoder.decode(fromHex("400161 0162 400163 0164"));
  assertEquals(decoder.decode(fromHex("bebf")).fields, [["c", "d"], [
    "a",
    "b",
  ]]);
  // To 34 bytes: one entry fits.
  assertEquals(decoder.decode(fromHex("3f03 be")).fields, [["c", "d"]]);
  assertThrows(() => decoder.decode(fromHex("bf")), ProtocolError);
});

Deno.test("HpackDecoder empties the table for an entry that cannot fit", () => {
  const decoder = new HpackDecoder({ ...LIMITS, tableBytesMax: 40 });
  decoder.decode(fromHex("400161 0162"));
  assertEquals(decoder.tableBytes, 34);
  decoder.decode(fromHex(`4001 61 0a ${"62".repeat(10)}`));
  assertEquals(decoder.tableBytes, 0);
});

Deno.test("HpackDecoder cuts a list beyond its limit and keeps the table right", () => {
  const decoder = new HpackDecoder({ ...LIMITS, listBytesMax: 68 });
  const list = decoder.decode(fromHex("400161 0162 400163 0164 400165 0166"));
  assertEquals(list, { fields: [["a", "b"], ["c", "d"]], isTruncated: true });
  assertEquals(decoder.decode(fromHex("be")).fields, [["e", "f"]]);
});

Deno.test("HpackDecoder answers random and truncated blocks with fields or a ProtocolError", () => {
  const random = new SeededRandom(3);
  for (let round = 0; round < 30_000; round++) {
    const decoder = new HpackDecoder({ tableBytesMax: 200, listBytesMax: 500 });
    for (let block = 0; block < 3; block++) {
      try {
        decoder.decode(random.bytes(random.below(24)));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
      assertEquals(decoder.tableBytes <= 200, true);
    }
  }
});

Deno.test("HpackEncoder writes a request that the decoder reads", () => {
  const fields = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/gitaly.SSHService/SSHReceivePack"],
    [":authority", "localhost"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["authorization", "Bearer v2.abc"],
    ["username", ""],
    ["x-long", "x".repeat(5_000)],
  ] as const;
  const block = new HpackEncoder().encode(fields);
  assertEquals(new HpackDecoder(LIMITS).decode(block).fields, fields);
});

Deno.test("HpackEncoder lets no proxy keep the token in a table", () => {
  const block = new HpackEncoder().encode([["authorization", "x"]]);
  // 0001: never indexed; name 23 in four bits and one byte more.
  assertEquals(block, fromHex("1f08 0178"));
});

Deno.test("HpackEncoder confirms a smaller table once, at the start of a block", () => {
  const encoder = new HpackEncoder();
  encoder.limitTable(4_096);
  assertEquals(encoder.encode([[":method", "POST"]]), fromHex("83"));
  encoder.limitTable(100);
  assertEquals(encoder.encode([[":method", "POST"]]), fromHex("20 83"));
  encoder.limitTable(0);
  assertEquals(encoder.encode([[":method", "POST"]]), fromHex("83"));
});
