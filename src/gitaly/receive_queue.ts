/**
 * What a yamux stream has received and its consumer has not taken. Bytes stay
 * in the buffer that the socket was read into as long as the consumer keeps
 * up; a consumer that lags gets them gathered, so that a few bytes never hold
 * a large buffer each.
 * @module
 */

/** Size of one buffer; what one read of a socket can bring at most. */
export const SLAB_BYTES = 262_144;
/** Read buffers that all queues of a connection together may keep from reuse. */
const HELD_SLABS_MAX = 16;
/** Views that one queue may hold; what comes later is gathered. */
const HELD_PIECES_MAX = 64;
/** Unused buffers that are kept for the next use: new ones cost page faults. */
const FREE_SLABS_MAX = 16;

/** A buffer is read into again while this much of it is free. */
const READ_BYTES_MIN = 65_536;

/** One buffer and how many queues look into it. */
export class Slab {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SLAB_BYTES);
  users = 0;
  /** What was read into it since nobody looked into it. */
  filled = 0;
}

/** The buffers of one connection. */
export class SlabPool {
  readonly #free: Slab[] = [];
  #reading = new Slab();
  #heldCount = 0;

  /**
   * The buffer that the socket is to be read into, behind its `filled` bytes;
   * the same until all is parsed.
   */
  nextForReading(): Slab {
    const slab = this.#reading;
    if (slab.users === 0) slab.filled = 0;
    if (SLAB_BYTES - slab.filled >= READ_BYTES_MIN) return slab;
    // Whoever still looks into it gives it back when done.
    this.#reading = this.take();
    return this.#reading;
  }

  /** A buffer that nobody uses. */
  take(): Slab {
    const slab = this.#free.pop() ?? new Slab();
    slab.filled = 0;
    return slab;
  }

  /** Gives back a buffer that nobody uses. */
  give(slab: Slab): void {
    if (this.#free.length < FREE_SLABS_MAX) this.#free.push(slab);
  }

  /**
   * Notes one more user of a read buffer.
   * @returns `false`, and notes nothing, when too many buffers are in use.
   */
  hold(slab: Slab): boolean {
    if (slab.users === 0) {
      if (this.#heldCount === HELD_SLABS_MAX) return false;
      this.#heldCount++;
    }
    slab.users++;
    return true;
  }

  /** Notes one user less; the last one gives the buffer back. */
  release(slab: Slab): void {
    slab.users--;
    if (slab.users > 0) return;
    this.#heldCount--;
    if (slab !== this.#reading) this.give(slab);
  }
}

interface Piece {
  readonly slab: Slab;
  /** A gathered piece owns its buffer and may grow at its end. */
  readonly isGathered: boolean;
  start: number;
  end: number;
}

/** The queue of one stream. */
export class ReceiveQueue {
  readonly #pool: SlabPool;
  readonly #pieces: Piece[] = [];
  #lent: Piece | undefined;
  #sizeBytes = 0;

  constructor(pool: SlabPool) {
    this.#pool = pool;
  }

  /** Bytes that wait; what `shift` gave last is not among them. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Takes in `bytes`, a view into `slab`. */
  push(bytes: Uint8Array, slab: Slab): void {
    this.#sizeBytes += bytes.length;
    if (this.#pieces.length < HELD_PIECES_MAX && this.#pool.hold(slab)) {
      const start = bytes.byteOffset;
      const end = start + bytes.length;
      this.#pieces.push({ slab, isGathered: false, start, end });
    } else {
      this.#gather(bytes);
    }
  }

  /** The next bytes, valid until the next call of any method but `push`. */
  shift(): Uint8Array | undefined {
    this.#releaseLent();
    const piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    this.#lent = piece;
    this.#sizeBytes -= piece.end - piece.start;
    return piece.slab.bytes.subarray(piece.start, piece.end);
  }

  /**
   * Takes back the last `sizeBytes` of what `shift` gave.
   * @throws {RangeError} If it gave less.
   */
  unshift(sizeBytes: number): void {
    const piece = this.#lent;
    if (sizeBytes === 0) return;
    if (piece === undefined || sizeBytes > piece.end - piece.start) {
      throw new RangeError(`Cannot take back ${sizeBytes} bytes`);
    }
    piece.start = piece.end - sizeBytes;
    this.#lent = undefined;
    this.#pieces.unshift(piece);
    this.#sizeBytes += sizeBytes;
  }

  /** Forgets everything and gives the buffers back. */
  clear(): void {
    this.#releaseLent();
    for (const piece of this.#pieces) this.#release(piece);
    this.#pieces.length = 0;
    this.#sizeBytes = 0;
  }

  #gather(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      let tail = this.#pieces.at(-1);
      if (!tail?.isGathered || tail.end === SLAB_BYTES) {
        tail = { slab: this.#pool.take(), isGathered: true, start: 0, end: 0 };
        this.#pieces.push(tail);
      }
      const size = Math.min(bytes.length - at, SLAB_BYTES - tail.end);
      tail.slab.bytes.set(bytes.subarray(at, at + size), tail.end);
      tail.end += size;
      at += size;
    }
  }

  #releaseLent(): void {
    if (this.#lent === undefined) return;
    this.#release(this.#lent);
    this.#lent = undefined;
  }

  #release({ slab, isGathered }: Piece): void {
    if (isGathered) this.#pool.give(slab);
    else this.#pool.release(slab);
  }
}
