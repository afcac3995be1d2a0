/**
 * Two sockets that are connected in memory, with the interface of `Deno.Conn`
 * as far as yamux uses it.
 * @module
 */
import type { Socket } from "../../src/gitaly/socket.ts";

/** One direction. */
class Channel {
  #chunks: Uint8Array[] = [];
  #isEnded = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  /** Writes wait while this is set. */
  blocked: Promise<void> | undefined;

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#wake?.();
  }

  end(failure?: Error): void {
    this.#isEnded = true;
    this.#failure = failure;
    this.#wake?.();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk !== undefined) {
        const size = Math.min(chunk.length, buffer.length);
        buffer.set(chunk.subarray(0, size));
        if (size === chunk.length) this.#chunks.shift();
        else this.#chunks[0] = chunk.subarray(size);
        return size;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A socket of a pair. */
export class MemorySocket implements Socket {
  readonly #incoming: Channel;
  readonly #outgoing: Channel;
  /** Every write, one element each. */
  readonly writes: Uint8Array[] = [];
  #isClosed = false;

  constructor(incoming: Channel, outgoing: Channel) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#incoming.read(buffer);
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#outgoing.blocked;
    if (this.#isClosed || this.#outgoing.isEnded) {
      throw new Deno.errors.BrokenPipe("Broken pipe");
    }
    this.writes.push(bytes.slice());
    this.#outgoing.push(bytes);
    return bytes.length;
  }

  /** Lets the other side's writes wait until the returned function is called. */
  stall(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#incoming.blocked = promise;
    return () => {
      this.#incoming.blocked = undefined;
      resolve();
    };
  }

  /** Ends both directions; the other side reads the end, or fails with `error`. */
  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outgoing.end(error);
    this.#incoming.end();
  }
}

/** Makes two sockets; what one writes the other reads. */
export function makeSocketPair(): [MemorySocket, MemorySocket] {
  const there = new Channel();
  const back = new Channel();
  return [new MemorySocket(back, there), new MemorySocket(there, back)];
}
