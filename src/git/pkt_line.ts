/**
 * Git pkt-lines: four hexadecimal digits that count themselves and what
 * follows. Pure: bytes in, packets out; the caller owns the stream.
 * Source: Git, gitprotocol-common(5), "pkt-line Format".
 * @module
 */
import { ProtocolError } from "../core/errors.ts";

/** Largest packet, its four digits included. */
export const PKT_LINE_BYTES_MAX = 65_520;
/** Digits in front of every packet. */
export const PKT_LENGTH_BYTES = 4;
/** Largest payload of one packet. */
export const PKT_PAYLOAD_BYTES_MAX = PKT_LINE_BYTES_MAX - PKT_LENGTH_BYTES;

/** What the lengths below four stand for. */
export const PKT_MARKERS = ["flush", "delim", "response_end"] as const;
/** A packet that is a sign and carries nothing. */
export type PktMarker = typeof PKT_MARKERS[number];

/** One packet; `payload` is a view into the input, `sizeBytes` what it took of it. */
export interface PktLine {
  readonly kind: "data" | PktMarker;
  readonly payload: Uint8Array;
  readonly sizeBytes: number;
}

const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const LETTER_UPPER_A = 0x41;
const LETTER_LOWER_A = 0x61;
const LETTER_LOWER_F = 0x66;
/** Turns an upper-case ASCII letter into the lower-case one. */
const CASE_BIT = 0x20;

/**
 * Reads the packet at the start of `buffer`.
 * @param buffer Bytes received so far, any number.
 * @returns The packet, or `undefined` if more bytes are needed.
 * @throws {ProtocolError} If the length is not hexadecimal, 3, or too large.
 * @example
 * ```ts
 * import { decodePktLine } from "./pkt_line.ts";
 * decodePktLine(new TextEncoder().encode("0000"))?.kind; // "flush"
 * ```
 */
export function decodePktLine(buffer: Uint8Array): PktLine | undefined {
  if (buffer.length < PKT_LENGTH_BYTES) return undefined;
  const length = parsePktLength(buffer, 0);
  const marker = PKT_MARKERS[length];
  const sizeBytes = marker === undefined ? length : PKT_LENGTH_BYTES;
  // Judged before the rest is there: a hostile length must not fill memory.
  if (sizeBytes < PKT_LENGTH_BYTES || sizeBytes > PKT_LINE_BYTES_MAX) {
    const digits = String.fromCharCode(...buffer.subarray(0, PKT_LENGTH_BYTES));
    const shown = JSON.stringify(digits);
    throw new ProtocolError(`Cannot accept pkt-line length ${shown}`, 0);
  }
  if (buffer.length < sizeBytes) return undefined;
  const payload = buffer.subarray(PKT_LENGTH_BYTES, sizeBytes);
  return { kind: marker ?? "data", payload, sizeBytes };
}

/**
 * Reads the four digits at `offset`, upper or lower case.
 * @param bytes At least four bytes from `offset` on.
 * @returns 0 to 65535, or -1 if one of them is no hexadecimal digit.
 */
export function parsePktLength(bytes: Uint8Array, offset: number): number {
  let length = 0;
  for (let at = offset; at < offset + PKT_LENGTH_BYTES; at++) {
    const digit = hexDigitValue(bytes[at] ?? 0);
    if (digit < 0) return -1;
    length = length << 4 | digit;
  }
  return length;
}

/** Writes `length` as four lower-case digits at `offset`. */
export function writePktLength(
  target: Uint8Array,
  offset: number,
  length: number,
): void {
  for (let digit = 0; digit < PKT_LENGTH_BYTES; digit++) {
    const value = length >> 4 * (PKT_LENGTH_BYTES - 1 - digit) & 0xf;
    target[offset + digit] = value < 10
      ? DIGIT_ZERO + value
      : LETTER_LOWER_A + value - 10;
  }
}

/**
 * Makes one packet of `payload`.
 * @returns New bytes; `payload` is copied.
 * @throws {RangeError} If it does not fit into one packet.
 * @example
 * ```ts
 * import { encodePktLine } from "./pkt_line.ts";
 * encodePktLine(new TextEncoder().encode("done\n")); // "0009done\n"
 * ```
 */
export function encodePktLine(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length > PKT_PAYLOAD_BYTES_MAX) {
    throw new RangeError(
      `Cannot put ${payload.length} bytes into one pkt-line: the limit is ${PKT_PAYLOAD_BYTES_MAX}`,
    );
  }
  const packet = new Uint8Array(PKT_LENGTH_BYTES + payload.length);
  writePktLength(packet, 0, packet.length);
  packet.set(payload, PKT_LENGTH_BYTES);
  return packet;
}

/** Makes the packet that is only a sign: `0000`, `0001` or `0002`. */
export function encodePktMarker(marker: PktMarker): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(PKT_LENGTH_BYTES);
  writePktLength(packet, 0, PKT_MARKERS.indexOf(marker));
  return packet;
}

function hexDigitValue(byte: number): number {
  if (byte >= DIGIT_ZERO && byte <= DIGIT_NINE) return byte - DIGIT_ZERO;
  const letter = byte | CASE_BIT;
  if (byte < LETTER_UPPER_A || letter > LETTER_LOWER_F) return -1;
  return letter >= LETTER_LOWER_A ? letter - LETTER_LOWER_A + 10 : -1;
}
