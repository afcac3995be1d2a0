import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../../src/core/errors.ts";
import {
  SSH_RECEIVE_PACK_REQUEST,
  SSH_RECEIVE_PACK_RESPONSE,
} from "../../../../src/gitaly/gen/ssh.ts";
import {
  decodeMessage,
  encodeMessage,
} from "../../../../src/gitaly/protobuf/codec.ts";
import {
  decodePackOutput,
  StdinEncoder,
} from "../../../../src/gitaly/protobuf/pack_messages.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const random = new SeededRandom(5);

for (const sizeBytes of [0, 1, 127, 128, 16_383, 16_384, 131_072, 2_097_152]) {
  Deno.test(`StdinEncoder writes ${sizeBytes} bytes as the table codec does`, () => {
    const stdin = random.bytes(sizeBytes);
    assertEquals(
      new StdinEncoder().encode(stdin),
      encodeMessage(SSH_RECEIVE_PACK_REQUEST, { stdin }),
    );
  });
}

Deno.test("StdinEncoder uses one buffer for messages that fit", () => {
  const encoder = new StdinEncoder();
  const first = encoder.encode(random.bytes(1000));
  const second = encoder.encode(random.bytes(10));
  assertStrictEquals(first.buffer, second.buffer);
  assertEquals(second.length, 12);
});

for (const sizeBytes of [0, 1, 127, 128, 65_536]) {
  Deno.test(`decodePackOutput() reads ${sizeBytes} bytes of either output as a view`, () => {
    const payload = random.bytes(sizeBytes);
    for (const name of ["stdout", "stderr"] as const) {
      const bytes = encodeMessage(SSH_RECEIVE_PACK_RESPONSE, {
        [name]: payload,
      });
      const output = decodePackOutput(bytes);
      assertEquals(output, decodeMessage(SSH_RECEIVE_PACK_RESPONSE, bytes));
      if (sizeBytes) assertStrictEquals(output[name].buffer, bytes.buffer);
    }
  });
}

Deno.test("gitaly.md case 50: decodePackOutput() reads a message with all three fields", () => {
  const message = {
    stdout: random.bytes(10),
    stderr: random.bytes(3),
    exitStatus: { value: -1 },
  };
  const bytes = encodeMessage(SSH_RECEIVE_PACK_RESPONSE, message);
  assertEquals(decodePackOutput(bytes), message);
});

Deno.test("decodePackOutput() refuses what is cut short", () => {
  const bytes = encodeMessage(SSH_RECEIVE_PACK_RESPONSE, {
    stdout: random.bytes(200),
  });
  for (let size = 1; size < bytes.length; size++) {
    assertThrows(
      () => decodePackOutput(bytes.subarray(0, size)),
      ProtocolError,
    );
  }
});
