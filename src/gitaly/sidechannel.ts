/**
 * The exchange over a sidechannel: standard input goes out in length-prefixed
 * frames, the two outputs come in on side-bands.
 * Source: Gitaly 18.9, sidechannel protocol; the texts are its client's.
 * @module
 */
import { errorText, GitTransportError } from "../core/errors.ts";
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
/**
 * Output is gathered up to this size while more of it is there already: a
 * write costs a system call and a turn of the event loop.
 */
const GATHER_BYTES = 262_144;

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
    const output = pumpOutput(stream, io);
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

/** Writes the bands to the two outputs until the server ends the stream. */
async function pumpOutput(
  stream: YamuxStream,
  { stdout, stderr }: StandardStreams,
): Promise<void> {
  const decoder = new SideBandDecoder();
  const gathered = new OutputGatherer({
    [BAND_STDOUT]: stdout,
    [BAND_STDERR]: stderr,
  });
  try {
    for (;;) {
      let chunk = stream.readNow();
      if (chunk === undefined) {
        await gathered.flush();
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
  readonly #outputs: Readonly<Record<Band, ByteWriter>>;
  readonly #buffer = new Uint8Array(GATHER_BYTES);
  #filled = 0;
  #band: Band = BAND_STDOUT;

  constructor(outputs: Readonly<Record<Band, ByteWriter>>) {
    this.#outputs = outputs;
  }

  /** Copies `payload` if that needs no write before; returns whether it did. */
  add(band: Band, payload: Uint8Array): boolean {
    if (band !== this.#band && this.#filled > 0) return false;
    if (this.#filled + payload.length > GATHER_BYTES) return false;
    this.#band = band;
    this.#buffer.set(payload, this.#filled);
    this.#filled += payload.length;
    return true;
  }

  /** Copies `payload`, with the writes that this needs. */
  async addSlowly(band: Band, payload: Uint8Array): Promise<void> {
    if (band !== this.#band) await this.flush();
    for (let at = 0; at < payload.length;) {
      const room = GATHER_BYTES - this.#filled;
      const part = payload.subarray(at, at + room);
      this.add(band, part);
      at += part.length;
      if (this.#filled === GATHER_BYTES) await this.flush();
    }
  }

  /** Writes what is there. */
  async flush(): Promise<void> {
    if (this.#filled === 0) return;
    const size = this.#filled;
    this.#filled = 0;
    await this.#outputs[this.#band].write(this.#buffer.subarray(0, size));
  }
}

function failure(step: string, cause: unknown): GitTransportError {
  return new GitTransportError(`${step}: ${errorText(cause)}`, { cause });
}
