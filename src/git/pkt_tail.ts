/**
 * How a stream of pkt-lines stands after its latest byte, found by stepping
 * from length to length and keeping nothing. Pure.
 * Source: Git, gitprotocol-common(5), "pkt-line Format".
 * @module
 */
import { parsePktLength, PKT_LENGTH_BYTES } from "./pkt_line.ts";

/** Bytes of a payload by which packets are told apart. */
const WORD_BYTES = 4;

/**
 * What the stream ends with: nothing yet, half a packet, one of the three
 * markers, a whole packet of data, or bytes that are no packets.
 */
export type PktTailState =
  | "none"
  | "partial"
  | "flush"
  | "delim"
  | "response_end"
  | "data"
  | "raw";

const MARKERS = ["flush", "delim", "response_end", "raw"] as const;

/** Follows one direction of a conversation. */
export class PktTail {
  #state: PktTailState = "none";
  /** The digits of a length of which not all have come. */
  #digits = new Uint8Array(PKT_LENGTH_BYTES);
  #digitCount = 0;
  #leftBytes = 0;
  #word = "";

  /** How the stream stands. */
  get state(): PktTailState {
    return this.#state;
  }

  /** The first bytes of the latest packet's payload, four at most. */
  get word(): string {
    return this.#word;
  }

  /**
   * Takes what came next.
   * @example
   * ```ts
   * import { PktTail } from "./pkt_tail.ts";
   * const tail = new PktTail();
   * tail.push(new TextEncoder().encode("0008NAK\n"));
   * [tail.state, tail.word]; // ["data", "NAK\n"]
   * ```
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.#state !== "raw";) {
      at += this.#leftBytes > 0
        ? this.#takePayload(bytes, at)
        : this.#takeDigits(bytes, at);
    }
  }

  #takePayload(bytes: Uint8Array, at: number): number {
    const taken = Math.min(this.#leftBytes, bytes.length - at);
    const lacking = Math.min(WORD_BYTES - this.#word.length, taken);
    for (let index = 0; index < lacking; index++) {
      this.#word += String.fromCharCode(bytes[at + index] ?? 0);
    }
    this.#leftBytes -= taken;
    this.#state = this.#leftBytes === 0 ? "data" : "partial";
    return taken;
  }

  #takeDigits(bytes: Uint8Array, at: number): number {
    const lacking = PKT_LENGTH_BYTES - this.#digitCount;
    const digits = bytes.subarray(at, at + lacking);
    this.#digits.set(digits, this.#digitCount);
    this.#digitCount += digits.length;
    this.#state = "partial";
    if (this.#digitCount === PKT_LENGTH_BYTES) this.#startPacket();
    return digits.length;
  }

  #startPacket(): void {
    this.#digitCount = 0;
    this.#word = "";
    const sizeBytes = parsePktLength(this.#digits, 0);
    if (!(sizeBytes >= 0)) this.#state = "raw";
    else if (sizeBytes < PKT_LENGTH_BYTES) {
      this.#state = MARKERS[sizeBytes] ?? "raw";
    } else {
      this.#leftBytes = sizeBytes - PKT_LENGTH_BYTES;
      if (this.#leftBytes === 0) this.#state = "data";
    }
  }
}
