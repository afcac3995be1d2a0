/**
 * Memory for uploads, one per session: each object in a new buffer would wait
 * for the garbage collector.
 * @module
 */

/**
 * Objects up to this are checked before GitLab hears of them, and sent again
 * if it asks for a repeat; of larger ones this much can be sent again.
 */
export const UPLOAD_MEMORY_BYTES = 4 * 1024 * 1024;
const FIRST_BYTES = 64 * 1024;

/** A buffer that grows to its limit and is used again and again. */
export class UploadMemory {
  #bytes = new Uint8Array(0);

  /**
   * Gives the buffer, for one upload at a time.
   * @param sizeBytes At most the limit.
   * @returns That much at least; what is in it means nothing.
   */
  reserve(sizeBytes: number): Uint8Array<ArrayBuffer> {
    if (sizeBytes > UPLOAD_MEMORY_BYTES) {
      throw new RangeError(`Cannot reserve ${sizeBytes} bytes`);
    }
    let wantedBytes = Math.max(this.#bytes.length, FIRST_BYTES);
    while (wantedBytes < sizeBytes) wantedBytes *= 2;
    if (wantedBytes > this.#bytes.length) {
      this.#bytes = new Uint8Array(wantedBytes);
    }
    return this.#bytes;
  }
}
