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

/** Objects on their way out, one after the other. */
export class DataWriter {
  readonly #sink: ByteWriter;
  /** Made for the first object that fills one, and used for all. */
  readonly #buffers: [Uint8Array | undefined, Uint8Array | undefined] = [
    undefined,
    undefined,
  ];
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
      this.#active.set(piece, this.#at);
      this.#at += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#at === this.#start + PKT_LINE_BYTES_MAX) this.#endPacket();
      if (this.#start === BUFFER_BYTES) await this.#sendBuffer();
    }
  }

  /** Sends what is left of an object. @throws {Error} What the sink failed with. */
  async finish(): Promise<void> {
    if (this.#at > this.#start + PKT_LENGTH_BYTES) this.#endPacket();
    if (this.#start > 0) await this.#sendBuffer();
    await this.#sending;
  }

  get #active(): Uint8Array {
    return this.#buffers[this.#activeBuffer] ??= new Uint8Array(BUFFER_BYTES);
  }

  #endPacket(): void {
    writePktLength(this.#active, this.#start, this.#at - this.#start);
    this.#start = this.#at;
    this.#at += PKT_LENGTH_BYTES;
  }

  async #sendBuffer(): Promise<void> {
    await this.#sending;
    const full = this.#active.subarray(0, this.#start);
    this.#sending = this.#sink.write(full);
    // It is awaited before the next one; until then nobody listens.
    this.#sending.catch(() => {});
    this.#activeBuffer = this.#activeBuffer === 0 ? 1 : 0;
    this.#start = 0;
    this.#at = PKT_LENGTH_BYTES;
  }
}
