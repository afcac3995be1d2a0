/**
 * The transport below everything: a connection as Deno hands it out, or one
 * that a test has made misbehave.
 * @module
 */
import type { ByteDuplex } from "../core/io.ts";

/** What is used of `Deno.Conn`, so that a fault can be put in between. */
export interface Socket {
  /** Reads into `buffer`; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes` and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the outgoing direction. */
  closeWrite(): Promise<void>;
  /** Frees the connection. */
  close(): void;
}

/** Writes all of `bytes`; `socket.write` may take less. */
export async function writeAll(
  socket: Socket,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await socket.write(at === 0 ? bytes : bytes.subarray(at));
  }
}

const READ_BYTES = 65_536;

/** A socket as a byte stream, with bytes that were read too early put back. */
export class SocketDuplex implements ByteDuplex {
  readonly #socket: Socket;
  #early: Uint8Array;
  #isClosed = false;
  #isWriteClosed = false;

  /** @param early Bytes that were already taken from `socket`. */
  constructor(socket: Socket, early: Uint8Array) {
    this.#socket = socket;
    this.#early = early;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#early.length > 0) {
      const early = this.#early;
      this.#early = new Uint8Array();
      return early;
    }
    const buffer = new Uint8Array(READ_BYTES);
    const sizeBytes = await this.#socket.read(buffer);
    return sizeBytes === null ? null : buffer.subarray(0, sizeBytes);
  }

  write(bytes: Uint8Array): Promise<void> {
    return writeAll(this.#socket, bytes);
  }

  async closeWrite(): Promise<void> {
    if (this.#isWriteClosed || this.#isClosed) return;
    this.#isWriteClosed = true;
    // The peer may be gone already, which is all that was wanted.
    await this.#socket.closeWrite().catch(() => {});
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
