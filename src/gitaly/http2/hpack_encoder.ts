/**
 * Encodes header blocks with the static table alone and without Huffman: a
 * program that makes one call has nothing to repeat, and an encoder without a
 * dynamic table cannot disagree with the peer about it.
 * Source: RFC 7541, sections 5.1, 5.2, 6 and appendix A.
 * @module
 */
import type { HeaderField } from "./hpack_table.ts";

/** How an integer begins: bits that tell what it is, and how many are left. */
interface Prefix {
  readonly pattern: number;
  readonly bits: number;
}
const NOT_INDEXED: Prefix = { pattern: 0x00, bits: 4 };
/** For values that no proxy on the way may keep in a table. */
const NEVER_INDEXED: Prefix = { pattern: 0x10, bits: 4 };
const TEXT: Prefix = { pattern: 0x00, bits: 7 };
const INDEXED = 0x80;
const TABLE_SIZE_ZERO = 0x20;
const DEFAULT_TABLE_BYTES = 4_096;
const INTEGER_BYTES_MAX = 6;

/** Names in the static table that a gRPC request has. */
const STATIC_NAMES: ReadonlyMap<string, number> = new Map([
  [":authority", 1],
  [":path", 4],
  ["authorization", 23],
  ["content-type", 31],
  ["user-agent", 58],
]);
/** Names with their value, likewise. */
const STATIC_FIELDS: ReadonlyMap<string, number> = new Map([
  [":method POST", 3],
  [":scheme http", 6],
  [":scheme https", 7],
]);

/** Encodes the header blocks of one connection, in order. */
export class HpackEncoder {
  #mustResize = false;
  #hasResized = false;

  /**
   * Takes notice of the peer's SETTINGS_HEADER_TABLE_SIZE. A limit below the
   * default must be confirmed in the next block; we confirm zero, once.
   */
  limitTable(sizeBytes: number): void {
    if (sizeBytes < DEFAULT_TABLE_BYTES && !this.#hasResized) {
      this.#mustResize = true;
    }
  }

  /** Encodes one block; text goes out as UTF-8. */
  encode(fields: readonly HeaderField[]): Uint8Array {
    const block = new BlockWriter();
    if (this.#mustResize) {
      block.writeByte(TABLE_SIZE_ZERO);
      this.#mustResize = false;
      this.#hasResized = true;
    }
    for (const [name, value] of fields) block.writeField(name, value);
    return block.finish();
  }
}

/** The bytes of one block. */
class BlockWriter {
  readonly #encoder = new TextEncoder();
  #bytes = new Uint8Array(512);
  #size = 0;

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  writeField(name: string, value: string): void {
    const known = STATIC_FIELDS.get(`${name} ${value}`);
    if (known !== undefined) return this.writeByte(INDEXED | known);
    const kind = name === "authorization" ? NEVER_INDEXED : NOT_INDEXED;
    const nameIndex = STATIC_NAMES.get(name) ?? 0;
    this.#writeInteger(kind, nameIndex);
    if (nameIndex === 0) this.#writeText(name);
    this.#writeText(value);
  }

  writeByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#size++] = byte;
  }

  #writeText(text: string): void {
    const bytes = this.#encoder.encode(text);
    this.#writeInteger(TEXT, bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  #writeInteger({ pattern, bits }: Prefix, value: number): void {
    this.#reserve(INTEGER_BYTES_MAX);
    const prefixMax = (1 << bits) - 1;
    if (value < prefixMax) {
      this.#bytes[this.#size++] = pattern | value;
      return;
    }
    this.#bytes[this.#size++] = pattern | prefixMax;
    let rest = value - prefixMax;
    for (; rest > 0x7f; rest >>>= 7) {
      this.#bytes[this.#size++] = (rest & 0x7f) | 0x80;
    }
    this.#bytes[this.#size++] = rest;
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#size + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.finish());
    this.#bytes = larger;
  }
}
