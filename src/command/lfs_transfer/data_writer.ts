/**
 * Writes an object's data in packets of the largest size. While one buffer
 * goes out the next one is filled, and there are no more than these two.
 * Source: git-lfs/pktline as GitLab Shell 14.56.1 has it.
 * @module
 */
import type { ByteWriter } from "../../core/io.ts";
import {
  PKT_LENGTH_BYTES,
  PKT_LINE_BYTES_MAX,
  writePktLength,
} from "../../git/pkt_line.ts";

/** Packets of one write. */
const BUFFER_PACKETS = 4;
const BUFFER_BYTES = BUFFER_PACKETS * PKT_LINE_BYTES_MAX;

/** One object on its way out. */
export class DataWriter {
  readonly #sink: ByteWriter;
  readonly #buffers = [
    new Uint8Array(BUFFER_BYTES),
    new Uint8Array(BUFFER_BYTES),
  ] as const;
  #activeBuffer: 0 | 1 = 0;
  /** Where the packet that is being filled begins. */
  #start = 0;
  #at = PKT_LENGTH_BYTES;
  #sending: Promise<void> = Promise.resolve();

  constructor(sink: ByteWriter) {
    this.#sink = sink;
  }

  /**
   * Takes the next bytes.
   * @param bytes The caller's again when the promise is settled.
   * @throws {Error} What the sink failed with.
   */
  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const piece = rest.subarray(
        0,
        this.#start + PKT_LINE_BYTES_MAX - this.#at,
      );
      this.#buffers[this.#activeBuffer].set(piece, this.#at);
      this.#at += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#at === this.#start + PKT_LINE_BYTES_MAX) this.#endPacket();
      if (this.#start === BUFFER_BYTES) await this.#sendBuffer();
    }
  }

  /** Sends what is left. @throws {Error} What the sink failed with. */
  async finish(): Promise<void> {
    if (this.#at > this.#start + PKT_LENGTH_BYTES) this.#endPacket();
    if (this.#start > 0) await this.#sendBuffer();
    await this.#sending;
  }

  #endPacket(): void {
    const buffer = this.#buffers[this.#activeBuffer];
    writePktLength(buffer, this.#start, this.#at - this.#start);
    this.#start = this.#at;
    this.#at += PKT_LENGTH_BYTES;
  }

  async #sendBuffer(): Promise<void> {
    await this.#sending;
    const full = this.#buffers[this.#activeBuffer].subarray(0, this.#start);
    this.#sending = this.#sink.write(full);
    // It is awaited before the next one; until then nobody listens.
    this.#sending.catch(() => {});
    this.#activeBuffer = this.#activeBuffer === 0 ? 1 : 0;
    this.#start = 0;
    this.#at = PKT_LENGTH_BYTES;
  }
}
