/**
 * Byte streams between rooms: one chunk at a time, pulled by the consumer.
 *
 * The style of the project asks for WHATWG streams between rooms. Touching one
 * costs a one-shot program about 0.4 of an empty start (measured on Deno
 * 2.9.6: the stream classes are parsed on first use), and each chunk then
 * passes through queues that the pump does not need, so the rooms pass these
 * two small interfaces instead. Back-pressure is the pending promise.
 * @module
 */

/** Where bytes come from: standard input, a socket, a yamux stream. */
export interface ByteReader {
  /**
   * Waits for the next bytes.
   * @returns At least one byte, or `null` at the end of input, then and ever
   * after. The bytes stay the reader's: they are valid until the next `read`.
   * @throws {Error} What the source failed with. One `read` at a time.
   */
  read(): Promise<Uint8Array | null>;
}

/** Where bytes go: standard output, a socket, an SSH channel. */
export interface ByteWriter {
  /**
   * How much is worth one write, in bytes, where each costs more than its
   * bytes; absent where bytes may as well be written as they come.
   */
  readonly batchBytes?: number;
  /**
   * Writes all of `bytes`.
   * @param bytes The caller's again once the promise is settled.
   * @returns When the sink can take more, which is how back-pressure is felt.
   * @throws {Error} What the sink failed with. One `write` at a time.
   */
  write(bytes: Uint8Array): Promise<void>;
}

/** Both directions of one connection, with the half-close told apart. */
export interface ByteDuplex extends ByteReader, ByteWriter {
  /** Ends the outgoing direction; the incoming one stays open. Idempotent. */
  closeWrite(): Promise<void>;
  /** Ends both directions at once and frees what they hold. Idempotent. */
  close(): void;
}

/** The three standard streams of a command, whichever door it came through. */
export interface StandardStreams {
  readonly stdin: ByteReader;
  readonly stdout: ByteWriter;
  readonly stderr: ByteWriter;
}

/** An input that has ended before it began. */
export const EMPTY_READER: ByteReader = {
  read: () => Promise.resolve(null),
};

const encoder = new TextEncoder();

/**
 * Writes `text` as UTF-8.
 * @throws {Error} What the sink failed with.
 */
export function writeText(sink: ByteWriter, text: string): Promise<void> {
  return sink.write(encoder.encode(text));
}
