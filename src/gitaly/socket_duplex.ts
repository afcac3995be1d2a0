/**
 * A socket as the byte pipe that the carriers want.
 * @module
 */
import type { ByteDuplex } from "../core/io.ts";
import type { Socket } from "./yamux_session.ts";

const READ_BYTES = 131_072;

/** Adapts a socket; owns it. */
export class SocketDuplex implements ByteDuplex {
  readonly #socket: Socket & { closeWrite?(): Promise<void> };
  readonly #buffer = new Uint8Array(READ_BYTES);
  #isClosed = false;

  constructor(socket: Socket & { closeWrite?(): Promise<void> }) {
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
    await this.#socket.closeWrite?.();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
