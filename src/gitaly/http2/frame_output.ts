/**
 * Sends frames: what is written while a write is under way goes out in the
 * next one, and what is written in one turn of the event loop goes out at once.
 * @module
 */
import type { ByteWriter } from "../../core/io.ts";
import { FrameBuffer } from "./frame_buffer.ts";

/**
 * Data may be added while fewer bytes than this wait: one of Git's messages of
 * 128 KiB can be made ready while another is being written.
 */
const ROOM_BYTES = 144 * 1024;
/** Answers to the peer that it does not fetch may pile up to here. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** Enough for a caller that awaits a promise or two between two steps. */
const LATER_TURNS = 16;

/** Who is told of the output's progress. */
export interface OutputEvents {
  /** There is room for data again. */
  onRoom(): void;
  /** A write failed; nothing more will be sent. */
  onFailure(error: unknown): void;
}

/** The outgoing half of one connection. */
export class FrameOutput {
  readonly #sink: ByteWriter;
  readonly #events: OutputEvents;
  #waiting = new FrameBuffer();
  #inFlight = new FrameBuffer();
  #loop: Promise<void> | undefined;
  #isScheduled = false;
  #isStopped = false;

  constructor(sink: ByteWriter, events: OutputEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  /** Where frames are put; ask anew after every `await`. */
  get frames(): FrameBuffer {
    return this.#waiting;
  }

  /** Whether data may be added now. */
  get hasRoom(): boolean {
    return this.#waiting.sizeBytes < ROOM_BYTES && !this.#isStopped;
  }

  /** Whether so much waits that the peer cannot be reading. */
  get isOverfull(): boolean {
    return this.#waiting.sizeBytes > WAITING_BYTES_MAX;
  }

  /** Sends what is there once the code that runs now has come to its end. */
  flushSoon(): void {
    if (this.#isScheduled || this.#loop) return;
    this.#isScheduled = true;
    Promise.resolve().then(() => {
      this.#isScheduled = false;
      return this.flush();
    });
  }

  /**
   * Sends what is there after a few turns of the promise queue. The preface
   * and the headers of a call wait so for what follows at once: one write
   * instead of three, and no timer, whose first use is dear.
   */
  async flushLater(): Promise<void> {
    for (let turn = 0; turn < LATER_TURNS; turn++) await undefined;
    await this.flush();
  }

  /**
   * Sends what is there.
   * @returns When all of it is written or writing has failed. Never rejects.
   */
  flush(): Promise<void> {
    if (this.#loop) return this.#loop;
    if (this.#waiting.sizeBytes === 0) return Promise.resolve();
    return this.#loop = this.#run();
  }

  /** Sends nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Frees what a large transfer has left behind, if nothing is being sent. */
  shrink(): void {
    if (this.#loop || this.#waiting.sizeBytes > 0) return;
    this.#waiting.shrink();
    this.#inFlight.shrink();
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.sizeBytes > 0 && !this.#isStopped) {
        const batch = this.#waiting;
        this.#waiting = this.#inFlight;
        this.#inFlight = batch;
        const writing = this.#sink.write(batch.view());
        // The next batch is made ready while this one is on its way.
        this.#events.onRoom();
        await writing;
        batch.clear();
      }
    } catch (error) {
      this.#isStopped = true;
      this.#events.onFailure(error);
    } finally {
      this.#loop = undefined;
    }
  }
}
