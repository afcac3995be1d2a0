import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  copyOutput,
  type OutputSink,
} from "../../../../src/devstack/gitaly/output_sink.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";

const HEADROOM_BYTES = 17;
const PAYLOAD_BYTES_MAX = 1000;
/** Pieces up to here are passed on as they come. */
const EAGER_BYTES = 262_144;

/** Keeps copies of what it is given; writes take a turn of the event loop. */
class KeepingSink implements OutputSink {
  readonly headroomBytes = HEADROOM_BYTES;
  readonly payloadBytesMax = PAYLOAD_BYTES_MAX;
  readonly pieces: Uint8Array[] = [];
  #isWriting = false;

  async write(buffer: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#isWriting) throw new Error("Two writes at once");
    this.#isWriting = true;
    const piece = buffer.slice(HEADROOM_BYTES);
    // What a sink does with its headroom must not reach the payload.
    buffer.fill(0xff, 0, HEADROOM_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(buffer.subarray(HEADROOM_BYTES), piece);
    this.pieces.push(piece);
    this.#isWriting = false;
  }

  get whole(): Uint8Array {
    const whole = new Uint8Array(
      this.pieces.reduce((sum, { length }) => sum + length, 0),
    );
    let at = 0;
    for (const piece of this.pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}

/** A source that gives one piece per read, however much is asked for. */
function sourceOf(pieces: readonly Uint8Array[]): ReadableStreamBYOBReader {
  const left = [...pieces];
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const piece = left.shift();
      if (piece) return controller.enqueue(piece.slice());
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
  return stream.getReader({ mode: "byob" });
}

function makePieces(count: number, sizeOf: (at: number) => number) {
  const random = new SeededRandom(7);
  return Array.from(
    { length: count },
    (_, at) => Uint8Array.from({ length: sizeOf(at) }, () => random.below(256)),
  );
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const sink = new KeepingSink();
  sink.pieces.push(...pieces);
  return sink.whole;
}

Deno.test("copyOutput() passes the beginning of an output on piece by piece", async () => {
  const pieces = makePieces(3, () => 5);
  const sink = new KeepingSink();
  await copyOutput(sourceOf(pieces), sink, () => {});
  assertEquals(sink.pieces, pieces);
});

Deno.test("copyOutput() joins the small pieces of a long output and loses none", async () => {
  const count = EAGER_BYTES / PAYLOAD_BYTES_MAX + 400;
  const pieces = makePieces(
    Math.floor(count),
    (at) => at < count - 400 ? PAYLOAD_BYTES_MAX : at % 2 ? 5 : 120,
  );
  const sink = new KeepingSink();
  let seenBytes = 0;
  await copyOutput(sourceOf(pieces), sink, ({ length }) => seenBytes += length);
  assertEquals(sink.whole, join(pieces));
  assertEquals(seenBytes, sink.whole.length);
  assert(sink.pieces.length < pieces.length - 300);
});

Deno.test("copyOutput() sends a small piece soon, also when none follows it", async () => {
  const opened = Promise.withResolvers<ReadableByteStreamController>();
  const bytes = new ReadableStream({
    type: "bytes",
    start: (controller) => opened.resolve(controller),
  });
  const controller = await opened.promise;
  const sink = new KeepingSink();
  const copying = copyOutput(bytes.getReader({ mode: "byob" }), sink, () => {});
  controller.enqueue(new Uint8Array(EAGER_BYTES));
  controller.enqueue(Uint8Array.of(1, 2, 3));
  const arrived = async () => {
    while (sink.whole.length < EAGER_BYTES + 3) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await arrived();
  assertEquals([...sink.whole.subarray(-3)], [1, 2, 3]);
  controller.close();
  controller.byobRequest?.respond(0);
  await copying;
});

Deno.test("copyOutput() fails with its sink", async () => {
  const pieces = makePieces(600, () => 700);
  let writes = 0;
  const sink: OutputSink = {
    headroomBytes: 0,
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    write: () =>
      ++writes > 400
        ? Promise.reject(new Error("peer gone"))
        : Promise.resolve(),
  };
  const source = sourceOf(pieces);
  await assertRejects(
    () => copyOutput(source, sink, () => {}),
    Error,
    "peer gone",
  );
  await source.cancel();
});
