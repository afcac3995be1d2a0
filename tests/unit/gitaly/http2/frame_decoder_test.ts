import { assertEquals, assertThrows } from "@std/assert";
import {
  type ControlFrame,
  type DataPiece,
  FRAME_PAYLOAD_BYTES_MAX,
  FrameDecoder,
} from "../../../../src/gitaly/http2/frame_decoder.ts";
import { Http2Error } from "../../../../src/gitaly/http2/http2_error.ts";
import {
  bytesOf,
  END_HEADERS,
  END_STREAM,
  frame,
  join,
  PADDED,
  settings,
  TYPE,
  uint32,
} from "../../../support/fake_http2_server.ts";

/** Decodes chunk by chunk; DATA pieces are put together again. */
function decode(chunks: readonly Uint8Array[]): unknown[] {
  const decoder = new FrameDecoder();
  const found: unknown[] = [];
  let payload = "";
  let flowBytes = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next; next = decoder.next()) {
      if (next.kind === "control") {
        found.push({ ...next, payload: next.payload.slice() });
        continue;
      }
      payload += new TextDecoder().decode(next.payload);
      flowBytes += next.flowBytes;
      if (!next.isLast) continue;
      const { streamId, endsStream } = next;
      found.push({ streamId, endsStream, payload, flowBytes });
      payload = "";
      flowBytes = 0;
    }
  }
  return found;
}

const padded = (text: string, padding: number) =>
  join(Uint8Array.of(padding), bytesOf(text), new Uint8Array(padding));

const STREAM = join(
  settings([3, 100]),
  frame([TYPE.data, 0], 1, bytesOf("hello")),
  frame([TYPE.data, 0], 1),
  frame([TYPE.data, PADDED], 3, padded("padded", 7)),
  frame([TYPE.data, PADDED], 3, padded("", 3)),
  frame([TYPE.data, PADDED | END_STREAM], 3, padded("no padding", 0)),
  frame([TYPE.ping, 0], 0, bytesOf("12345678")),
  frame([0xfa, 0xff], 5, bytesOf("nobody knows")),
  frame([TYPE.headers, END_HEADERS], 1, bytesOf("block")),
);
const DECODED = decode([STREAM]);

Deno.test("FrameDecoder reads a row of frames", () => {
  assertEquals(DECODED.length, 9);
  assertEquals(DECODED[1], {
    streamId: 1,
    endsStream: false,
    payload: "hello",
    flowBytes: 5,
  });
  assertEquals(DECODED[3], {
    streamId: 3,
    endsStream: false,
    payload: "padded",
    flowBytes: 14,
  });
  assertEquals(DECODED[5], {
    streamId: 3,
    endsStream: true,
    payload: "no padding",
    flowBytes: 11,
  });
});

Deno.test("FrameDecoder reads the same frames split at every byte", () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const chunks = [STREAM.subarray(0, at), STREAM.subarray(at)];
    assertEquals(decode(chunks), DECODED);
  }
});

Deno.test("FrameDecoder reads the same frames a byte at a time", () => {
  const chunks = Array.from(STREAM, (_, at) => STREAM.subarray(at, at + 1));
  assertEquals(decode(chunks), DECODED);
});

Deno.test("FrameDecoder ignores the reserved bit of the stream", () => {
  const decoder = new FrameDecoder();
  decoder.push(frame([TYPE.headers, 0], 0x80000005));
  assertEquals((decoder.next() as ControlFrame).streamId, 5);
});

Deno.test("FrameDecoder hands out data as views, one piece per chunk", () => {
  const decoder = new FrameDecoder();
  const bytes = frame([TYPE.data, 0], 1, new Uint8Array(1000));
  const pieces: DataPiece[] = [];
  for (const [from, to] of [[0, 9], [9, 500], [500, 1009]]) {
    decoder.push(bytes.subarray(from, to));
    for (let next = decoder.next(); next; next = decoder.next()) {
      assertEquals(next.payload.buffer, bytes.buffer);
      pieces.push(next as DataPiece);
    }
  }
  assertEquals(
    pieces.map(({ flowBytes, isLast }) => [flowBytes, isLast]),
    [[491, false], [509, true]],
  );
});

Deno.test("FrameDecoder takes the largest frame and refuses a larger one", () => {
  for (const type of [TYPE.data, TYPE.headers]) {
    const largest = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX);
    assertEquals(decode([frame([type, 0], 1, largest)]).length, 1);
    const decoder = new FrameDecoder();
    // The header alone: the payload must not be waited for.
    decoder.push(frame([type, 0], 1, new Uint8Array(16_385)).subarray(0, 9));
    const error = assertThrows(() => decoder.next(), Http2Error);
    assertEquals(error.code, 6);
  }
});

const REFUSED = [
  ["DATA on stream 0", frame([TYPE.data, 0], 0, bytesOf("x"))],
  ["padded DATA without its length", frame([TYPE.data, PADDED], 1)],
  [
    "DATA with more padding than bytes",
    frame([TYPE.data, PADDED], 1, Uint8Array.of(4, 0, 0, 0)),
  ],
  ["an answer of HTTP/1", bytesOf("HTTP/1.1 400 Bad Request\r\n")],
  ["a length of 16 MiB", join(uint32(0xffffff00), new Uint8Array(5))],
] as const;
for (const [what, bytes] of REFUSED) {
  Deno.test(`FrameDecoder refuses ${what}`, () => {
    assertThrows(() => decode([bytes]), Http2Error);
  });
}
