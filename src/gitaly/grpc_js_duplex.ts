/**
 * A byte pipe as the Node stream that grpc-js runs HTTP/2 over.
 * @module
 */
import { Duplex } from "node:stream";
import type { ByteDuplex } from "../core/io.ts";

type Done = (error?: Error | null) => void;

/** Adapts a pipe; owns it. */
export class NodeDuplex extends Duplex {
  /** Whether the peer has sent anything. */
  hasReceived = false;
  readonly #pipe: ByteDuplex;

  constructor(pipe: ByteDuplex) {
    // HTTP/2 has no use for half a connection, and would not notice its end.
    super({ allowHalfOpen: false });
    this.#pipe = pipe;
  }

  override _read(): void {
    this.#pipe.read().then(
      (chunk) => {
        if (chunk !== null) this.hasReceived = true;
        // Node keeps what it is given, and the pipe reuses it.
        this.push(chunk === null ? null : chunk.slice());
      },
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#pipe.write(chunk).then(() => done(), done);
  }

  override _writev(
    chunks: { chunk: Uint8Array; encoding: BufferEncoding }[],
    done: Done,
  ): void {
    const parts = chunks.map(({ chunk }) => chunk);
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const joined = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    this.#pipe.write(joined).then(() => done(), done);
  }

  override _final(done: Done): void {
    this.#pipe.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#pipe.close();
    done(error);
  }

  // Sockets have these, and the HTTP/2 code calls them.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
