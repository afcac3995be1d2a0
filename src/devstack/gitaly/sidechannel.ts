/**
 * The server's end of a sidechannel: frames in, side-band packets out.
 * Source: Gitaly, internal/sidechannel; Git, gitprotocol-pack(5).
 * @module
 */
import type { ByteReader } from "../../core/io.ts";
import {
  parsePktLength,
  PKT_LENGTH_BYTES,
  PKT_LINE_BYTES_MAX,
  writePktLength,
} from "../../git/pkt_line.ts";
import {
  SIDE_BAND_HEADER_BYTES,
  SIDE_BAND_PAYLOAD_BYTES_MAX,
  type SideBand,
} from "../../git/side_band.ts";
import { YAMUX_HEADER_BYTES } from "../../gitaly/yamux_frame.ts";
import { quoteGo } from "../../core/go_text.ts";
import type { OutputSink } from "./output_sink.ts";
import type { YamuxSession } from "./yamux_session.ts";
import type { YamuxStream } from "./yamux_stream.ts";

const MAGIC = new TextEncoder().encode("sidechannel");
const ID_BYTES = 8;
const CONFIRMATION = "ok";
const latin1 = new TextDecoder("latin1");

/** A sidechannel whose client has answered. */
export interface Sidechannel {
  /** git's standard input. */
  readonly input: ByteReader;
  /** Where output of a band goes; both bands share one order. */
  sink(band: SideBand): OutputSink;
  /** Sends FIN and drops what still comes in. Idempotent. */
  close(): void;
}

/**
 * Opens the sidechannel that the call's metadata names.
 * @param session The multiplexed connection the call came in on, if it is one.
 * @param idText Last `gitaly-sidechannel-id` of the call.
 * @param timeoutMs Bound of the handshake once the stream is open.
 * @throws {Error} With the text that Gitaly puts in its status.
 */
export async function openSidechannel(
  session: YamuxSession | undefined,
  idText: string | undefined,
  timeoutMs: number,
): Promise<Sidechannel> {
  if (idText === undefined) {
    throw new Error("sidechannel-id not found in incoming metadata");
  }
  if (!session) {
    throw new Error("fail to extract mux session: non-multiplexed connection");
  }
  let stream: YamuxStream;
  try {
    stream = await session.open();
  } catch (error) {
    throw new Error(`open stream: ${(error as Error).message}`);
  }
  const input = new FrameReader(stream);
  await confirm(stream, input, { idText, timeoutMs });
  return new OpenSidechannel(stream, input);
}

async function confirm(
  stream: YamuxStream,
  input: FrameReader,
  { idText, timeoutMs }: { idText: string; timeoutMs: number },
): Promise<void> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stream.reset();
  }, timeoutMs);
  try {
    await stream.write(MAGIC);
    await stream.write(encodeId(idText));
    const answer = await input.take(CONFIRMATION.length);
    if (answer.length < CONFIRMATION.length) throw new Error("EOF");
    const text = latin1.decode(answer);
    if (text !== CONFIRMATION) {
      stream.close();
      throw new Error(`expected ok, got ${quoteGo(text)}`);
    }
  } catch (error) {
    stream.close();
    const { message } = error as Error;
    if (message.startsWith("expected ok")) throw error;
    const cause = isLate ? "i/o deadline reached" : message;
    throw new Error(`receive confirmation: ${cause}`);
  } finally {
    clearTimeout(timer);
  }
}

/** A decimal int64, big endian; what is none counts as 0, as in Gitaly. */
function encodeId(idText: string): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  const id = /^[+-]?[0-9]{1,19}$/.test(idText) ? BigInt(idText) : 0n;
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, id));
  return bytes;
}

class OpenSidechannel implements Sidechannel {
  readonly input: FrameReader;
  readonly #stream: YamuxStream;
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(stream: YamuxStream, input: FrameReader) {
    this.#stream = stream;
    this.input = input;
  }

  sink(band: SideBand): OutputSink {
    const headroomBytes = YAMUX_HEADER_BYTES + SIDE_BAND_HEADER_BYTES;
    return {
      headroomBytes,
      payloadBytesMax: SIDE_BAND_PAYLOAD_BYTES_MAX,
      write: (buffer) => {
        const packetBytes = buffer.length - YAMUX_HEADER_BYTES;
        writePktLength(buffer, YAMUX_HEADER_BYTES, packetBytes);
        buffer[headroomBytes - 1] = band;
        // One after the other: packets of two bands must not mix.
        const written = this.#lastWrite.then(() =>
          this.#stream.writeBehindHeadroom(buffer)
        );
        this.#lastWrite = written.catch(() => {});
        return written;
      },
    };
  }

  close(): void {
    this.#stream.close();
  }
}

/** Takes the client's frames apart; ends at its flush. */
export class FrameReader implements ByteReader {
  readonly #source: ByteReader;
  #chunk: Uint8Array = new Uint8Array();
  #missingBytes = 0;
  #isEnded = false;

  constructor(source: ByteReader) {
    this.#source = source;
  }

  /** Takes raw bytes in front of the first frame; fewer at the end of input. */
  async take(sizeBytes: number): Promise<Uint8Array> {
    const taken = new Uint8Array(sizeBytes);
    for (let at = 0; at < sizeBytes;) {
      if (!await this.#fill()) return taken.subarray(0, at);
      const part = this.#chunk.subarray(0, sizeBytes - at);
      taken.set(part, at);
      at += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return taken;
  }

  /** @throws {Error} If a frame is not well-formed, or the flush is missing. */
  async read(): Promise<Uint8Array | null> {
    while (this.#missingBytes === 0) {
      if (this.#isEnded) return null;
      await this.#readHeader();
    }
    if (!await this.#fill()) throw new Error("unexpected EOF");
    const payload = this.#chunk.subarray(0, this.#missingBytes);
    this.#chunk = this.#chunk.subarray(payload.length);
    this.#missingBytes -= payload.length;
    return payload;
  }

  async #readHeader(): Promise<void> {
    const header = await this.take(PKT_LENGTH_BYTES);
    if (header.length < PKT_LENGTH_BYTES) throw new Error("unexpected EOF");
    const length = parsePktLength(header, 0);
    if (length === 0) {
      this.#isEnded = true;
    } else if (length < PKT_LENGTH_BYTES || length > PKT_LINE_BYTES_MAX) {
      throw new Error(`sidechannel: invalid header ${length}`);
    } else {
      this.#missingBytes = length - PKT_LENGTH_BYTES;
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#chunk.length > 0) return true;
    const chunk = await this.#source.read();
    if (chunk) this.#chunk = chunk;
    return chunk !== null;
  }
}
