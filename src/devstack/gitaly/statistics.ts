/**
 * Figures about a fetch, counted from what the client says.
 * Source: Gitaly, internal/git/stats/packfile_negotiation.go.
 * @module
 */
import type { StatisticsMessage } from "./messages.ts";

const utf8 = new TextDecoder();

/** Counts packet by packet, until `done` or a line that makes no sense. */
export class NegotiationStatistics {
  readonly #counted: StatisticsMessage = {
    payloadSize: 0,
    packets: 0,
    caps: [],
    wants: 0,
    haves: 0,
    shallows: 0,
    deepen: "",
    filter: "",
  };
  #isOver = false;

  /** What was counted so far. */
  get message(): StatisticsMessage {
    return this.#counted;
  }

  /** Takes the contents of the next packet; empty for special packets. */
  take(payload: Uint8Array): void {
    if (this.#isOver) return;
    const line = utf8.decode(payload).replace(/\n$/, "");
    const sizeBytes = payload.length - (payload.at(-1) === 0x0a ? 1 : 0);
    this.#counted.payloadSize += sizeBytes;
    if (line === "done") {
      this.#isOver = true;
      return;
    }
    this.#counted.packets++;
    if (!this.#takeWords(line)) this.#isOver = true;
  }

  /** @returns Whether the line has as many words as its kind asks for. */
  #takeWords(line: string): boolean {
    const counted = this.#counted;
    const words = line.split(" ");
    switch (words[0]) {
      case "want":
        if (words.length < 2) return false;
        counted.wants++;
        // Capabilities stand on the first want alone.
        if (counted.caps.length === 0) counted.caps = words.slice(2);
        return true;
      case "have":
        counted.haves += words.length === 2 ? 1 : 0;
        return words.length === 2;
      case "shallow":
        counted.shallows += words.length === 2 ? 1 : 0;
        return words.length === 2;
      case "deepen":
      case "deepen-since":
      case "deepen-not":
        if (words.length === 2) counted.deepen = line;
        return words.length === 2;
      case "filter":
        if (words.length === 2) counted.filter = words[1] ?? "";
        return words.length === 2;
      default:
        return true;
    }
  }
}
