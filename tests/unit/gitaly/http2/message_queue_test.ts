import { assertEquals } from "@std/assert";
import {
  MESSAGE_BYTES_MAX,
  MessageQueue,
} from "../../../../src/gitaly/http2/message_queue.ts";
import {
  bytesOf,
  grpcMessage,
  join,
} from "../../../support/fake_http2_server.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const SIZES = [
  0,
  1,
  5,
  1_023,
  1_024,
  1_025,
  2_043,
  4_096,
  70_000,
  0,
  3,
  131_082,
];

function takeAll(queue: MessageQueue): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let next = queue.take(); next; next = queue.take()) {
    assertEquals(next.flowBytes, next.bytes.length + 5);
    messages.push(next.bytes.slice());
  }
  return messages;
}

Deno.test("MessageQueue gives messages of all sizes in order", () => {
  const random = new SeededRandom(1);
  const messages = SIZES.map((size) => random.bytes(size));
  const bytes = join(...messages.map((message) => grpcMessage(message)));
  const queue = new MessageQueue();
  assertEquals(queue.push(bytes), undefined);
  assertEquals(queue.length, SIZES.length);
  assertEquals(takeAll(queue), messages);
  assertEquals(queue.completed, SIZES.length);
});

Deno.test("MessageQueue gives the same messages split at every byte", () => {
  const messages = ["", "one", "", "x".repeat(1_030), "end"].map(bytesOf);
  const bytes = join(...messages.map((message) => grpcMessage(message)));
  for (let at = 0; at <= bytes.length; at++) {
    const queue = new MessageQueue();
    queue.push(bytes.subarray(0, at));
    const early = takeAll(queue);
    queue.push(bytes.subarray(at));
    assertEquals([...early, ...takeAll(queue)], messages);
    assertEquals(queue.isInsideMessage, false);
  }
});

Deno.test("MessageQueue gives every message, whenever they are taken", () => {
  const random = new SeededRandom(17);
  for (let round = 0; round < 50; round++) {
    const queue = new MessageQueue();
    const given: number[] = [];
    const taken: number[] = [];
    for (let step = 0; step < 200; step++) {
      const message = random.bytes(
        random.pick([0, 1, 700, 1_024, 1_025, 5_000]),
      );
      given.push(checksum(message));
      const bytes = grpcMessage(message);
      const cut = random.below(bytes.length + 1);
      queue.push(bytes.subarray(0, cut));
      for (let times = random.below(3); times > 0; times--) {
        const next = queue.take();
        if (next) taken.push(checksum(next.bytes));
      }
      queue.push(bytes.subarray(cut));
    }
    for (let next = queue.take(); next; next = queue.take()) {
      taken.push(checksum(next.bytes));
    }
    assertEquals(taken, given);
  }
});

function checksum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum * 31 + byte) | 0, bytes.length);
}

Deno.test("MessageQueue leaves a message alone until the next take", () => {
  const queue = new MessageQueue();
  for (const text of ["small", "x".repeat(2_000)]) {
    queue.push(grpcMessage(bytesOf(text)));
    const first = queue.take()?.bytes;
    queue.push(grpcMessage(bytesOf("y".repeat(text.length))));
    assertEquals(new TextDecoder().decode(first), text);
    queue.take();
  }
});

Deno.test("MessageQueue uses large buffers again", () => {
  const queue = new MessageQueue();
  const buffers = new Set<ArrayBufferLike>();
  for (let round = 0; round < 20; round++) {
    queue.push(grpcMessage(new Uint8Array(65_536)));
    const message = queue.take();
    if (message) buffers.add(message.bytes.buffer);
  }
  assertEquals(buffers.size, 2);
});

Deno.test("MessageQueue uses the room of small messages again", () => {
  const queue = new MessageQueue();
  queue.push(grpcMessage(bytesOf("a")));
  const first = queue.take()?.bytes.buffer;
  for (let round = 0; round < 10_000; round++) {
    // As a consumer that waits for the next message does.
    assertEquals(queue.take(), undefined);
    queue.push(grpcMessage(bytesOf("b")));
    assertEquals(queue.take()?.bytes.buffer === first, true);
  }
});

Deno.test("MessageQueue knows when it ends within a message", () => {
  const queue = new MessageQueue();
  const bytes = grpcMessage(bytesOf("ab"));
  for (let size = 1; size < bytes.length; size++) {
    queue.push(bytes.subarray(size - 1, size));
    assertEquals(queue.isInsideMessage, true);
  }
  queue.push(bytes.subarray(-1));
  assertEquals(queue.isInsideMessage, false);
});

const FAULTS = [
  [
    Uint8Array.of(1, 0, 0, 0, 0),
    "",
    13,
    "grpc: compressed flag set with identity or empty encoding",
    "a compressed message without encoding",
  ],
  [
    Uint8Array.of(1, 0, 0, 0, 0),
    "gzip",
    13,
    'grpc: Decompressor is not installed for grpc-encoding "gzip"',
    "a compressed message",
  ],
  [
    Uint8Array.of(2, 0, 0, 0, 0),
    "",
    13,
    "grpc: received unexpected payload format 2",
    "an unknown flag",
  ],
  [
    Uint8Array.of(0, 0, 0x40, 0, 1),
    "",
    8,
    "grpc: received message larger than max (4194305 vs. 4194304)",
    "a message one byte too large",
  ],
  [
    Uint8Array.of(0, 255, 255, 255, 255),
    "",
    8,
    "grpc: received message larger than max (4294967295 vs. 4194304)",
    "a message of 4 GiB",
  ],
] as const;
for (const [prefix, encoding, code, message, what] of FAULTS) {
  Deno.test(`MessageQueue refuses ${what} by its prefix, after the messages before it`, () => {
    const queue = new MessageQueue();
    queue.encoding = encoding;
    const bytes = join(grpcMessage(bytesOf("ok")), prefix);
    assertEquals(queue.push(bytes), { code, message });
    assertEquals(takeAll(queue), [bytesOf("ok")]);
  });
}

Deno.test("MessageQueue takes a message of the largest size", () => {
  const queue = new MessageQueue();
  assertEquals(
    queue.push(grpcMessage(new Uint8Array(MESSAGE_BYTES_MAX))),
    undefined,
  );
  assertEquals(queue.take()?.bytes.length, MESSAGE_BYTES_MAX);
});
