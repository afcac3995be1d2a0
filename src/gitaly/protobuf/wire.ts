/**
 * The protobuf wire format: tags, varints and length-delimited bytes. Pure.
 * Source: Protocol Buffers, encoding specification.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";

/** A varint follows. */
export const WIRE_VARINT = 0;
/** Eight bytes follow. */
export const WIRE_FIXED64 = 1;
/** A length and that many bytes follow. */
export const WIRE_BYTES = 2;
/** Four bytes follow. */
export const WIRE_FIXED32 = 5;

const VARINT_BYTES_MAX = 10;
const FIELD_NUMBER_MAX = 2 ** 29 - 1;
const TWO_TO_32 = 2 ** 32;
const encoder = new TextEncoder();

/** Reads one message from the front. Bytes that it hands out are views. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  /** Upper half of the varint read last; the lower half was returned. */
  #high = 0;

  /** Reads `bytes` from `start` to `end`; offsets of errors count from zero. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Offset of the next byte. */
  get offsetBytes(): number {
    return this.#at;
  }

  /** Whether every byte was read. */
  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /**
   * Reads a tag: field number times eight, plus the wire type.
   * @throws {ProtocolError} If the number is 0 or too large.
   */
  readTag(): number {
    const start = this.#at;
    const low = this.#readVarint();
    const field = low / 8;
    if (this.#high !== 0 || field < 1 || field >= FIELD_NUMBER_MAX + 1) {
      throw new ProtocolError("Cannot accept protobuf field number", start);
    }
    return low;
  }

  /** Reads an int32 or an enum: the low half of a varint, with its sign. */
  readInt32(): number {
    return this.#readVarint() | 0;
  }

  /**
   * Reads an int64.
   * @throws {ProtocolError} If a JavaScript number cannot hold it exactly.
   */
  readInt64(): number {
    const start = this.#at;
    const low = this.#readVarint();
    const value = (this.#high | 0) * TWO_TO_32 + low;
    if (Number.isSafeInteger(value)) return value;
    throw new ProtocolError("Cannot hold protobuf int64 beyond 2^53", start);
  }

  /**
   * Reads a length and steps over that many bytes.
   * @returns Where they begin; `offsetBytes` is where they end.
   * @throws {ProtocolError} If they are not all there.
   */
  readLength(): number {
    const lengthAt = this.#at;
    const length = this.#readVarint();
    const start = this.#at;
    if (this.#high !== 0 || length > this.#end - start) {
      throw truncated(lengthAt);
    }
    this.#at = start + length;
    return start;
  }

  /** Reads length-delimited bytes as a view. */
  readBytes(): Uint8Array {
    const start = this.readLength();
    return this.#bytes.subarray(start, this.#at);
  }

  /** Reads a length-delimited message: a reader over its bytes. */
  readMessage(): WireReader {
    const start = this.readLength();
    return new WireReader(this.#bytes, start, this.#at);
  }

  /**
   * Steps over a field that is not known.
   * @throws {ProtocolError} If the wire type is none, or a group's.
   */
  skip(wireType: number): void {
    if (wireType === WIRE_VARINT) this.#readVarint();
    else if (wireType === WIRE_BYTES) this.readLength();
    else if (wireType === WIRE_FIXED64) this.#advance(8);
    else if (wireType === WIRE_FIXED32) this.#advance(4);
    else {
      throw new ProtocolError(
        `Cannot accept protobuf wire type ${wireType}`,
        this.#at,
      );
    }
  }

  #advance(sizeBytes: number): void {
    if (sizeBytes > this.#end - this.#at) throw truncated(this.#at);
    this.#at += sizeBytes;
  }

  /** Returns the low 32 bits, unsigned; the others are left in `#high`. */
  #readVarint(): number {
    const start = this.#at;
    let low = 0;
    let high = 0;
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      if (this.#at >= this.#end) throw truncated(start);
      const byte = this.#bytes[this.#at++] ?? 0;
      const bits = byte & 0x7f;
      const shift = index * 7;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (index < VARINT_BYTES_MAX - 1) high |= bits << (shift - 32);
      // The tenth byte has room for the last of 64 bits alone.
      else if (byte > 1) break;
      else high |= bits << 31;
      if (byte < 0x80) {
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw new ProtocolError(
      "Cannot accept protobuf varint beyond 64 bit",
      start,
    );
  }
}

/** Collects the bytes of one message. */
export class WireWriter {
  #bytes: Uint8Array;
  #size = 0;

  /** @param sizeBytes First guess of the size; it grows as needed. */
  constructor(sizeBytes = 256) {
    this.#bytes = new Uint8Array(sizeBytes);
  }

  /** The bytes written so far, as a view. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Writes a field number with its wire type. */
  writeTag(field: number, wireType: number): void {
    this.#writeUnsigned(field * 8 + wireType);
  }

  /**
   * Writes an int32, int64 or enum; a negative one takes ten bytes.
   * @throws {RangeError} If it is not an integer that a number holds exactly.
   */
  writeInteger(value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(`Cannot encode ${value} as an integer`);
    }
    if (value >= 0) return this.#writeUnsigned(value);
    // Two's complement in 64 bits, seven at a time.
    let rest = BigInt.asUintN(64, BigInt(value));
    this.#reserve(VARINT_BYTES_MAX);
    for (; rest > 0x7fn; rest >>= 7n) {
      this.#bytes[this.#size++] = Number(rest & 0x7fn) | 0x80;
    }
    this.#bytes[this.#size++] = Number(rest);
  }

  /** Writes a length and the bytes. */
  writeBytes(bytes: Uint8Array): void {
    this.#writeUnsigned(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  /** Writes a length and the text as UTF-8; lone surrogates become U+FFFD. */
  writeText(text: string): void {
    this.writeBytes(encoder.encode(text));
  }

  #writeUnsigned(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#size++] = (rest % 128) | 0x80;
    }
    this.#bytes[this.#size++] = rest;
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#size + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
  }
}

function truncated(offsetBytes: number): ProtocolError {
  return new ProtocolError("Cannot decode truncated protobuf", offsetBytes);
}
