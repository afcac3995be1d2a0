/**
 * Tells a busy peer from one that floods us. Frames that carry nothing for any
 * call cost a token; tokens come with time and with the data that moves, since
 * honest peers ping and grant windows at the pace of the data.
 * Source: RFC 9113, section 10.5 (floods of PING, SETTINGS, empty DATA,
 * CONTINUATION, RST_STREAM); grpc-go pings once per round trip of a transfer.
 * @module
 */

const TOKENS_MAX = 10_000;
const TOKENS_PER_MS = 1;
const BYTES_PER_TOKEN = 1_024;

/** One connection's account. */
export class FloodMeter {
  readonly #nowMs: () => number;
  #tokens = TOKENS_MAX;
  #filledAtMs: number;

  /** @param nowMs A clock that never goes back. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#filledAtMs = nowMs();
  }

  /** Takes notice of data that moved, in either direction. */
  earn(sizeBytes: number): void {
    this.#add(sizeBytes / BYTES_PER_TOKEN);
  }

  /**
   * Takes notice of a frame without use.
   * @returns Whether the peer may go on.
   */
  spend(): boolean {
    // The clock is asked when the account runs low: most never do.
    if (--this.#tokens > 0) return true;
    const nowMs = this.#nowMs();
    this.#add((nowMs - this.#filledAtMs) * TOKENS_PER_MS);
    this.#filledAtMs = nowMs;
    return this.#tokens > 0;
  }

  #add(tokens: number): void {
    this.#tokens = Math.min(this.#tokens + tokens, TOKENS_MAX);
  }
}
