/**
 * A connection of Deno's as the two directions that rooms pass around.
 * @module
 */
import type { ByteDuplex } from "./io.ts";

const READ_BYTES_MAX = 16 * 1024;
/** Enough for the head of an answer and a small body. */
const FIRST_READ_BYTES = 4 * 1024;

/**
 * Reads and writes one connection, which it owns. Its buffer begins small and
 * grows while reads fill it: most connections bring a few hundred bytes, and
 * thousands of large buffers would wait for the garbage collector.
 */
export class SocketDuplex implements ByteDuplex {
  readonly #conn: Deno.Conn;
  readonly #readBytesMax: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #isClosed = false;
  #isWriteClosed = false;

  /** @param readBytesMax Most that one read brings. */
  constructor(conn: Deno.Conn, readBytesMax = READ_BYTES_MAX) {
    this.#conn = conn;
    this.#readBytesMax = readBytesMax;
    this.#buffer = new Uint8Array(Math.min(FIRST_READ_BYTES, readBytesMax));
  }

  /** @throws {Error} `Deno.errors.Interrupted` once `close` was called. */
  async read(): Promise<Uint8Array | null> {
    const sizeBytes = await this.#conn.read(this.#buffer);
    if (sizeBytes === null) return null;
    const bytes = this.#buffer.subarray(0, sizeBytes);
    const isFull = sizeBytes === this.#buffer.length;
    if (isFull && sizeBytes < this.#readBytesMax) {
      this.#buffer = new Uint8Array(
        Math.min(2 * sizeBytes, this.#readBytesMax),
      );
    }
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#conn.write(rest));
    }
  }

  async closeWrite(): Promise<void> {
    if (this.#isClosed || this.#isWriteClosed) return;
    this.#isWriteClosed = true;
    await this.#conn.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }
}

/**
 * Waits for a connection until `signal` aborts.
 * @throws {unknown} `signal.reason`; a connection that stands later is closed.
 */
export function untilConnected<T extends { close(): void }>(
  connecting: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isGivenUp = false;
    const giveUp = () => {
      isGivenUp = true;
      reject(signal.reason);
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
    connecting.then((connection) => {
      if (isGivenUp) connection.close();
      else resolve(connection);
    }, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
