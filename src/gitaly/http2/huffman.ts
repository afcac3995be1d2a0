/**
 * The Huffman code of HPACK, decoding only: a client of four calls saves
 * nothing by encoding with it. Pure.
 * Source: RFC 7541, section 5.2 and appendix B. The code is canonical, so the
 * lengths alone define it.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";

/** Length in bits of each symbol's code, 0 to 255 and end of string, base 36. */
const LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";
const DIGIT_0 = 48;
const LETTER_A = 97;
const LENGTH_BITS_MAX = 30;
const END_OF_STRING = 256;

/** The code, sorted for decoding. */
interface Code {
  /** Symbols by length, then by number. */
  readonly symbols: Uint16Array;
  /** By length: code of the first symbol of that length. */
  readonly first: Int32Array;
  /** By length: how many symbols have it. */
  readonly count: Int32Array;
  /** By length: where its symbols begin in `symbols`. */
  readonly start: Int32Array;
}

let sorted: Code | undefined;

/**
 * Decodes a Huffman string.
 * @throws {ProtocolError} If it has the end of string, or padding that is
 * longer than seven bits or not all ones.
 */
export function decodeHuffman(bytes: Uint8Array): Uint8Array {
  // Sorted at first use: a server that answers in plain text never pays.
  const { symbols, first, count, start } = sorted ??= sortCode();
  // No code is shorter than five bits.
  const decoded = new Uint8Array(Math.floor(bytes.length * 8 / 5));
  let size = 0;
  let code = 0;
  let bits = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      bits++;
      const index = code - (first[bits] ?? 0);
      if (index >= (count[bits] ?? 0)) continue;
      const symbol = symbols[(start[bits] ?? 0) + index] ?? END_OF_STRING;
      if (symbol === END_OF_STRING) {
        throw new ProtocolError("Cannot accept end of string in Huffman", at);
      }
      decoded[size++] = symbol;
      code = 0;
      bits = 0;
    }
  }
  if (bits > 7 || code !== (1 << bits) - 1) {
    throw new ProtocolError("Cannot accept Huffman padding", bytes.length);
  }
  return decoded.subarray(0, size);
}

function sortCode(): Code {
  const count = new Int32Array(LENGTH_BITS_MAX + 1);
  const lengths = new Uint8Array(LENGTHS.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const digit = LENGTHS.charCodeAt(symbol);
    const length = digit - (digit < LETTER_A ? DIGIT_0 : LETTER_A - 10);
    lengths[symbol] = length;
    count[length] = (count[length] ?? 0) + 1;
  }
  const first = new Int32Array(LENGTH_BITS_MAX + 1);
  const start = new Int32Array(LENGTH_BITS_MAX + 1);
  for (let bits = 1; bits <= LENGTH_BITS_MAX; bits++) {
    const shorter = count[bits - 1] ?? 0;
    first[bits] = ((first[bits - 1] ?? 0) + shorter) << 1;
    start[bits] = (start[bits - 1] ?? 0) + shorter;
  }
  const next = start.slice();
  const symbols = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] ?? 0;
    const at = next[length] ?? 0;
    symbols[at] = symbol;
    next[length] = at + 1;
  }
  return { symbols, first, count, start };
}
