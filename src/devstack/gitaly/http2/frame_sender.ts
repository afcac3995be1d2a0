/**
 * The outgoing half of a connection: what is written together goes out
 * together, and what is written during a write goes out with the next one.
 * @module
 */
import type { ByteWriter } from "../../../core/io.ts";
import { FrameBuffer } from "../../../gitaly/http2/frame_buffer.ts";

/** Answers that a caller does not fetch may pile up to here. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;

/** Collects frames and writes them. */
export class FrameSender {
  readonly #sink: ByteWriter;
  readonly #onFailure: () => void;
  #waiting = new FrameBuffer();
  #inFlight = new FrameBuffer();
  #sending: Promise<void> | undefined;
  #isStopped = false;

  /** @param onFailure Called when the caller is gone or does not read. */
  constructor(sink: ByteWriter, onFailure: () => void) {
    this.#sink = sink;
    this.#onFailure = onFailure;
  }

  /** Where frames are put; ask anew after every `await`. */
  get frames(): FrameBuffer {
    return this.#waiting;
  }

  /** @returns When all that waits is written, or writing has failed. */
  flush(): Promise<void> {
    if (this.#waiting.sizeBytes > WAITING_BYTES_MAX) this.#fail();
    return this.#sending ??= this.#send();
  }

  /** Writes nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  async #send(): Promise<void> {
    // One turn later, so that the code that runs now can add to it.
    await Promise.resolve();
    try {
      while (this.#waiting.sizeBytes > 0 && !this.#isStopped) {
        [this.#waiting, this.#inFlight] = [this.#inFlight, this.#waiting];
        await this.#sink.write(this.#inFlight.view());
        this.#inFlight.clear();
      }
    } catch {
      this.#fail();
    }
    this.#sending = undefined;
  }

  #fail(): void {
    this.#isStopped = true;
    this.#onFailure();
  }
}
