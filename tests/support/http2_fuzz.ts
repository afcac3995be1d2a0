/**
 * Feeds the lean carrier with what a broken or hostile server might send: a
 * good conversation, damaged at random.
 * @module
 */
import type { ByteDuplex } from "../../src/core/io.ts";
import { LeanConnection } from "../../src/gitaly/http2/lean_connection.ts";
import {
  ACK,
  bytesOf,
  dataFrame,
  END_HEADERS,
  frame,
  headerBlock,
  join,
  PADDED,
  responseHeaders,
  settings,
  trailers,
  TYPE,
  uint32,
} from "./fake_http2_server.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** Values that lie at the edge of something. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x40, 0x3f] as const;
const FLAGS = [0x00, 0x01, 0x04, 0x05, 0x08, 0x0d, 0x20, 0xff] as const;

/** Frames of good conversations on the streams 1 and 3. */
const FRAMES: readonly Uint8Array[] = [
  settings([3, 100], [4, 65_535]),
  settings([1, 0], [4, 0], [5, 20_000], [6, 1_000]),
  frame([TYPE.settings, ACK], 0),
  responseHeaders(1),
  responseHeaders(3),
  dataFrame(1, bytesOf("message")),
  dataFrame(3, new Uint8Array(2_000)),
  frame([TYPE.data, PADDED], 1, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0)),
  frame([TYPE.ping, 0], 0, bytesOf("12345678")),
  frame([TYPE.windowUpdate, 0], 0, uint32(70_000)),
  frame([TYPE.windowUpdate, 0], 1, uint32(70_000)),
  frame([TYPE.headers, 0], 3, headerBlock([["a", "b"]])),
  frame([TYPE.continuation, END_HEADERS], 3, headerBlock([["c", "d"]])),
  // Huffman text, an indexed field, and a change of the table's size.
  frame([TYPE.headers, END_HEADERS], 1, Uint8Array.fromHex("203fe11f88be")),
  frame(
    [TYPE.headers, END_HEADERS],
    1,
    Uint8Array.fromHex("4882640258" + "85aec3771a4b"),
  ),
  frame([TYPE.rstStream, 0], 3, uint32(8)),
  frame([TYPE.goaway, 0], 0, join(uint32(1), uint32(0), bytesOf("bye"))),
  frame([TYPE.priority, 0], 1, new Uint8Array(5)),
  frame([0x0c, 0], 0, bytesOf("unknown")),
  trailers(1),
  trailers(3, [["grpc-status", "13"], ["grpc-message", "a%20b"]]),
];

/** Makes the next conversation, some of it damaged. */
export function makeConversation(random: SeededRandom): Uint8Array {
  const parts: Uint8Array[] = [];
  if (random.below(16) > 0) parts.push(random.pick(FRAMES.slice(0, 2)));
  // Half of them get as far as messages before anything is out of order.
  if (random.below(2) > 0) parts.push(responseHeaders(1), responseHeaders(3));
  for (let count = random.below(8); count >= 0; count--) {
    parts.push(random.pick(FRAMES));
  }
  const bytes = join(...parts);
  const damages = random.pick([0, 1, 1, 1, 2, 3]);
  for (let count = damages; count > 0; count--) damage(random, bytes);
  return bytes.subarray(0, bytes.length - random.pick([0, 0, 0, 1, 5, 9]));
}

function damage(random: SeededRandom, bytes: Uint8Array): void {
  const at = random.below(bytes.length);
  switch (random.below(5)) {
    case 0:
      bytes[at] = random.below(256);
      break;
    case 1:
      bytes[at] = random.pick(EDGES);
      break;
    case 2:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      break;
    case 3:
      // Where a frame's type and flags may stand.
      bytes[at] = random.pick(FLAGS);
      break;
    default: {
      const from = random.below(bytes.length);
      bytes.copyWithin(at, from, from + random.below(20));
    }
  }
}

/** What became of one conversation. */
export interface FuzzResult {
  /** Statuses of its two calls. */
  readonly codes: readonly number[];
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Has a conversation with two calls, cut in two where `cut` says. */
export async function converse(
  bytes: Uint8Array,
  cut: number,
): Promise<FuzzResult> {
  const input: (Uint8Array | null)[] = [
    bytes.subarray(0, cut),
    bytes.subarray(cut),
    null,
  ];
  let sentBytes = 0;
  const duplex: ByteDuplex = {
    read: () => Promise.resolve(input.shift() ?? null),
    write: (sent) => {
      sentBytes += sent.length;
      return Promise.resolve();
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  const connection = new LeanConnection(duplex, {
    authority: "localhost",
    scheme: "http",
    keepaliveTimeMs: Infinity,
    keepaliveTimeoutMs: Infinity,
  });
  const start = { path: "/a/b", metadata: [], isUnary: false };
  const calls = [connection.startCall(start), connection.startCall(start)];
  let receivedBytes = 0;
  const codes = await Promise.all(calls.map(async (call) => {
    void call.send(bytesOf("request"));
    for (;;) {
      const message = await call.receive();
      if (message === null) break;
      receivedBytes += message.length;
    }
    return (await call.status).code;
  }));
  await connection.closed;
  return { codes, receivedBytes, sentBytes };
}
