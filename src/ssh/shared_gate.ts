/**
 * Connections before login, in all and by source, counted together by threads
 * that share memory.
 *
 * Each thread writes to a part of its own and reads all of them, so that no
 * lock is needed, and what a thread held can be given back when it has died in
 * the middle of anything. A place is taken first and counted then: of two
 * threads that take the last one together both may have to let go, but never
 * are there more than the bound.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { localSourceCounts, type SourceCounts } from "./source_counts.ts";
import type { Count } from "./startups.ts";

/** Sources that one thread counts for all to see: 64 KiB of memory. */
const SLOTS = 8_192;
/** Slots among which a source has its own; 16 others must crowd it out. */
const WINDOW = 16;
/** Words before the parts: the key of the hash. */
const KEY_WORDS = 4;
const KEY_BYTES = KEY_WORDS * Int32Array.BYTES_PER_ELEMENT;
/** A thread's part: its count, and for each slot whose it is and how many. */
const PART_WORDS = 1 + 2 * SLOTS;

/** A place in the table. */
interface Spot {
  /** The first slot that it may have. */
  readonly slot: number;
  /** Tells it from others that may have the same. */
  readonly tag: number;
}

/** What threads that serve one port count together. */
export class SharedGate {
  readonly #words: Int32Array;
  readonly #key: Uint8Array;
  readonly #threads: number;

  /** @param memory From `allocate`, the same in all threads. */
  constructor(readonly memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#threads = (this.#words.length - KEY_WORDS) / PART_WORDS;
    // Hashing takes no memory that threads share.
    this.#key = new Uint8Array(memory, 0, KEY_BYTES).slice();
  }

  /** Memory for so many threads, with a key of its own. */
  static allocate(threads: number): SharedArrayBuffer {
    const words = KEY_WORDS + threads * PART_WORDS;
    const memory = new SharedArrayBuffer(
      words * Int32Array.BYTES_PER_ELEMENT,
    );
    const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    new Uint8Array(memory).set(key);
    return memory;
  }

  /** All connections before login. @param thread The one that counts, from 0. */
  countOf(thread: number): Count {
    const words = this.#words;
    const own = this.#partOf(thread);
    const sum = () => this.#sum((part) => Atomics.load(words, part));
    return {
      get value() {
        return sum();
      },
      enter() {
        Atomics.add(words, own, 1);
        return sum() - 1;
      },
      leave: () => void Atomics.sub(words, own, 1),
    };
  }

  /** Those of each source. @param thread The one that counts, from 0. */
  sourcesOf(thread: number): SourceCounts {
    const words = this.#words;
    const own = this.#partOf(thread);
    const crowdedOut = localSourceCounts();
    return {
      enter: (source, max) => {
        const spot = this.#spotOf(source);
        const at = this.#claim(own, spot);
        // More sources than there is room for: each thread knows its own.
        if (at === undefined) return crowdedOut.enter(source, max);
        const leave = () => void Atomics.sub(words, at, 1);
        const count = this.#sum((part) => {
          const found = this.#find(part, spot);
          return found === undefined ? 0 : Atomics.load(words, found);
        });
        if (count <= max) return leave;
        leave();
        return undefined;
      },
    };
  }

  /** Gives back all that a thread held, which must have ended. */
  forget(thread: number): void {
    const own = this.#partOf(thread);
    for (let word = 0; word < PART_WORDS; word++) {
      Atomics.store(this.#words, own + word, 0);
    }
  }

  /** Counts one more of a source in a thread's own part. */
  #claim(own: number, spot: Spot): number | undefined {
    const words = this.#words;
    const found = this.#find(own, spot);
    if (found !== undefined) {
      Atomics.add(words, found, 1);
      return found;
    }
    for (let step = 0; step < WINDOW; step++) {
      const tagAt = tagWord(own, spot, step);
      if (Atomics.load(words, tagAt + 1) !== 0) continue;
      // Nobody else writes here, and a reader that comes between the two
      // counts one too few before this thread has counted.
      Atomics.store(words, tagAt, spot.tag);
      Atomics.store(words, tagAt + 1, 1);
      return tagAt + 1;
    }
    return undefined;
  }

  /** Where a thread's part counts the source. */
  #find(part: number, spot: Spot): number | undefined {
    for (let step = 0; step < WINDOW; step++) {
      const tagAt = tagWord(part, spot, step);
      const isOther = Atomics.load(this.#words, tagAt) !== spot.tag;
      if (isOther || Atomics.load(this.#words, tagAt + 1) === 0) continue;
      return tagAt + 1;
    }
    return undefined;
  }

  /** Nobody can choose addresses that share a place without the key. */
  #spotOf(source: string): Spot {
    const digest = createHash("sha256").update(this.#key)
      .update(Buffer.from(source)).digest();
    return {
      slot: digest.readUInt32LE(0) % SLOTS,
      tag: digest.readInt32LE(4),
    };
  }

  #partOf(thread: number): number {
    if (!(thread >= 0 && thread < this.#threads)) {
      throw new RangeError(`Cannot count for thread ${thread}`);
    }
    return KEY_WORDS + thread * PART_WORDS;
  }

  #sum(read: (part: number) => number): number {
    let sum = 0;
    for (let thread = 0; thread < this.#threads; thread++) {
      sum += read(this.#partOf(thread));
    }
    return sum;
  }
}

function tagWord(part: number, { slot }: Spot, step: number): number {
  return part + 1 + 2 * ((slot + step) % SLOTS);
}
