/**
 * Fuzz target: Gitaly's messages. What is read is written again and read as
 * the same, and the package protobufjs reads it in the same way.
 */
import { assertEquals } from "@std/assert";
import { fromJSON } from "@grpc/proto-loader";
import { ProtocolError } from "../../src/core/errors.ts";
import { GITALY_DESCRIPTOR } from "../../src/gitaly/gen/descriptor.ts";
import { LIMIT_ERROR } from "../../src/gitaly/gen/errors.ts";
import {
  SSH_RECEIVE_PACK_REQUEST,
  SSH_RECEIVE_PACK_RESPONSE,
  SSH_UPLOAD_PACK_REQUEST,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_RESPONSE,
} from "../../src/gitaly/gen/ssh.ts";
import { STATUS } from "../../src/gitaly/gen/status.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../src/gitaly/protobuf/codec.ts";
import type { MessageTable } from "../../src/gitaly/protobuf/message_table.ts";
import { decodePackOutput } from "../../src/gitaly/protobuf/pack_messages.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const TABLES: readonly MessageTable<unknown>[] = [
  SSH_RECEIVE_PACK_RESPONSE,
  SSH_UPLOAD_PACK_WITH_SIDECHANNEL_RESPONSE,
  SSH_UPLOAD_PACK_REQUEST,
  SSH_RECEIVE_PACK_REQUEST,
  LIMIT_ERROR,
  STATUS,
];

/** What protobufjs makes of a message's bytes. */
interface OtherCodec {
  deserialize(bytes: Uint8Array): unknown;
}

const OTHERS = fromJSON(
  GITALY_DESCRIPTOR as Parameters<typeof fromJSON>[0],
  { longs: String, defaults: true, arrays: true },
) as unknown as Readonly<Record<string, OtherCodec>>;

const LONG_VARINT = /[\x80-\xff]{5}/;
const latin1 = { decode: (bytes: Uint8Array) => String.fromCharCode(...bytes) };

defineFuzzTarget(import.meta.url, {
  seeds: [
    encodeMessage(SSH_RECEIVE_PACK_RESPONSE, {
      stdout: Uint8Array.of(1, 2, 3),
    }),
    encodeMessage(SSH_RECEIVE_PACK_RESPONSE, {
      stderr: new Uint8Array(200),
      exitStatus: { value: 128 },
    }),
    encodeMessage(SSH_UPLOAD_PACK_REQUEST, {
      gitConfigOptions: ["a=b", "c=d"],
      gitProtocol: "version=2",
    }),
    encodeMessage(SSH_RECEIVE_PACK_REQUEST, {
      glId: "key-1",
      glUsername: "jane",
    }),
    Uint8Array.fromHex("0a070a0373746f12001205088080808010"),
  ],
  words: [
    Uint8Array.fromHex("ffffffffffffffffff01"),
    Uint8Array.fromHex("ffffffff0f"),
    Uint8Array.fromHex("0a00"),
    Uint8Array.fromHex("1a02"),
    Uint8Array.fromHex("0b"),
    Uint8Array.fromHex("80"),
  ],
  inputs: 8_000,
  outcomes: ["read", "refused: Cannot decode truncated", "refused: "],
  run(input) {
    let outcome = "";
    for (const table of TABLES) {
      try {
        const message = decodeMessage(table, input);
        const again = encodeMessage(table, message as object);
        assertEquals(decodeMessage(table, again), message);
        compareWithProtobufjs(table, input, again);
        outcome = "read";
      } catch (error) {
        const refused = refusal(error, ProtocolError);
        outcome ||= refused;
      }
    }
    assertEquals(
      attempt(() => decodePackOutput(input)),
      attempt(() => decodeMessage(SSH_RECEIVE_PACK_RESPONSE, input)),
    );
    return outcome;
  },
});

function attempt(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return refusal(error, ProtocolError);
  }
}

/** It makes the same of the input as of what we make of the input. */
function compareWithProtobufjs(
  table: MessageTable<unknown>,
  input: Uint8Array,
  again: Uint8Array,
): void {
  // It takes every varint of more than five bytes for one of ten.
  if (LONG_VARINT.test(latin1.decode(input))) return;
  const codec = OTHERS[table.name];
  assertEquals(codec?.deserialize(again), codec?.deserialize(input));
}
