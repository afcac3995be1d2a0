import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../src/core/errors.ts";
import {
  SshReader,
  SshWriter,
  stripZeros,
  toFixedSize,
  toMpint,
} from "../../../src/ssh/wire.ts";

const MESSAGE = new SshWriter().byte(7).bool(true).uint32(0xffff_fffe)
  .string("añb").nameList(["a", "b"]).nameList([])
  .mpint(Uint8Array.of(0, 0x80)).raw(Uint8Array.of(9, 9)).bytes();

function readAll(bytes: Uint8Array): unknown[] {
  const reader = new SshReader(bytes);
  return [
    reader.readByte(),
    reader.readBool(),
    reader.readUint32(),
    reader.readText(),
    reader.readNameList(),
    reader.readNameList(),
    reader.readString(),
    reader.readByte(),
    reader.readByte(),
  ];
}

Deno.test("SshReader reads what SshWriter wrote", () => {
  assertEquals(readAll(MESSAGE), [
    7,
    true,
    0xffff_fffe,
    "añb",
    ["a", "b"],
    [],
    Uint8Array.of(0, 0x80),
    9,
    9,
  ]);
});

Deno.test("SshReader refuses a message that is cut off anywhere", () => {
  for (let size = 0; size < MESSAGE.length; size++) {
    assertThrows(() => readAll(MESSAGE.subarray(0, size)), ProtocolError);
  }
});

Deno.test("SshReader refuses a string that is longer than any message", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1);
  assertThrows(() => new SshReader(bytes).readString(), ProtocolError);
});

Deno.test("SshReader.readText() keeps a byte order mark", () => {
  const bytes = new SshWriter().string("\ufeffgit").bytes();
  assertEquals(new SshReader(bytes).readText(), "\ufeffgit");
});

Deno.test("SshReader.expectEnd() refuses what trails", () => {
  const reader = new SshReader(Uint8Array.of(1, 2));
  reader.readByte();
  assertThrows(() => reader.expectEnd(), ProtocolError);
  reader.readByte();
  reader.expectEnd();
});

Deno.test("SshReader never reads beyond random bytes", () => {
  for (let round = 0; round < 500; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(round % 40));
    try {
      readAll(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
});

for (const value of [-1, 0.5, 2 ** 32, NaN]) {
  Deno.test(`SshWriter.uint32() refuses ${value}`, () => {
    assertThrows(() => new SshWriter().uint32(value), RangeError);
  });
}

const MPINTS = [
  [[], []],
  [[0, 0], []],
  [[0, 1], [1]],
  [[0x7f], [0x7f]],
  [[0x80], [0, 0x80]],
] as const;
for (const [magnitude, expected] of MPINTS) {
  Deno.test(`toMpint() writes [${magnitude}] in its shortest form`, () => {
    assertEquals(
      toMpint(Uint8Array.from(magnitude)),
      Uint8Array.from(expected),
    );
  });
}

Deno.test("toFixedSize() fills with zeros and refuses what does not fit", () => {
  assertEquals(toFixedSize(Uint8Array.of(0, 5), 3), Uint8Array.of(0, 0, 5));
  assertEquals(toFixedSize(Uint8Array.of(1, 2, 3), 2), undefined);
  assertEquals(stripZeros(Uint8Array.of(0, 0)).length, 0);
});
