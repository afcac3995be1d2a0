import { assertEquals } from "@std/assert";
import { FrameOutput } from "../../../../src/gitaly/http2/frame_output.ts";

interface Sink {
  readonly writes: number[];
  readonly failures: unknown[];
  readonly output: FrameOutput;
  /** Lets the write that is under way end. */
  finish(error?: Error): void;
}

function makeSink(onRoom: (output: FrameOutput) => void = () => {}): Sink {
  const writes: number[] = [];
  const failures: unknown[] = [];
  let pending: PromiseWithResolvers<void> | undefined;
  const output: FrameOutput = new FrameOutput({
    write(bytes) {
      writes.push(bytes.length);
      pending = Promise.withResolvers();
      return pending.promise;
    },
  }, {
    onRoom: () => onRoom(output),
    onFailure: (error) => failures.push(error),
  });
  const finish = (error?: Error) =>
    error ? pending?.reject(error) : pending?.resolve();
  return { writes, failures, output, finish };
}

const bytes = (size: number) => new Uint8Array(size);

Deno.test("FrameOutput sends what one turn wrote in one write", async () => {
  const { writes, output } = makeSink();
  output.frames.write(bytes(10));
  output.flushSoon();
  output.frames.write(bytes(20));
  output.flushSoon();
  await undefined;
  await undefined;
  assertEquals(writes, [30]);
});

Deno.test("FrameOutput holds the preface back for what follows within a few promises", async () => {
  const { writes, output } = makeSink();
  output.frames.write(bytes(10));
  const later = output.flushLater();
  for (let turn = 0; turn < 5; turn++) await undefined;
  assertEquals(writes, []);
  output.frames.write(bytes(20));
  output.flush();
  assertEquals(writes, [30]);
  await Promise.race([later, Promise.resolve()]);
});

Deno.test("FrameOutput collects while a write is under way", async () => {
  const { writes, output, finish } = makeSink();
  output.frames.write(bytes(10));
  const flushed = output.flush();
  output.frames.write(bytes(1));
  output.frames.write(bytes(2));
  output.flushSoon();
  assertEquals(writes, [10]);
  finish();
  await undefined;
  await undefined;
  assertEquals(writes, [10, 3]);
  finish();
  await flushed;
  assertEquals(writes, [10, 3]);
});

Deno.test("FrameOutput asks for data while the batch before it is on its way", () => {
  let asked = 0;
  const { writes, output } = makeSink((output) => {
    asked++;
    assertEquals(output.hasRoom, true);
  });
  output.frames.write(bytes(200_000));
  assertEquals(output.hasRoom, false);
  output.flush();
  assertEquals([asked, writes.length], [1, 1]);
});

Deno.test("FrameOutput knows when too much waits", () => {
  const { output } = makeSink();
  output.frames.write(bytes(1024 * 1024));
  assertEquals(output.isOverfull, false);
  output.frames.write(bytes(1));
  assertEquals(output.isOverfull, true);
});

Deno.test("FrameOutput tells of a failure once and sends no more", async () => {
  const { writes, failures, output, finish } = makeSink();
  output.frames.write(bytes(10));
  const flushed = output.flush();
  const error = new Error("broken pipe");
  finish(error);
  await flushed;
  output.frames.write(bytes(10));
  await output.flush();
  assertEquals(failures, [error]);
  assertEquals(writes, [10]);
  assertEquals(output.hasRoom, false);
});

Deno.test("FrameOutput sends nothing once it is stopped", async () => {
  const { writes, output } = makeSink();
  output.frames.write(bytes(10));
  output.flushSoon();
  output.stop();
  await output.flush();
  assertEquals(writes, []);
});
