/**
 * What a client sent on a channel and the command has not read yet. The
 * window bounds the bytes; this bounds what keeping them costs, for a client
 * may send each byte in a message of its own.
 * @module
 */
import type { ByteReader } from "../core/io.ts";

/** Pieces below this are copied together. */
const SMALL_BYTES = 2 * 1024;
const BLOCK_BYTES = 4 * 1024;

/** The standard input of one session. */
export class StdinQueue implements ByteReader {
  readonly #onRead: (sizeBytes: number) => void;
  #pieces: Uint8Array[] = [];
  /** The last piece, while small ones may still be added to it. */
  #block: { bytes: Uint8Array; usedBytes: number } | undefined;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** @param onRead Told of bytes that left, so that the window can open. */
  constructor(onRead: (sizeBytes: number) => void) {
    this.#onRead = onRead;
  }

  /** @param bytes Kept as they are if they are many; they must not change. */
  push(bytes: Uint8Array): void {
    if (this.#hasEnded || bytes.length === 0) return;
    if (bytes.length >= SMALL_BYTES) {
      this.#sealBlock();
      this.#pieces.push(bytes);
    } else {
      this.#append(bytes);
    }
    this.#wakeReader();
  }

  /** No more will come; what is here can still be read. Idempotent. */
  end(): void {
    this.#hasEnded = true;
    this.#wakeReader();
  }

  /** Forgets what is here: nobody will read it. */
  discard(): void {
    this.#pieces = [];
    this.#block = undefined;
    this.end();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#pieces.length === 0) this.#sealBlock();
      const piece = this.#pieces.shift();
      if (piece) {
        this.#onRead(piece.length);
        return piece;
      }
      if (this.#hasEnded) return null;
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }

  #append(bytes: Uint8Array): void {
    const room = this.#block ? BLOCK_BYTES - this.#block.usedBytes : 0;
    if (bytes.length > room) this.#sealBlock();
    this.#block ??= { bytes: new Uint8Array(BLOCK_BYTES), usedBytes: 0 };
    this.#block.bytes.set(bytes, this.#block.usedBytes);
    this.#block.usedBytes += bytes.length;
  }

  #sealBlock(): void {
    if (!this.#block) return;
    const { bytes, usedBytes } = this.#block;
    this.#pieces.push(bytes.subarray(0, usedBytes));
    this.#block = undefined;
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
