/**
 * What yamux and the dialler pass between them, and the way from and to the
 * byte pipes that everything else uses. A socket reads into a buffer of the
 * caller's, which saves a copy where a pipe would bring its own.
 * @module
 */
import type { ByteDuplex } from "../core/io.ts";

/** A connected socket; `Deno.Conn` is one. */
export interface Socket {
  /** Reads into `buffer` and returns how many bytes; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes` and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the outgoing direction, where that can be told. */
  closeWrite?(): Promise<void>;
  /** Ends both; called once. */
  close(): void;
}

const READ_BYTES = 131_072;

/** Makes a pipe of a socket, which it owns. */
export class SocketPipe implements ByteDuplex {
  readonly #socket: Socket;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async read(): Promise<Uint8Array | null> {
    const size = await this.#socket.read(this.#buffer);
    return size === null ? null : this.#buffer.subarray(0, size);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#socket.write(bytes.subarray(at));
    }
  }

  async closeWrite(): Promise<void> {
    if (!this.#isClosed) await this.#socket.closeWrite?.();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}

/** Makes a socket of a pipe, which it owns. */
export function duplexAsSocket(pipe: ByteDuplex): Socket {
  let rest = new Uint8Array(0) as Uint8Array;
  return {
    async read(buffer) {
      if (rest.length === 0) {
        const chunk = await pipe.read();
        if (chunk === null) return null;
        rest = chunk;
      }
      const size = Math.min(rest.length, buffer.length);
      buffer.set(rest.subarray(0, size));
      rest = rest.subarray(size);
      return size;
    },
    async write(bytes) {
      await pipe.write(bytes);
      return bytes.length;
    },
    closeWrite: () => pipe.closeWrite(),
    close: () => pipe.close(),
  };
}
