/**
 * Listens in on a client's input: counts it, and bounds how long it may take
 * to say what it wants.
 * Source: Gitaly, internal/gitaly/service/ssh.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";
import { decodePktLine, type PktLine } from "../../git/pkt_line.ts";
import type { StatisticsMessage } from "./messages.ts";
import { NegotiationStatistics } from "./statistics.ts";

/** Bound of the negotiation, and what ends it. */
export interface NegotiationOptions {
  readonly timeoutMs: number;
  /** upload-pack waits for `done` with its newline, upload-archive for a flush. */
  readonly endsWith: "done" | "flush";
  /** Called when the time is up. */
  readonly onTimeout: () => void;
}

const NOTHING = new Uint8Array();
const utf8 = new TextDecoder();

/** Runs from the start of git until the negotiation is over, or `stop`. */
export class NegotiationWatch {
  readonly #options: NegotiationOptions;
  readonly #statistics = new NegotiationStatistics();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A packet that has not arrived whole; at most one. */
  #carry: Uint8Array = NOTHING;
  #isOver = false;

  constructor(options: NegotiationOptions) {
    this.#options = options;
    this.#timer = setTimeout(options.onTimeout, options.timeoutMs);
  }

  /** What was counted so far. */
  get statistics(): StatisticsMessage {
    return this.#statistics.message;
  }

  /** Takes input on its way to git; the bytes stay the caller's. */
  feed(bytes: Uint8Array): void {
    if (this.#isOver) return;
    let rest = this.#carry.length === 0 ? bytes : join(this.#carry, bytes);
    try {
      for (;;) {
        const packet = decodePktLine(rest);
        if (!packet) break;
        rest = rest.subarray(packet.sizeBytes);
        this.#take(packet);
      }
      this.#carry = rest.slice();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // What is not pkt-lines cannot be judged, so it is not timed either.
      this.stop();
    }
  }

  /** Stops the clock and looks at no further input. Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    this.#carry = NOTHING;
  }

  #take({ kind, payload }: PktLine): void {
    this.#statistics.take(payload);
    const isEnd = this.#options.endsWith === "flush"
      ? kind === "flush"
      : utf8.decode(payload) === "done\n";
    if (isEnd) clearTimeout(this.#timer);
  }
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const whole = new Uint8Array(left.length + right.length);
  whole.set(left);
  whole.set(right, left.length);
  return whole;
}
