import { assertEquals, assertThrows } from "@std/assert";
import { MessageAssembler } from "../../../../../src/devstack/gitaly/http2/message_assembler.ts";
import { StatusError } from "../../../../../src/devstack/gitaly/status.ts";

const BYTES = Uint8Array.of(
  ...[0, 0, 0, 0, 3, 1, 2, 3],
  ...[0, 0, 0, 0, 0],
  ...[0, 0, 0, 0, 1, 9],
);
const MESSAGES = [[1, 2, 3], [], [9]];

Deno.test("MessageAssembler finds the same messages at every split point", () => {
  for (let splitAt = 0; splitAt <= BYTES.length; splitAt++) {
    const assembler = new MessageAssembler();
    const messages = [
      ...assembler.add(BYTES.subarray(0, splitAt)),
      ...assembler.add(BYTES.subarray(splitAt)),
    ];
    assertEquals(messages.map((message) => [...message]), MESSAGES);
    assertEquals(assembler.isBetweenMessages, true);
  }
});

Deno.test("MessageAssembler finds messages byte by byte", () => {
  const assembler = new MessageAssembler();
  const messages = [...BYTES].flatMap((byte) =>
    assembler.add(Uint8Array.of(byte))
  );
  assertEquals(messages.map((message) => [...message]), MESSAGES);
});

Deno.test("MessageAssembler refuses a message above 4 MiB before it comes", () => {
  const prefix = Uint8Array.of(0, 0, 0x40, 0, 1);
  const error = assertThrows(
    () => new MessageAssembler().add(prefix),
    StatusError,
    "grpc: received message larger than max (4194305 vs. 4194304)",
  );
  assertEquals(error.code, 8);
  new MessageAssembler().add(Uint8Array.of(0, 0, 0x40, 0, 0));
});

Deno.test("MessageAssembler refuses a compressed message", () => {
  const prefix = Uint8Array.of(1, 0, 0, 0, 1);
  const error = assertThrows(
    () => new MessageAssembler().add(prefix),
    StatusError,
  );
  assertEquals(error.code, 12);
});
