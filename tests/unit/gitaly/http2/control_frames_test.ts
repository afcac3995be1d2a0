import { assertEquals, assertThrows } from "@std/assert";
import {
  checkPriority,
  checkSettingsAck,
  decodeGoaway,
  decodeHeadersFragment,
  decodePing,
  decodeRstStream,
  decodeSettings,
  decodeWindowUpdate,
} from "../../../../src/gitaly/http2/control_frames.ts";
import type { ControlFrame } from "../../../../src/gitaly/http2/frame_decoder.ts";
import { HeaderBlockReader } from "../../../../src/gitaly/http2/header_block.ts";
import { Http2Error } from "../../../../src/gitaly/http2/http2_error.ts";
import {
  bytesOf,
  END_HEADERS,
  END_STREAM,
  join,
  PADDED,
  settings,
  TYPE,
  uint32,
} from "../../../support/fake_http2_server.ts";

function control(
  [type, flags]: readonly [number, number],
  streamId: number,
  payload: Uint8Array,
): ControlFrame {
  return { kind: "control", type, flags, streamId, payload };
}

const settingsOf = (...pairs: (readonly [number, number])[]) =>
  control([TYPE.settings, 0], 0, settings(...pairs).subarray(9));

Deno.test("decodeSettings() reads what a client looks at; the last value counts", () => {
  const frame = settingsOf(
    [1, 0],
    [2, 0],
    [3, 7],
    [4, 2 ** 31 - 1],
    [5, 16_384],
    [6, 0xffffffff],
    [0x1234, 99],
    [3, 8],
  );
  assertEquals(decodeSettings(frame), {
    headerTableBytes: 0,
    concurrentStreamsMax: 8,
    windowBytes: 2 ** 31 - 1,
    framePayloadBytes: 16_384,
    headerListBytes: 0xffffffff,
  });
});

const BAD_SETTINGS = [
  [settingsOf([2, 1]), 1, "push"],
  [settingsOf([4, 2 ** 31]), 3, "a window of 2^31"],
  [settingsOf([5, 16_383]), 1, "frames below the least"],
  [settingsOf([5, 2 ** 24]), 1, "frames above the most"],
  [control([TYPE.settings, 0], 0, new Uint8Array(5)), 6, "five bytes"],
  [control([TYPE.settings, 0], 1, new Uint8Array(6)), 1, "a stream"],
] as const;
for (const [frame, code, what] of BAD_SETTINGS) {
  Deno.test(`decodeSettings() refuses ${what}`, () => {
    const error = assertThrows(() => decodeSettings(frame), Http2Error);
    assertEquals(error.code, code);
  });
}

const BAD_FRAMES = [
  [checkSettingsAck, TYPE.settings, 0, new Uint8Array(6), 6, "has a payload"],
  [checkSettingsAck, TYPE.settings, 1, new Uint8Array(0), 1, "has a stream"],
  [decodePing, TYPE.ping, 0, new Uint8Array(7), 6, "has seven bytes"],
  [decodePing, TYPE.ping, 1, new Uint8Array(8), 1, "has a stream"],
  [decodeGoaway, TYPE.goaway, 0, new Uint8Array(7), 6, "has seven bytes"],
  [decodeGoaway, TYPE.goaway, 1, new Uint8Array(8), 1, "has a stream"],
  [decodeWindowUpdate, TYPE.windowUpdate, 0, new Uint8Array(3), 6, "is short"],
  [decodeRstStream, TYPE.rstStream, 0, new Uint8Array(4), 1, "has no stream"],
  [decodeRstStream, TYPE.rstStream, 1, new Uint8Array(5), 6, "is long"],
  [checkPriority, TYPE.priority, 0, new Uint8Array(5), 1, "has no stream"],
  [checkPriority, TYPE.priority, 1, new Uint8Array(4), 6, "is short"],
  [
    decodeHeadersFragment,
    TYPE.headers,
    0,
    new Uint8Array(4),
    1,
    "has no stream",
  ],
] as const;
for (const [decode, type, streamId, payload, code, fault] of BAD_FRAMES) {
  Deno.test(`${decode.name}() refuses a frame that ${fault}`, () => {
    const frame = control([type, 0], streamId, payload);
    const error = assertThrows(() => void decode(frame), Http2Error);
    assertEquals(error.code, code);
  });
}

Deno.test("decodeGoaway() reads stream, code and text", () => {
  const payload = join(uint32(0x80000007), uint32(11), bytesOf("calm"));
  assertEquals(decodeGoaway(control([TYPE.goaway, 0], 0, payload)), {
    lastStreamId: 7,
    code: 11,
    debugText: "calm",
  });
});

Deno.test("decodeWindowUpdate() ignores the reserved bit", () => {
  const payload = uint32(0x80000001);
  assertEquals(
    decodeWindowUpdate(control([TYPE.windowUpdate, 0], 1, payload)),
    1,
  );
});

const PRIORITY = 0x20;
const FRAGMENTS = [
  [0, bytesOf("block"), "block"],
  [
    PADDED,
    join(Uint8Array.of(3), bytesOf("block"), new Uint8Array(3)),
    "block",
  ],
  [PRIORITY, join(new Uint8Array(5), bytesOf("block")), "block"],
  [
    PADDED | PRIORITY,
    join(Uint8Array.of(1), new Uint8Array(5), bytesOf("block"), bytesOf("p")),
    "block",
  ],
  [PADDED, Uint8Array.of(2, 0, 0), ""],
] as const;
for (const [flags, payload, expected] of FRAGMENTS) {
  Deno.test(`decodeHeadersFragment() finds the block with flags ${flags}`, () => {
    const frame = control([TYPE.headers, flags], 1, payload);
    assertEquals(decodeHeadersFragment(frame), bytesOf(expected));
  });
}

const BAD_FRAGMENTS = [
  [PADDED, new Uint8Array(0), "lacks the length of its padding"],
  [PADDED, Uint8Array.of(3, 0, 0), "has more padding than bytes"],
  [PRIORITY, new Uint8Array(4), "lacks its priority"],
] as const;
for (const [flags, payload, fault] of BAD_FRAGMENTS) {
  Deno.test(`decodeHeadersFragment() refuses a frame that ${fault}`, () => {
    const frame = control([TYPE.headers, flags], 1, payload);
    assertThrows(() => decodeHeadersFragment(frame), Http2Error);
  });
}

Deno.test("HeaderBlockReader puts HEADERS and CONTINUATION together", () => {
  const reader = new HeaderBlockReader(100);
  const headers = [TYPE.headers, END_STREAM] as const;
  assertEquals(reader.take(control(headers, 3, bytesOf("a"))), undefined);
  assertEquals(reader.isInsideBlock, true);
  const middle = control([TYPE.continuation, 0], 3, bytesOf("b"));
  assertEquals(reader.take(middle), undefined);
  const last = control([TYPE.continuation, END_HEADERS], 3, bytesOf("c"));
  assertEquals(reader.take(last), {
    streamId: 3,
    endsStream: true,
    bytes: bytesOf("abc"),
  });
  assertEquals(reader.isInsideBlock, false);
});

Deno.test("HeaderBlockReader keeps fragments whose bytes are overwritten", () => {
  const reader = new HeaderBlockReader(100);
  const bytes = bytesOf("a");
  reader.take(control([TYPE.headers, 0], 1, bytes));
  bytes[0] = 0x78;
  const last = control([TYPE.continuation, END_HEADERS], 1, bytesOf("b"));
  assertEquals(reader.take(last)?.bytes, bytesOf("ab"));
});

Deno.test("HeaderBlockReader refuses CONTINUATION out of place", () => {
  const lone = control([TYPE.continuation, END_HEADERS], 1, bytesOf("a"));
  assertThrows(() => new HeaderBlockReader(100).take(lone), Http2Error);
  const reader = new HeaderBlockReader(100);
  reader.take(control([TYPE.headers, 0], 3, bytesOf("a")));
  assertThrows(() => reader.take(lone), Http2Error);
});

Deno.test("HeaderBlockReader takes a block of its limit and refuses a larger one", () => {
  for (const [size, isRefused] of [[60, false], [61, true]] as const) {
    const reader = new HeaderBlockReader(100);
    reader.take(control([TYPE.headers, 0], 1, new Uint8Array(40)));
    const flags = [TYPE.continuation, END_HEADERS] as const;
    const last = control(flags, 1, new Uint8Array(size));
    if (isRefused) assertThrows(() => reader.take(last), Http2Error);
    else assertEquals(reader.take(last)?.bytes.length, 100);
  }
});
