/**
 * Joins the DATA of one call into gRPC messages. Pure.
 * Source: gRPC over HTTP/2, "Length-Prefixed-Message".
 * @module
 */
import { CODE, StatusError } from "../status.ts";

/** Compression flag and four bytes of length. */
export const MESSAGE_PREFIX_BYTES = 5;
/** What Gitaly accepts by default. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Takes data in, gives messages out. */
export class MessageAssembler {
  readonly #prefix = new Uint8Array(MESSAGE_PREFIX_BYTES);
  #prefixBytes = 0;
  #message: Uint8Array | undefined;
  #filledBytes = 0;

  /** Whether the data so far ends between two messages. */
  get isBetweenMessages(): boolean {
    return this.#prefixBytes === 0;
  }

  /**
   * Takes the next data, which stays the caller's.
   * @returns The messages that it completes.
   * @throws {StatusError} If a message is compressed or too large.
   */
  add(data: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    for (let at = 0; at < data.length || this.#isComplete();) {
      if (!this.#message) {
        const part = data.subarray(at, at + this.#missingPrefixBytes);
        this.#prefix.set(part, this.#prefixBytes);
        this.#prefixBytes += part.length;
        at += part.length;
        if (this.#missingPrefixBytes > 0) break;
        this.#message = this.#allocate();
        continue;
      }
      const missingBytes = this.#message.length - this.#filledBytes;
      const part = data.subarray(at, at + missingBytes);
      this.#message.set(part, this.#filledBytes);
      this.#filledBytes += part.length;
      at += part.length;
      if (!this.#isComplete()) break;
      messages.push(this.#message);
      this.#message = undefined;
      this.#prefixBytes = this.#filledBytes = 0;
    }
    return messages;
  }

  get #missingPrefixBytes(): number {
    return MESSAGE_PREFIX_BYTES - this.#prefixBytes;
  }

  // An empty message is complete as soon as its prefix is.
  #isComplete(): boolean {
    return this.#message?.length === this.#filledBytes;
  }

  #allocate(): Uint8Array {
    if (this.#prefix[0] !== 0) {
      const text = "grpc: Decompressor is not installed for grpc-encoding";
      throw new StatusError(CODE.unimplemented, text);
    }
    const lengthBytes = new DataView(this.#prefix.buffer).getUint32(1);
    if (lengthBytes > MESSAGE_BYTES_MAX) {
      const text =
        `grpc: received message larger than max (${lengthBytes} vs. ${MESSAGE_BYTES_MAX})`;
      throw new StatusError(CODE.resourceExhausted, text);
    }
    return new Uint8Array(lengthBytes);
  }
}
