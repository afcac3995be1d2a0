import { assertEquals, assertThrows } from "@std/assert";
import { fromJSON } from "@grpc/proto-loader";
import { ProtocolError } from "../../../../src/core/errors.ts";
import { GITALY_DESCRIPTOR } from "../../../../src/gitaly/gen/descriptor.ts";
import {
  CUSTOM_HOOK_ERROR,
  INVALID_REF_FORMAT_ERROR,
  LIMIT_ERROR,
  REMOTE_NOT_FOUND_ERROR,
} from "../../../../src/gitaly/gen/errors.ts";
import {
  EXIT_STATUS,
  PACKFILE_NEGOTIATION_STATISTICS,
  REPOSITORY,
} from "../../../../src/gitaly/gen/shared.ts";
import {
  SSH_RECEIVE_PACK_REQUEST,
  SSH_RECEIVE_PACK_RESPONSE,
  SSH_UPLOAD_ARCHIVE_REQUEST,
  SSH_UPLOAD_PACK_REQUEST,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_RESPONSE,
} from "../../../../src/gitaly/gen/ssh.ts";
import { STATUS } from "../../../../src/gitaly/gen/status.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../../../src/gitaly/protobuf/codec.ts";
import type {
  FieldTable,
  MessageTable,
} from "../../../../src/gitaly/protobuf/message_table.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const TABLES: readonly MessageTable<unknown>[] = [
  REPOSITORY,
  EXIT_STATUS,
  PACKFILE_NEGOTIATION_STATISTICS,
  SSH_UPLOAD_PACK_REQUEST,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_RESPONSE,
  SSH_RECEIVE_PACK_REQUEST,
  SSH_RECEIVE_PACK_RESPONSE,
  SSH_UPLOAD_ARCHIVE_REQUEST,
  STATUS,
  LIMIT_ERROR,
  CUSTOM_HOOK_ERROR,
  INVALID_REF_FORMAT_ERROR,
  REMOTE_NOT_FOUND_ERROR,
];

const fromHex = (hex: string) => Uint8Array.fromHex(hex.replace(/\s/g, ""));
const toHex = (bytes: Uint8Array) => bytes.toHex();

Deno.test("gitaly.md 1.5: the upload-pack request of the example is the 109 bytes given", () => {
  const golden = fromHex(`
    0a 43 12 07 64 65 66 61 75 6c 74 1a 1e 40 68 61 73 68 65 64 2f 36 62 2f 38 36 2f 36 62 38 36 62
    32 37 33 66 66 33 34 2e 67 69 74 32 09 70 72 6f 6a 65 63 74 2d 31 42 0d 67 72 6f 75 70 2f 70 72
    6f 6a 65 63 74 12 1b 75 70 6c 6f 61 64 70 61 63 6b 2e 61 6c 6c 6f 77 46 69 6c 74 65 72 3d 74 72
    75 65 1a 09 76 65 72 73 69 6f 6e 3d 32`);
  const request = {
    repository: {
      ...REPOSITORY.make(),
      storageName: "default",
      relativePath: "@hashed/6b/86/6b86b273ff34.git",
      glRepository: "project-1",
      glProjectPath: "group/project",
    },
    gitConfigOptions: ["uploadpack.allowFilter=true"],
    gitProtocol: "version=2",
  };
  const table = SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST;
  assertEquals(toHex(encodeMessage(table, request)), toHex(golden));
  assertEquals(decodeMessage(table, golden), request);
});

Deno.test("gitaly.md 1.3: the status of the example is the 103 bytes given", () => {
  const golden = fromHex(`
    08 08 12 1a 6d 61 78 69 6d 75 6d 20 71 75 65 75 65 20 73 69 7a 65 20 72 65 61 63 68 65 64 1a 47
    0a 25 74 79 70 65 2e 67 6f 6f 67 6c 65 61 70 69 73 2e 63 6f 6d 2f 67 69 74 61 6c 79 2e 4c 69 6d
    69 74 45 72 72 6f 72 12 1e 0a 1a 6d 61 78 69 6d 75 6d 20 71 75 65 75 65 20 73 69 7a 65 20 72 65
    61 63 68 65 64 12 00`);
  const message = "maximum queue size reached";
  const limit = { errorMessage: message, retryAfter: { seconds: 0, nanos: 0 } };
  const details = [{
    typeUrl: "type.googleapis.com/gitaly.LimitError",
    value: encodeMessage(LIMIT_ERROR, limit),
  }];
  const status = { code: 8, message, details };
  assertEquals(toHex(encodeMessage(STATUS, status)), toHex(golden));
  assertEquals(decodeMessage(STATUS, golden), status);
});

const SMALL = [
  ["1a03088001", { exitStatus: { value: 128 } }, "exit status 128"],
  ["1a00", { exitStatus: { value: 0 } }, "an exit status of 0 that is there"],
  ["", {}, "an exit status that is not there"],
  [
    "1a0b08ffffffffffffffffff01",
    { exitStatus: { value: -1 } },
    "a negative exit status, in ten bytes",
  ],
] as const;
for (const [hex, value, what] of SMALL) {
  Deno.test(`gitaly.md 1.5: encodeMessage() and decodeMessage() agree on ${what}`, () => {
    const table = SSH_RECEIVE_PACK_RESPONSE;
    assertEquals(toHex(encodeMessage(table, value)), hex);
    assertEquals(decodeMessage(table, fromHex(hex)), {
      ...table.make(),
      ...value,
    });
  });
}

Deno.test("gitaly.md 1.5: a request with the stdin 0000 is 12 04 30 30 30 30", () => {
  const stdin = new TextEncoder().encode("0000");
  const bytes = encodeMessage(SSH_RECEIVE_PACK_REQUEST, { stdin });
  assertEquals(toHex(bytes), "120430303030");
});

Deno.test("decodeMessage() skips fields that it does not know", () => {
  // 9: varint, 10: eight bytes, 11: four bytes, 12: "ab", then the value.
  const bytes = fromHex("48ffff03 510102030405060708 5d01020304 62026162 0805");
  assertEquals(decodeMessage(EXIT_STATUS, bytes), { value: 5 });
});

Deno.test("decodeMessage() merges a message that comes twice and keeps the last scalar", () => {
  const bytes = fromHex("1a020801 1a00 0a0161 0a0162");
  const message = decodeMessage(SSH_RECEIVE_PACK_RESPONSE, bytes);
  assertEquals(message.exitStatus, { value: 1 });
  assertEquals(message.stdout, fromHex("62"));
});

Deno.test("decodeMessage() takes an int32 from the low half, as every decoder does", () => {
  const bytes = fromHex("0881808080f0ffffffff01");
  assertEquals(decodeMessage(EXIT_STATUS, bytes), { value: 1 });
});

const INT64 = [
  0,
  1,
  127,
  128,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 35 + 7,
  Number.MAX_SAFE_INTEGER,
  -1,
  -(2 ** 31),
  -(2 ** 33),
  Number.MIN_SAFE_INTEGER,
];
for (const packets of INT64) {
  Deno.test(`encodeMessage() and decodeMessage() agree on the int64 ${packets}`, () => {
    const table = PACKFILE_NEGOTIATION_STATISTICS;
    const message = { ...table.make(), packets };
    assertEquals(decodeMessage(table, encodeMessage(table, message)), message);
  });
}

const REFUSED = [
  ["00", 0, "has field number 0"],
  ["8080808010", 0, "has a field number beyond 2^29-1"],
  ["80808080808000", 0, "has field number 0 in seven bytes"],
  ["0b", 0, "begins a group"],
  ["0c", 0, "ends a group"],
  ["4b", 1, "begins a group of an unknown field"],
  ["4f", 1, "has wire type 7"],
  ["4e", 1, "has wire type 6"],
  ["0d01020304", 0, "has four bytes where a varint belongs"],
  ["0a00", 0, "has bytes where a varint belongs"],
  ["08ffffffffffffffffff02", 1, "has a varint of 65 bits"],
  ["08ffffffffffffffffffff01", 1, "has a varint of eleven bytes"],
  ["08", 1, "ends before the varint"],
  ["0880", 1, "ends in the varint"],
  ["4a", 1, "ends before the length"],
  ["4a05616263", 1, "ends in the bytes"],
  ["4affffffff0f", 1, "has a length of 4 GiB"],
  ["4affffffffffffffff7f", 1, "has a length of 63 bits"],
  ["4901020304050607", 1, "ends in eight bytes"],
  ["4d010203", 1, "ends in four bytes"],
] as const;
for (const [hex, offsetBytes, fault] of REFUSED) {
  Deno.test(`decodeMessage() refuses a message that ${fault}`, () => {
    const error = assertThrows(
      () => decodeMessage(EXIT_STATUS, fromHex(hex)),
      ProtocolError,
    );
    assertEquals(error.offsetBytes, offsetBytes);
  });
}

Deno.test("decodeMessage() refuses text that is not UTF-8 and says where", () => {
  const bytes = fromHex("1a026162 1201ff");
  const error = assertThrows(
    () => decodeMessage(REPOSITORY, bytes),
    ProtocolError,
  );
  assertEquals(error.offsetBytes, 5);
});

Deno.test("decodeMessage() refuses an int64 that a number cannot hold", () => {
  const table = PACKFILE_NEGOTIATION_STATISTICS;
  const bytes = fromHex("10ffffffffffffffff7f");
  assertThrows(() => decodeMessage(table, bytes), ProtocolError);
});

Deno.test("encodeMessage() refuses a number that is no integer", () => {
  assertThrows(() => encodeMessage(EXIT_STATUS, { value: 0.5 }), RangeError);
});

Deno.test("decodeMessage() refuses every truncation inside a field", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 200; round++) {
    const table = random.pick(TABLES);
    const whole = encodeMessage(table, randomMessage(random, table));
    // Any cut either ends between two fields or is refused: never a hang,
    // never another error.
    for (let size = 0; size <= whole.length; size++) {
      try {
        decodeMessage(table, whole.subarray(0, size));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        assertEquals(error.offsetBytes <= size, true);
      }
    }
  }
});

Deno.test("decodeMessage() answers random bytes with a message or a ProtocolError", () => {
  const random = new SeededRandom(99);
  for (let round = 0; round < 20_000; round++) {
    const bytes = random.bytes(random.below(40));
    try {
      decodeMessage(random.pick(TABLES), bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
});

Deno.test("the codec and protobufjs agree on random messages, both ways", () => {
  const definitions = fromJSON(
    GITALY_DESCRIPTOR as Parameters<typeof fromJSON>[0],
    { longs: Number, defaults: true, arrays: true },
  ) as unknown as Record<string, TheirCodec>;
  const random = new SeededRandom(2024);
  for (let round = 0; round < 3_000; round++) {
    const table = random.pick(TABLES);
    const message = randomMessage(random, table);
    const theirs = definitions[table.name];
    if (!theirs) throw new Error(`protobufjs does not know ${table.name}`);
    const bytes = encodeMessage(table, message);
    assertEquals(normal(table, theirs.deserialize(bytes)), message);
    const encoded = new Uint8Array(theirs.serialize(toTheirs(message)));
    assertEquals(decodeMessage(table, encoded), message);
  }
});

interface TheirCodec {
  serialize(value: unknown): Uint8Array;
  deserialize(bytes: Uint8Array): Record<string, unknown>;
}

type Members = Record<string, unknown>;

function randomMessage(random: SeededRandom, table: MessageTable<unknown>) {
  const message = table.make() as Members;
  for (const field of table.fields) {
    if (random.below(3) === 0) continue;
    const count = random.below(3);
    message[field.name] = field.isRepeated
      ? Array.from({ length: count }, () => randomValue(random, field))
      : randomValue(random, field);
  }
  return message;
}

function randomValue(random: SeededRandom, field: FieldTable): unknown {
  switch (field.type) {
    case "message":
      return randomMessage(random, field.message);
    case "bytes":
      return random.bytes(random.below(300));
    case "string":
      return Array.from(
        { length: random.below(40) },
        () => random.pick(["a", "/", "ü", "語", "😀", "\0", "="]),
      ).join("");
    case "int64":
      return (random.below(2 ** 32) - 2 ** 31) * random.pick([1, 2 ** 21]);
    case "enum":
      return random.below(4);
    case "int32":
      return random.below(2 ** 32) - 2 ** 31;
  }
}

/** protobufjs wants Buffers where our values have plain bytes. */
function toTheirs(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(toTheirs);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, toTheirs(member)]),
  );
}

/** What protobufjs decoded, in the shape of our own messages. */
function normal(table: MessageTable<unknown>, theirs: Members): Members {
  const message = table.make() as Members;
  for (const field of table.fields) {
    const member = theirs[field.name];
    if (member === undefined || member === null) continue;
    message[field.name] = field.isRepeated
      ? (member as unknown[]).map((item) => normalValue(field, item))
      : normalValue(field, member);
  }
  return message;
}

function normalValue(field: FieldTable, value: unknown): unknown {
  if (field.type === "message") return normal(field.message, value as Members);
  return field.type === "bytes" ? Uint8Array.from(value as Uint8Array) : value;
}
