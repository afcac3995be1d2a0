/**
 * Puts whole frames on a socket, one after the other, whoever sends them.
 * @module
 */
import { type Socket, writeAll } from "../socket.ts";

/** A peer that lets more than this wait, by flooding pings, is cut off. */
const POSTED_FRAMES_MAX = 4096;

/** Bounds of writing, and whom to tell. */
export interface FrameWriterOptions {
  /** Bound of one frame on its way to the kernel, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** Called once with the first failure. */
  readonly onFailure: (error: Error) => void;
}

/** A queue of frames in front of a socket. */
export class FrameWriter {
  readonly #socket: Socket;
  readonly #options: FrameWriterOptions;
  #tail: Promise<void> = Promise.resolve();
  #postedCount = 0;
  #pendingSinceMs: number | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket, options: FrameWriterOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /**
   * Sends a frame whose sender waits for it, so that he feels back-pressure.
   * @throws {Error} If the connection failed.
   */
  send(frame: Uint8Array): Promise<void> {
    const sent = this.#tail.then(() => this.#write(frame));
    this.#tail = sent.catch(() => {});
    return sent;
  }

  /** Sends a frame for which nobody waits: credit, answers, ends. */
  post(frame: Uint8Array): void {
    if (++this.#postedCount > POSTED_FRAMES_MAX) {
      return this.fail(new Error("Too many yamux frames wait to be written"));
    }
    this.send(frame).then(() => this.#postedCount--, () => {});
  }

  /** Refuses all further frames and stops the clock. Idempotent. */
  fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#watchdog);
    this.#options.onFailure(error);
  }

  async #write(frame: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#pendingSinceMs = performance.now();
    this.#watchdog ??= this.#watch(this.#options.writeTimeoutMs);
    try {
      await writeAll(this.#socket, frame);
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
      throw this.#failure;
    } finally {
      this.#pendingSinceMs = undefined;
    }
  }

  // One timer per timeout span, not one per frame: frames come by the thousand.
  #watch(delayMs: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.#watchdog = undefined;
      if (this.#pendingSinceMs === undefined) return;
      const waitedMs = performance.now() - this.#pendingSinceMs;
      const leftMs = this.#options.writeTimeoutMs - waitedMs;
      if (leftMs > 0) this.#watchdog = this.#watch(leftMs);
      else this.fail(new Error("connection write timeout"));
    }, delayMs);
  }
}
