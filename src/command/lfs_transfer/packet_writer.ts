/**
 * Writes replies as packets.
 * Source: git-lfs/pktline as GitLab Shell 14.56.1 has it.
 * @module
 */
import type { ByteWriter } from "../../core/io.ts";
import type { Logger } from "../../core/log.ts";
import {
  encodePktLine,
  encodePktMarker,
  PKT_PAYLOAD_BYTES_MAX,
} from "../../git/pkt_line.ts";

/** What a command answers, whole. */
export interface Reply {
  readonly status: number;
  /** Lines in front of the delimiter. */
  readonly args?: readonly string[];
  /** Lines behind it; without them there is no delimiter either. */
  readonly lines?: readonly string[];
}

const encoder = new TextEncoder();
const FLUSH = encodePktMarker("flush");
const DELIM = encodePktMarker("delim");

/** Writes to one session's standard output. */
export class PacketWriter {
  readonly #sink: ByteWriter;
  readonly #log: Logger;
  #waiting: Uint8Array[] = [];

  constructor(sink: ByteWriter, log: Logger) {
    this.#sink = sink;
    this.#log = log;
  }

  /** Adds a line; it goes out with the next marker. */
  addText(text: string): void {
    const payload = encoder.encode(`${text}\n`);
    if (payload.length <= PKT_PAYLOAD_BYTES_MAX) {
      this.#waiting.push(encodePktLine(payload));
      return;
    }
    this.#log.error("lfstransfer: a line is too long for a packet", {
      size_bytes: payload.length,
    });
  }

  /** Ends a part of a reply, and sends it. @throws {Error} What the sink fails with. */
  writeDelim(): Promise<void> {
    return this.#send(DELIM);
  }

  /** Ends a reply, and sends it. @throws {Error} What the sink fails with. */
  writeFlush(): Promise<void> {
    return this.#send(FLUSH);
  }

  /** Sends a whole reply. @throws {Error} What the sink fails with. */
  async writeReply({ status, args = [], lines }: Reply): Promise<void> {
    this.addText(formatStatus(status));
    for (const arg of args) this.addText(arg);
    // Kept together with what follows: nobody waits for half a reply.
    if (lines) this.#waiting.push(DELIM);
    for (const line of lines ?? []) this.addText(line);
    await this.writeFlush();
  }

  async #send(marker: Uint8Array): Promise<void> {
    const packets = [...this.#waiting, marker];
    this.#waiting = [];
    const sizeBytes = packets.reduce((sum, { length }) => sum + length, 0);
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    for (const packet of packets) {
      bytes.set(packet, at);
      at += packet.length;
    }
    await this.#sink.write(bytes);
  }
}

/** The line that every reply begins with. */
export function formatStatus(status: number): string {
  return `status ${String(status).padStart(3, "0")}`;
}
