/**
 * An accepted connection that remembers how it began and, when told to,
 * misbehaves.
 * @module
 */
import type { Socket } from "../socket.ts";

/** Ways for a connection to go wrong. */
export interface ConnectionFault {
  /** Closes at once, before anything is read. */
  readonly isRefused?: boolean;
  /** Reads and answers nothing until the peer gives up. */
  readonly isSilent?: boolean;
  /** Closes once this many bytes were received. */
  readonly closeAfterReceivedBytes?: number;
  /** Closes once this many bytes were sent. */
  readonly closeAfterSentBytes?: number;
  /** Waits this long before each read, which makes a slow reader. */
  readonly readDelayMs?: number;
}

const FIRST_BYTES_MAX = 64;

/** Counts and keeps what a test may ask for. */
export class ObservedSocket implements Socket {
  readonly #inner: Socket;
  readonly #fault: ConnectionFault;
  readonly #first: number[] = [];
  readonly #delays = new Set<() => void>();
  #receivedBytes = 0;
  #sentBytes = 0;
  #isClosed = false;

  constructor(inner: Socket, fault: ConnectionFault) {
    this.#inner = inner;
    this.#fault = fault;
  }

  /** The first bytes that came in, 64 at most. */
  get firstBytes(): Uint8Array {
    return Uint8Array.from(this.#first);
  }
  get receivedBytes(): number {
    return this.#receivedBytes;
  }
  get sentBytes(): number {
    return this.#sentBytes;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const { readDelayMs, closeAfterReceivedBytes = Infinity } = this.#fault;
    if (readDelayMs !== undefined) await this.#delay(readDelayMs);
    const sizeBytes = await this.#inner.read(buffer);
    if (sizeBytes === null) return null;
    this.#receivedBytes += sizeBytes;
    if (this.#first.length < FIRST_BYTES_MAX) {
      const leftBytes = FIRST_BYTES_MAX - this.#first.length;
      this.#first.push(...buffer.subarray(0, Math.min(sizeBytes, leftBytes)));
    }
    if (this.#receivedBytes < closeAfterReceivedBytes) return sizeBytes;
    this.close();
    return null;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { closeAfterSentBytes = Infinity } = this.#fault;
    const leftBytes = closeAfterSentBytes - this.#sentBytes;
    const sizeBytes = await this.#inner.write(
      bytes.length > leftBytes ? bytes.subarray(0, leftBytes) : bytes,
    );
    this.#sentBytes += sizeBytes;
    if (this.#sentBytes >= closeAfterSentBytes) this.close();
    return sizeBytes;
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#delays) end();
    this.#inner.close();
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#delays.delete(end);
        resolve();
      };
      const timer = setTimeout(end, delayMs);
      this.#delays.add(end);
    });
  }
}
