/**
 * Small texts that an operator hands to doctor.
 * @module
 */
import { UsageError } from "../core/errors.ts";
import type { ByteReader } from "../core/io.ts";

const INPUT_BYTES_MAX = 1024 * 1024;

/**
 * Reads to the end.
 * @throws {UsageError} If it is longer than 1 MiB.
 */
export async function readAllText(input: ByteReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0;;) {
    const chunk = await input.read();
    if (chunk === null) return text + decoder.decode();
    bytes += chunk.length;
    if (bytes > INPUT_BYTES_MAX) throw new UsageError("the input is too long");
    text += decoder.decode(chunk, { stream: true });
  }
}
