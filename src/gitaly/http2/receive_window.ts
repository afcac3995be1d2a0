/**
 * How many bytes the peer may still send on one stream.
 * Source: RFC 9113, section 5.2.
 * @module
 */

/** Accounts for one window that we have granted. */
export class ReceiveWindow {
  readonly #sizeBytes: number;
  #left: number;
  /** Bytes that were used up and not yet granted again. */
  #owed = 0;

  /** @param sizeBytes The window as the peer knows it at the beginning. */
  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#left = sizeBytes;
  }

  /**
   * Takes notice of received bytes.
   * @returns Whether the peer was allowed to send them.
   */
  take(sizeBytes: number): boolean {
    this.#left -= sizeBytes;
    return this.#left >= 0;
  }

  /**
   * Takes notice of bytes that are no longer held.
   * @returns What to grant by WINDOW_UPDATE now, or 0. Small amounts are saved
   * up to a quarter of the window: early enough never to stop a fast peer.
   */
  release(sizeBytes: number): number {
    this.#owed += sizeBytes;
    if (this.#owed < this.#sizeBytes / 4) return 0;
    const granted = this.#owed;
    this.#owed = 0;
    this.#left += granted;
    return granted;
  }
}
