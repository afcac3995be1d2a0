/**
 * Undoes gzip with a limit. Loaded only for an answer that is compressed:
 * touching a web stream costs a one-shot program 0.4 of an empty start.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { concat } from "./exchange.ts";

/**
 * The engine expands one write at once, whatever it grows to: deflate makes at
 * most 1032 bytes of one, so that this much becomes 1 MiB.
 */
const WRITE_BYTES = 1024;

/**
 * Expands `packed`.
 * @throws {ProtocolError} If the result is longer than `sizeBytesMax`, or
 * `packed` is no complete gzip text.
 */
export async function gunzip(
  packed: Uint8Array,
  sizeBytesMax: number,
): Promise<Uint8Array> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const reader = readable.getReader();
  const feeding = feed(writer, packed);
  // It fails with the reader, whose failure is the one that is told.
  feeding.catch(() => {});
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) break;
      sizeBytes += value.length;
      if (sizeBytes > sizeBytesMax) throw new Error("Expands too far");
      pieces.push(value);
    }
    await feeding;
  } catch (cause) {
    await reader.cancel(cause).catch(() => {});
    await feeding.catch(() => {});
    throw new ProtocolError("Cannot undo gzip", sizeBytes, { cause });
  }
  return concat(pieces, sizeBytes);
}

async function feed(
  writer: WritableStreamDefaultWriter<BufferSource>,
  packed: Uint8Array,
): Promise<void> {
  for (let at = 0; at < packed.length; at += WRITE_BYTES) {
    await writer.ready;
    await writer.write(packed.slice(at, at + WRITE_BYTES));
  }
  await writer.close();
}
