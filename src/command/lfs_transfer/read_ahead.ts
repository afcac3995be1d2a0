/**
 * Reads the next bytes while the last ones are being worked on. A read of
 * standard input is done by another thread, and to wait for it takes as long
 * as to hash what it brings.
 * @module
 */
import type { ByteReader } from "../../core/io.ts";

/** At most one read ahead of its reader. */
export class ReadAhead implements ByteReader {
  readonly #source: ByteReader;
  #buffer = new Uint8Array(0);
  #next: Promise<Uint8Array | null> | undefined;

  constructor(source: ByteReader) {
    this.#source = source;
  }

  async read(): Promise<Uint8Array | null> {
    const chunk = await (this.#next ?? this.#source.read());
    if (chunk === null) {
      this.#next = Promise.resolve(null);
      return null;
    }
    // The bytes are the source's, which is about to read on.
    if (chunk.length > this.#buffer.length) {
      this.#buffer = new Uint8Array(chunk.length);
    }
    this.#buffer.set(chunk);
    const sizeBytes = chunk.length;
    this.#next = this.#source.read();
    // Told when it is its turn; until then nobody listens.
    this.#next.catch(() => {});
    return this.#buffer.subarray(0, sizeBytes);
  }
}
