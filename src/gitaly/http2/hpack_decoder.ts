/**
 * Decodes header blocks. Pure but for the dynamic table, which lives as long
 * as the connection.
 * Source: RFC 7541, sections 3, 5 and 6.
 * @module
 */
import { ProtocolError } from "../../core/errors.ts";
import {
  DynamicTable,
  entryBytes,
  type HeaderField,
  STATIC_TABLE,
} from "./hpack_table.ts";
import { decodeHuffman } from "./huffman.ts";

const INTEGER_MAX = 2 ** 28;
const CHARS_PER_CALL = 8_192;

/** What a decoder may spend. */
export interface HpackLimits {
  /** Our SETTINGS_HEADER_TABLE_SIZE. */
  readonly tableBytesMax: number;
  /** Most that one block may make: names, values and 32 for each. */
  readonly listBytesMax: number;
}

/** The headers of one block. */
export interface HeaderList {
  readonly fields: readonly HeaderField[];
  /** Whether the list was larger than allowed and its end is missing. */
  readonly isTruncated: boolean;
}

/** Decodes the header blocks of one connection, in order. */
export class HpackDecoder {
  readonly #limits: HpackLimits;
  readonly #table: DynamicTable;
  #block = new Uint8Array(0) as Uint8Array;
  #at = 0;

  constructor(limits: HpackLimits) {
    this.#limits = limits;
    this.#table = new DynamicTable(limits.tableBytesMax);
  }

  /** What the dynamic table holds now. */
  get tableBytes(): number {
    return this.#table.sizeBytes;
  }

  /**
   * Decodes one block, which must be whole. A list beyond the limit is read
   * to its end all the same, for the sake of the table.
   * @throws {ProtocolError} If the block is no HPACK; the connection is lost then.
   */
  decode(block: Uint8Array): HeaderList {
    this.#block = block;
    this.#at = 0;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    for (let isFirst = true; this.#at < block.length;) {
      const field = this.#readField(isFirst);
      if (field === undefined) continue;
      isFirst = false;
      listBytes += entryBytes(field);
      if (listBytes <= this.#limits.listBytesMax) fields.push(field);
    }
    const isTruncated = listBytes > this.#limits.listBytesMax;
    return { fields, isTruncated };
  }

  /** @returns Nothing for a change of the table's size. */
  #readField(mayResize: boolean): HeaderField | undefined {
    const start = this.#at;
    const first = this.#block[start] ?? 0;
    if (first & 0x80) return this.#lookUp(this.#readInteger(7), start);
    if (first & 0x40) {
      const field = this.#readLiteral(6);
      this.#table.add(field);
      return field;
    }
    if (first & 0x20) {
      const bytesMax = this.#readInteger(5);
      if (!mayResize || bytesMax > this.#limits.tableBytesMax) {
        throw new ProtocolError("Cannot accept header table size", start);
      }
      this.#table.resize(bytesMax);
      return undefined;
    }
    // Without indexing or never to be indexed: the same to a client.
    return this.#readLiteral(4);
  }

  #readLiteral(prefixBits: number): HeaderField {
    const start = this.#at;
    const index = this.#readInteger(prefixBits);
    const name = index === 0 ? this.#readText() : this.#lookUp(index, start)[0];
    return [name, this.#readText()];
  }

  #lookUp(index: number, offsetBytes: number): HeaderField {
    const field = STATIC_TABLE[index - 1] ??
      this.#table.get(index - 1 - STATIC_TABLE.length);
    if (field) return field;
    throw new ProtocolError(`Cannot find header ${index}`, offsetBytes);
  }

  #readInteger(prefixBits: number): number {
    const start = this.#at;
    const prefixMax = (1 << prefixBits) - 1;
    let value = this.#readByte() & prefixMax;
    if (value < prefixMax) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#readByte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80 && value <= INTEGER_MAX) return value;
    }
    throw new ProtocolError("Cannot accept header integer", start);
  }

  #readText(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#readInteger(7);
    const start = this.#at;
    if (length > this.#block.length - start) throw truncated(start);
    this.#at += length;
    const bytes = this.#block.subarray(start, this.#at);
    return textOf(isHuffman ? decodeHuffman(bytes) : bytes);
  }

  #readByte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw truncated(this.#at);
    this.#at++;
    return byte;
  }
}

/** One character per byte. TextDecoder's "latin1" is windows-1252. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHARS_PER_CALL) {
    const part = bytes.subarray(at, at + CHARS_PER_CALL);
    text += String.fromCharCode(...part);
  }
  return text;
}

function truncated(offsetBytes: number): ProtocolError {
  return new ProtocolError("Cannot decode truncated header", offsetBytes);
}
