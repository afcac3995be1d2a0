/**
 * Standard input that can be read again from its beginning, as long as not
 * much was read: a call that never reached its server may be repeated.
 * Source: gRPC, A6 client retries; grpc-go (a call that sent more than 256 KiB
 * is committed).
 * @module
 */
import type { ByteReader } from "../core/io.ts";

/** Once more than this was read, the input is read once only. */
const KEPT_BYTES_MAX = 262_144;

/** Input of one call and all its attempts. */
export class ReplayableInput {
  readonly #source: ByteReader;
  /** Chunks from number `#first` on. */
  readonly #kept: Uint8Array[] = [];
  #first = 0;
  #keptBytes = 0;
  #isCommitted = false;
  #hasEnded = false;
  /** The reader opened last; the ones before it get nothing any more. */
  #current: ByteReader | undefined;
  /** A read that an attempt began; the next attempt gets what it brings. */
  #reading: Promise<void> | undefined;

  constructor(source: ByteReader) {
    this.#source = source;
  }

  /** Whether another reader could be opened. */
  get isReplayable(): boolean {
    return !this.#isCommitted;
  }

  /**
   * Opens a reader that begins at the beginning. The one before it comes to
   * its end, even in the middle of a read.
   * @throws {TypeError} If the input cannot be read again.
   */
  open(): ByteReader {
    if (this.#isCommitted) {
      throw new TypeError("Cannot read an input again that was not kept");
    }
    let next = 0;
    const reader: ByteReader = {
      read: async () => {
        while (next >= this.#first + this.#kept.length) {
          if (this.#hasEnded) return null;
          await (this.#reading ??= this.#readSource());
          if (this.#current !== reader) return null;
        }
        const chunk = this.#kept[next - this.#first] ?? null;
        next++;
        if (this.#isCommitted) this.#dropBefore(next);
        return chunk;
      },
    };
    this.#current = reader;
    return reader;
  }

  async #readSource(): Promise<void> {
    try {
      const chunk = await this.#source.read();
      if (chunk === null) {
        this.#hasEnded = true;
      } else if (this.#isCommitted) {
        // Not copied: the source is read again after this chunk was used.
        this.#kept.push(chunk);
      } else {
        this.#kept.push(chunk.slice());
        this.#keptBytes += chunk.length;
        this.#isCommitted = this.#keptBytes > KEPT_BYTES_MAX;
      }
    } finally {
      this.#reading = undefined;
    }
  }

  #dropBefore(next: number): void {
    this.#kept.splice(0, next - this.#first);
    this.#first = next;
  }
}
