/**
 * Git's side-band-64k: pkt-lines whose first byte says which output the rest
 * belongs to. The decoder hands payload on as it arrives, whole packet or not,
 * because packet boundaries mean nothing. Pure: no stream is touched.
 * Source: Git, gitprotocol-pack(5), "side-band, side-band-64k"; the fault texts
 * are those of Gitaly's client, which its users see.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import {
  parsePktLength,
  PKT_LENGTH_BYTES,
  PKT_LINE_BYTES_MAX,
  writePktLength,
} from "./pkt_line.ts";

/** Number of a band: 1 is standard output, 2 standard error. */
export type SideBand = typeof BAND_STDOUT | typeof BAND_STDERR;
/** Standard output. */
export const BAND_STDOUT = 1;
/** Standard error. */
export const BAND_STDERR = 2;

/** Digits and band byte in front of every payload. */
export const SIDE_BAND_HEADER_BYTES = PKT_LENGTH_BYTES + 1;
/** Largest payload of one packet. */
export const SIDE_BAND_PAYLOAD_BYTES_MAX = PKT_LINE_BYTES_MAX -
  SIDE_BAND_HEADER_BYTES;

const NOTHING = new Uint8Array(0);

/**
 * Takes a stream of side-band packets apart, however it was cut into chunks.
 * @example
 * ```ts
 * import { SideBandDecoder } from "./side_band.ts";
 * const decoder = new SideBandDecoder();
 * decoder.feed(new TextEncoder().encode("0006\x01a"));
 * while (decoder.next()) console.log(decoder.band, decoder.payload);
 * decoder.end();
 * ```
 */
export class SideBandDecoder {
  /** Band of `payload`, after `next` returned `true`. */
  band: SideBand = BAND_STDOUT;
  /** Payload, or a part of it: a view into the chunk that was fed. */
  payload: Uint8Array = NOTHING;

  readonly #header = new Uint8Array(SIDE_BAND_HEADER_BYTES);
  #headerFilled = 0;
  /** Payload bytes of the packet under way that have not arrived. */
  #missing = 0;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  /** Stream position of the chunk's first byte. */
  #chunkStart = 0;

  /**
   * Lays the next chunk in; the one before must have been read to its end.
   * @throws {TypeError} If it was not.
   */
  feed(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      throw new TypeError("Cannot feed a chunk while another one is not read");
    }
    this.#chunkStart += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * Moves on to the next piece of payload in the chunk.
   * @returns Whether there was one; `band` and `payload` then describe it.
   * @throws {ProtocolError} If a packet has no band, another band than 1 or 2,
   * or a length that cannot be.
   */
  next(): boolean {
    const chunk = this.#chunk;
    while (this.#at < chunk.length) {
      if (this.#missing === 0 && !this.#readHeader()) break;
      const size = Math.min(this.#missing, chunk.length - this.#at);
      if (size === 0) continue;
      this.payload = chunk.subarray(this.#at, this.#at + size);
      this.#at += size;
      this.#missing -= size;
      return true;
    }
    this.payload = NOTHING;
    return false;
  }

  /**
   * Says that no more bytes come.
   * @throws {ProtocolError} If a packet is not complete.
   */
  end(): void {
    const have = this.#headerFilled;
    if (have > 0 && have < PKT_LENGTH_BYTES) {
      const shown = quoteBytes(this.#header.subarray(0, have));
      throw this.#fault(
        `pktLineSplitter: incomplete length prefix on ${shown}`,
      );
    }
    if (have > 0 || this.#missing > 0) throw this.#fault("unexpected EOF");
  }

  /** Collects digits and band; returns whether both are complete. */
  #readHeader(): boolean {
    const chunk = this.#chunk;
    const header = this.#header;
    while (this.#headerFilled < SIDE_BAND_HEADER_BYTES) {
      // A packet that ends with its digits has no band to wait for.
      if (this.#headerFilled === PKT_LENGTH_BYTES) this.#checkLength();
      if (this.#at === chunk.length) return false;
      header[this.#headerFilled++] = chunk[this.#at++] ?? 0;
    }
    const band = header[PKT_LENGTH_BYTES];
    if (band !== BAND_STDOUT && band !== BAND_STDERR) {
      throw this.#fault(`unexpected band: ${band}`);
    }
    this.band = band;
    this.#headerFilled = 0;
    this.#missing = parsePktLength(header, 0) - SIDE_BAND_HEADER_BYTES;
    return true;
  }

  #checkLength(): void {
    const length = parsePktLength(this.#header, 0);
    if (length >= SIDE_BAND_HEADER_BYTES && length <= PKT_LINE_BYTES_MAX) {
      return;
    }
    const shown = quoteBytes(this.#header.subarray(0, PKT_LENGTH_BYTES));
    if (length < 0) {
      throw this.#fault(
        `pktLineSplitter: decode length: strconv.ParseInt: parsing ${shown}: invalid syntax`,
      );
    }
    if (length < SIDE_BAND_HEADER_BYTES) {
      throw this.#fault(`invalid sideband packet: ${shown}`);
    }
    throw this.#fault(`pktLineSplitter: invalid length: ${length}`);
  }

  #fault(message: string): ProtocolError {
    return new ProtocolError(message, this.#chunkStart + this.#at);
  }
}

/**
 * Makes one packet of `payload`.
 * @returns New bytes; `payload` is copied.
 * @throws {RangeError} If it does not fit into one packet.
 */
export function encodeSideBandPacket(
  band: SideBand,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (payload.length > SIDE_BAND_PAYLOAD_BYTES_MAX) {
    throw new RangeError(
      `Cannot put ${payload.length} bytes into one side-band packet: the limit is ${SIDE_BAND_PAYLOAD_BYTES_MAX}`,
    );
  }
  const packet = new Uint8Array(SIDE_BAND_HEADER_BYTES + payload.length);
  writePktLength(packet, 0, packet.length);
  packet[PKT_LENGTH_BYTES] = band;
  packet.set(payload, SIDE_BAND_HEADER_BYTES);
  return packet;
}

/** Quotes bytes as Go does: what is not UTF-8 as `\xff`. */
function quoteBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += byte < 0x80
      ? quoteGo(String.fromCharCode(byte)).slice(1, -1)
      : `\\x${byte.toString(16)}`;
  }
  return `"${text}"`;
}
