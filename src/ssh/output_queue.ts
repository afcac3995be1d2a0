/**
 * Bytes in the order in which they leave, some of which are still being made:
 * encryption on another thread gives its result later.
 * @module
 */

/** Bytes that are being made. */
interface LaterBytes {
  bytes: Uint8Array | undefined;
  /** @throws What kept them from being made. */
  readonly made: Promise<void>;
}

/** One connection's output. */
export class OutputQueue {
  #pieces: (Uint8Array | LaterBytes)[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
  }

  pushLater(promise: Promise<Uint8Array>): void {
    const later: LaterBytes = {
      bytes: undefined,
      made: promise.then((bytes) => void (later.bytes = bytes)),
    };
    // Nobody waits for it once the connection is gone.
    later.made.catch(() => {});
    this.#pieces.push(later);
  }

  /** Waits until the first piece is there; `undefined` if it is. */
  untilReady(): Promise<void> | undefined {
    const [first] = this.#pieces;
    if (first === undefined || first instanceof Uint8Array) return undefined;
    return first.bytes ? undefined : first.made;
  }

  /**
   * Takes the pieces that are there, up to the size of one write.
   * @param target Is overwritten.
   * @returns A view into it, or the one piece that is as large.
   */
  take(target: Uint8Array): Uint8Array {
    let sizeBytes = 0;
    let count = 0;
    for (const piece of this.#pieces) {
      const bytes = bytesOf(piece);
      if (!bytes) break;
      if (count === 0 && bytes.length >= target.length) {
        this.#pieces.shift();
        return bytes;
      }
      if (sizeBytes + bytes.length > target.length) break;
      target.set(bytes, sizeBytes);
      sizeBytes += bytes.length;
      count++;
    }
    this.#pieces = this.#pieces.slice(count);
    return target.subarray(0, sizeBytes);
  }

  clear(): void {
    this.#pieces = [];
  }
}

function bytesOf(piece: Uint8Array | LaterBytes): Uint8Array | undefined {
  return piece instanceof Uint8Array ? piece : piece.bytes;
}
