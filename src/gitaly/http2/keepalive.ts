/**
 * Finds out whether a silent peer is still there.
 * Source: gRPC, "Keepalive" (client side); gitaly.md 2.4.
 * @module
 */
import { Timer } from "../../core/timer.ts";

/** How long to wait for what, and whom to tell. */
export interface KeepaliveOptions {
  /** Silence after which a PING is sent. */
  readonly timeMs: number;
  /** Silence after the PING that ends the connection. */
  readonly timeoutMs: number;
  onPing(): void;
  onDead(): void;
}

/** Watches one connection. */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  #readAtMs = performance.now();
  #pingAtMs: number | undefined;
  readonly #timer = new Timer(() => this.#look());

  constructor(options: KeepaliveOptions) {
    this.#options = options;
    this.#timer.start(options.timeMs);
  }

  /** Takes notice of bytes from the peer, whatever they are. */
  noteRead(): void {
    this.#readAtMs = performance.now();
    this.#pingAtMs = undefined;
  }

  /** Stops watching. */
  stop(): void {
    this.#timer.stop();
  }

  #look(): void {
    const { timeMs, timeoutMs } = this.#options;
    const nowMs = performance.now();
    if (this.#pingAtMs !== undefined) {
      const leftMs = this.#pingAtMs + timeoutMs - nowMs;
      return leftMs > 0 ? this.#timer.start(leftMs) : this.#options.onDead();
    }
    const leftMs = this.#readAtMs + timeMs - nowMs;
    if (leftMs > 0) return this.#timer.start(leftMs);
    this.#pingAtMs = nowMs;
    this.#options.onPing();
    // An answer may come early: the next silence is to be noticed in time.
    this.#timer.start(Math.min(timeoutMs, timeMs));
  }
}
