/**
 * A byte stream as the kind of stream that grpc-js can run on.
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { ByteDuplex } from "../../core/io.ts";

/** Bytes that may wait in each direction before the other side is held up. */
const HIGH_WATER_MARK_BYTES = 262_144;

type Done = (error?: Error | null) => void;
type Pending = readonly { readonly chunk: Uint8Array }[];

/** Wraps `bytes`, which the stream then owns. The chunks it reads must stay valid. */
export function toNodeDuplex(bytes: ByteDuplex): Duplex {
  return new ByteStreamDuplex(bytes);
}

class ByteStreamDuplex extends Duplex {
  readonly #bytes: ByteDuplex;
  #isReading = false;

  constructor(bytes: ByteDuplex) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES, allowHalfOpen: true });
    this.#bytes = bytes;
  }

  override _read(): void {
    if (!this.#isReading) this.#pump();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    settle(this.#bytes.write(chunk), done);
  }

  // HTTP/2 writes many small frames; together they are one frame below.
  override _writev(pending: Pending, done: Done): void {
    const chunks = pending.map(({ chunk }) => chunk);
    settle(this.#bytes.write(Buffer.concat(chunks)), done);
  }

  override _final(done: Done): void {
    settle(this.#bytes.closeWrite(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#bytes.close();
    done(error);
  }

  async #pump(): Promise<void> {
    this.#isReading = true;
    try {
      for (;;) {
        const chunk = await this.#bytes.read();
        if (this.destroyed) return;
        if (chunk === null) {
          this.push(null);
          return;
        }
        const { buffer, byteOffset, length } = chunk;
        if (!this.push(Buffer.from(buffer, byteOffset, length))) break;
      }
      this.#isReading = false;
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function settle(work: Promise<void>, done: Done): void {
  work.then(() => done(), done);
}
