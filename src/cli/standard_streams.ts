/**
 * The three standard streams as byte streams, without the stream classes of
 * the web, which cost a one-shot program 0.4 of an empty start.
 *
 * Every read, and every write but the first bytes, is asynchronous. A
 * synchronous write takes a third less time (copying a pipe, Deno 2.9.6: 700
 * against 550 MB/s), but one that meets a stalled client stops the whole
 * program: Gitaly's pings stay unanswered and it drops the session. What the
 * smallest pipe holds can meet nobody; to write it through a thread, as an
 * asynchronous write does, takes a millisecond, and is all that most sessions
 * without a pack have to say.
 * @module
 */
import type { ByteReader, ByteWriter, StandardStreams } from "../core/io.ts";

/** Twice what a Linux pipe holds; a socket fills more of it (measured). */
const READ_BYTES = 128 * 1024;
/**
 * A write wakes a thread and is waited for: 40 us of the processor, and the
 * bytes go from one processor's cache to the other's (Deno 2.9.6).
 */
const BATCH_BYTES = 512 * 1024;
/** Capacity of a pipe of a user who has too many (Linux, pipe(7)). */
const PIPE_BYTES_MIN = 4096;
/**
 * Whoever started the program may have left a descriptor non-blocking, and
 * there is no way to wait for one in Deno, so a full or empty pipe is tried
 * again, soon at first and then at a pace that costs an idle session nothing.
 */
const RETRY_FIRST_MS = 1;
const RETRY_MAX_MS = 16;

/** As much of `Deno.stdin` as is used here. */
export interface ReadableDescriptor {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** As much of `Deno.stdout` and `Deno.stderr` as is used here. */
export interface WritableDescriptor {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/** The standard streams of this process; nothing is read until it is asked for. */
export function openStandardStreams(): StandardStreams {
  return {
    stdin: openReader(Deno.stdin),
    stdout: openWriter(Deno.stdout),
    stderr: openWriter(Deno.stderr),
  };
}

/**
 * Reads into one buffer of its own, made at the first read.
 * @param source A descriptor, blocking or not.
 */
export function openReader(source: ReadableDescriptor): ByteReader {
  let buffer: Uint8Array<ArrayBuffer> | undefined;
  let hasEnded = false;
  return {
    async read() {
      if (hasEnded) return null;
      const into = buffer ??= new Uint8Array(READ_BYTES);
      const count = await untilReady(() => source.read(into));
      if (count !== null && count > 0) return into.subarray(0, count);
      hasEnded = true;
      buffer = undefined;
      return null;
    },
  };
}

/**
 * Writes to the last byte, however few the descriptor takes at a time.
 * A reader that has gone away is a `Deno.errors.BrokenPipe`.
 * @param sink A descriptor, blocking or not.
 */
export function openWriter(sink: WritableDescriptor): ByteWriter {
  let sureBytes = PIPE_BYTES_MIN;
  return {
    batchBytes: BATCH_BYTES,
    async write(bytes) {
      const isSure = bytes.length > 0 && bytes.length <= sureBytes;
      sureBytes -= bytes.length;
      for (let at = isSure ? tryWrite(sink, bytes) : 0; at < bytes.length;) {
        const rest = at === 0 ? bytes : bytes.subarray(at);
        at += await untilReady(() => sink.write(rest));
      }
    },
  };
}

/** @returns How many bytes were taken, 0 if none can be at this moment. */
function tryWrite(sink: WritableDescriptor, bytes: Uint8Array): number {
  try {
    return sink.writeSync(bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    return 0;
  }
}

/** Repeats `attempt` for as long as it says that it would have to wait. */
async function untilReady<Result>(
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let pauseMs = RETRY_FIRST_MS;; pauseMs *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    const timeoutMs = Math.min(pauseMs, RETRY_MAX_MS);
    await new Promise((resolve) => setTimeout(resolve, timeoutMs));
  }
}
