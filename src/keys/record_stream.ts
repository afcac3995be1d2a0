/**
 * A stream of key records, cut into lines as the bytes arrive. A line may come
 * in any number of pieces; one that is too long costs no more than its bound.
 * @module
 */
import type { Clock } from "../core/host.ts";
import type { ByteReader } from "../core/io.ts";
import { RefusedLineError } from "./line.ts";
import {
  type KeyRecord,
  parseRecord,
  RECORD_BYTES_MAX,
  type RecordRules,
} from "./record.ts";

const LF = 0x0a;

/** What becomes of the records. */
export interface RecordSink {
  /** @throws {RefusedLineError} If the record cannot be used after all. */
  onRecord(record: KeyRecord): void;
  /** Told of a record that cannot be used; throws to end the stream. */
  onInvalid(error: RefusedLineError): void;
}

/** Cuts chunks into records. */
export class RecordParser {
  readonly #rules: RecordRules;
  readonly #sink: RecordSink;
  readonly #held = new Uint8Array(RECORD_BYTES_MAX + 1);
  #heldBytes = 0;
  /** Lines that have ended. */
  #lines = 0;

  constructor(rules: RecordRules, sink: RecordSink) {
    this.#rules = rules;
    this.#sink = sink;
  }

  /** Takes the next bytes; they are the caller's again afterwards. */
  push(chunk: Uint8Array): void {
    let start = 0;
    let lf = chunk.indexOf(LF);
    if (lf >= 0 && this.#heldBytes > 0) {
      this.#hold(chunk.subarray(0, lf + 1));
      this.#endHeldLine();
      start = lf + 1;
      lf = chunk.indexOf(LF, start);
    }
    for (; lf >= 0; lf = chunk.indexOf(LF, start)) {
      this.#endLine(chunk.subarray(start, lf + 1));
      start = lf + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  /** Passes on a record that was cut and checked elsewhere. */
  pushRecord(record: KeyRecord): void {
    this.#sink.onRecord(record);
  }

  /** The input has ended; a last line without line end is a record too. */
  end(): void {
    if (this.#heldBytes > 0) this.#endHeldLine();
  }

  #hold(bytes: Uint8Array): void {
    // What does not fit is not needed: the line is too long to be a record.
    const free = this.#held.length - this.#heldBytes;
    const kept = bytes.subarray(0, free);
    this.#held.set(kept, this.#heldBytes);
    this.#heldBytes += kept.length;
  }

  #endHeldLine(): void {
    const line = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#endLine(line);
  }

  #endLine(line: Uint8Array): void {
    this.#lines++;
    let fault: RefusedLineError | undefined;
    try {
      this.#sink.onRecord(parseRecord(line, this.#rules));
    } catch (error) {
      if (!(error instanceof RefusedLineError)) throw error;
      fault = error;
    }
    if (!fault) return;
    const text = `${fault.message} in line ${this.#lines}`;
    this.#sink.onInvalid(new RefusedLineError(text));
  }
}

/** How a stream is waited for. */
export interface StreamWait {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Bound of the time between two chunks. */
  readonly idleTimeoutMs: number;
  /** Told after each chunk how many bytes have come so far. */
  onProgress?(bytes: number): void;
}

/**
 * Feeds a parser until the input ends.
 * @throws {Error} If nothing comes for too long, or the source fails.
 */
export async function readRecords(
  input: ByteReader,
  parser: RecordParser,
  wait: StreamWait,
): Promise<void> {
  let bytes = 0;
  for (;;) {
    const chunk = await readInTime(input, wait);
    if (chunk === null) break;
    parser.push(chunk);
    bytes += chunk.length;
    wait.onProgress?.(bytes);
  }
  parser.end();
}

async function readInTime(
  input: ByteReader,
  { clock, signal, idleTimeoutMs }: StreamWait,
): Promise<Uint8Array | null> {
  signal.throwIfAborted();
  const settled = new AbortController();
  const timeout = clock.sleep(
    idleTimeoutMs,
    AbortSignal.any([settled.signal, signal]),
  ).then(
    () => new Error(`no input for ${idleTimeoutMs / 1_000} s`),
    (reason) => reason,
  );
  try {
    const first = await Promise.race([
      input.read().then((chunk) => ({ chunk })),
      timeout.then((error) => ({ error })),
    ]);
    if ("error" in first) throw first.error;
    return first.chunk;
  } finally {
    settled.abort();
  }
}
