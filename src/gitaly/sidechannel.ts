/**
 * The exchange over a sidechannel: standard input goes out in length-prefixed
 * frames, the two outputs come in on side-bands.
 * Source: Gitaly 18.9, sidechannel protocol; the texts are its client's.
 * @module
 */
import { errorText, GitTransportError } from "../core/errors.ts";
import { IoTimer } from "../core/io_timer.ts";
import type { ByteReader, ByteWriter, StandardStreams } from "../core/io.ts";
import { BAND_STDERR, BAND_STDOUT, SideBandDecoder } from "../git/side_band.ts";
import {
  PKT_LENGTH_BYTES,
  PKT_LINE_BYTES_MAX,
  PKT_PAYLOAD_BYTES_MAX,
  writePktLength,
} from "../git/pkt_line.ts";
import { withDeadline } from "./deadline.ts";
import type { YamuxStream } from "./yamux_stream.ts";

const CONFIRMATION = Uint8Array.of(0x6f, 0x6b);
const FLUSH = Uint8Array.of(0x30, 0x30, 0x30, 0x30);
/** The server waits this long for the confirmation. */
const CONFIRM_TIMEOUT_MS = 5_000;
/** Output is gathered up to this size while more of it is there already. */
const GATHER_BYTES = 262_144;
/**
 * From here on the output is a pack, and is gathered until it is worth a write
 * of the sink. Before it, and in a list of refs, somebody may wait for the next
 * byte.
 */
const BULK_FROM_BYTES = 1_048_576;
/** What has been gathered waits for more this long, and at most twice that. */
const HOLD_MS = 8;

/**
 * Confirms the sidechannel and pumps until the server has ended it.
 * @param stream Behind the handshake; closed when this returns.
 * @param onConfirmed Called before the first byte is pumped, when the server
 * has begun to work: what it does takes nobody's time.
 * @throws {GitTransportError} If a direction failed; the server's end before
 * the end of standard input is no failure.
 */
export async function runExchange(
  stream: YamuxStream,
  io: StandardStreams,
  onConfirmed?: () => void,
): Promise<void> {
  const failed = Promise.withResolvers<never>();
  let isOver = false;
  try {
    await withDeadline(stream.write(CONFIRMATION), CONFIRM_TIMEOUT_MS);
    onConfirmed?.();
    const output = pumpOutput(stream, io, failed.reject);
    pumpInput(io.stdin, stream, () => isOver).catch(failed.reject);
    await Promise.race([output, failed.promise]);
  } finally {
    isOver = true;
    stream.close();
  }
}

/** Sends standard input as frames and the flush behind it. */
async function pumpInput(
  stdin: ByteReader,
  stream: ByteWriter,
  isOver: () => boolean,
): Promise<void> {
  const frame = new Uint8Array(PKT_LINE_BYTES_MAX);
  try {
    for (;;) {
      const chunk = await stdin.read();
      if (isOver()) return;
      if (chunk === null) break;
      for (let at = 0; at < chunk.length; at += PKT_PAYLOAD_BYTES_MAX) {
        const payload = chunk.subarray(at, at + PKT_PAYLOAD_BYTES_MAX);
        const size = PKT_LENGTH_BYTES + payload.length;
        writePktLength(frame, 0, size);
        frame.set(payload, PKT_LENGTH_BYTES);
        await stream.write(frame.subarray(0, size));
      }
    }
  } catch (error) {
    throw failure("copy request", error);
  }
  try {
    await stream.write(FLUSH);
  } catch (error) {
    throw failure("close request", error);
  }
}

/**
 * Writes the bands to the two outputs until the server ends the stream.
 * @param onLateFailure Told of a write that nobody waits for.
 */
async function pumpOutput(
  stream: YamuxStream,
  { stdout, stderr }: StandardStreams,
  onLateFailure: (error: Error) => void,
): Promise<void> {
  const decoder = new SideBandDecoder();
  const gathered = new OutputGatherer(
    { [BAND_STDOUT]: stdout, [BAND_STDERR]: stderr },
    (cause) => onLateFailure(failure("copy response", cause)),
  );
  try {
    for (;;) {
      let chunk = stream.readNow();
      if (chunk === undefined) {
        if (gathered.isBulk) gathered.hold();
        else await gathered.flush();
        chunk = await stream.read();
      }
      if (chunk === null) break;
      decoder.feed(chunk);
      while (decoder.next()) {
        const { band, payload } = decoder;
        if (!gathered.add(band, payload)) {
          await gathered.addSlowly(band, payload);
        }
      }
      if (gathered.isBulk) stream.widen(2 * gathered.batchBytes);
    }
    await gathered.flush();
    decoder.end();
  } catch (error) {
    // What came before the fault is Git's all the same.
    await gathered.flush().catch(() => {});
    throw failure("copy response", error);
  }
}

type Band = typeof BAND_STDOUT | typeof BAND_STDERR;

/** Joins small pieces of one band to large writes. */
class OutputGatherer {
  /** Size of a write where there is enough to write. */
  readonly batchBytes: number;
  readonly #outputs: Readonly<Record<Band, ByteWriter>>;
  readonly #onLateFailure: (cause: unknown) => void;
  readonly #timer = new IoTimer(() => this.#endHold());
  readonly #buffer: Uint8Array;
  #filled = 0;
  #band: Band = BAND_STDOUT;
  #writtenBytes = 0;
  /** What had been written when the hold began, if there is one. */
  #heldFrom: number | undefined;
  /** A write that the buffer is needed for. */
  #writing: Promise<void> | undefined;

  /** @param onLateFailure Told of a write that nobody waits for. */
  constructor(
    outputs: Readonly<Record<Band, ByteWriter>>,
    onLateFailure: (cause: unknown) => void,
  ) {
    this.#outputs = outputs;
    this.#onLateFailure = onLateFailure;
    this.batchBytes = outputs[BAND_STDOUT].batchBytes ?? 0;
    this.#buffer = new Uint8Array(Math.max(GATHER_BYTES, this.batchBytes));
  }

  /** Whether what is there is better held than flushed. */
  get isBulk(): boolean {
    return this.#writtenBytes >= BULK_FROM_BYTES && this.batchBytes > 0;
  }

  /** Copies `payload` if that needs no write before; returns whether it did. */
  add(band: Band, payload: Uint8Array): boolean {
    if (this.#writing !== undefined) return false;
    if (band !== this.#band && this.#filled > 0) return false;
    if (payload.length > this.#room) return false;
    this.#band = band;
    this.#buffer.set(payload, this.#filled);
    this.#filled += payload.length;
    return true;
  }

  /** Copies `payload`, with the writes that this needs. */
  async addSlowly(band: Band, payload: Uint8Array): Promise<void> {
    for (let at = 0; at < payload.length;) {
      const part = payload.subarray(at, at + this.#room);
      if (part.length > 0 && this.add(band, part)) at += part.length;
      else await this.flush();
    }
    if (this.#room === 0) await this.flush();
  }

  /** Writes what is there, and waits for what is being written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#filled > 0) await this.#write();
  }

  /** Has what is there written soon, unless so much comes that it is at once. */
  hold(): void {
    if (this.#filled === 0 || this.#heldFrom !== undefined) return;
    this.#heldFrom = this.#writtenBytes;
    this.#timer.start(HOLD_MS);
  }

  get #room(): number {
    return this.#buffer.length - this.#filled;
  }

  #endHold(): void {
    const isNew = this.#heldFrom !== this.#writtenBytes;
    this.#heldFrom = undefined;
    if (this.#writing !== undefined) return;
    // Something else has come since, and has waited for less than this time.
    if (isNew) this.hold();
    else this.#write().catch(this.#onLateFailure);
  }

  async #write(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    this.#writtenBytes += bytes.length;
    this.#writing = this.#outputs[this.#band].write(bytes);
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
    }
  }
}

function failure(step: string, cause: unknown): GitTransportError {
  return new GitTransportError(`${step}: ${errorText(cause)}`, { cause });
}
