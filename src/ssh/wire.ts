/**
 * The data types of the SSH protocol. Pure: bytes in, values out and back.
 * Source: RFC 4251, section 5.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";

const UINT32_MAX = 0xffff_ffff;
const UINT64_MAX = 2n ** 64n - 1n;
const encoder = new TextEncoder();
// A byte order mark is part of a name like any other character: `\uFEFFgit` is
// not `git`.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads one message from its start; byte strings are views into it. */
export class SshReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    );
    this.#at = at;
  }

  /** Where the next value begins, counted from the start of the message. */
  get offsetBytes(): number {
    return this.#at;
  }

  /** @throws {ProtocolError} If the message ends first, as all readers here. */
  readByte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** Every value but zero is true. */
  readBool(): boolean {
    return this.readByte() !== 0;
  }

  readUint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  readUint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A string as bytes: a view, the sender's for as long as the message is. */
  readString(): Uint8Array {
    const lengthBytes = this.readUint32();
    const at = this.#take(lengthBytes);
    return this.#bytes.subarray(at, at + lengthBytes);
  }

  /** A string as text; what is not UTF-8 becomes U+FFFD. */
  readText(): string {
    return decoder.decode(this.readString());
  }

  readNameList(): string[] {
    const text = this.readText();
    return text === "" ? [] : text.split(",");
  }

  /** All bytes that are left. */
  readRest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.#bytes.length - this.#at));
  }

  /** @throws {ProtocolError} If anything is left. */
  expectEnd(): void {
    if (this.#at === this.#bytes.length) return;
    const restBytes = this.#bytes.length - this.#at;
    throw new ProtocolError(
      `Cannot accept ${restBytes} bytes after the last field`,
      this.#at,
    );
  }

  #take(sizeBytes: number): number {
    const at = this.#at;
    if (sizeBytes > this.#bytes.length - at) {
      throw new ProtocolError(
        `Cannot read ${sizeBytes} bytes of a message of ${this.#bytes.length}`,
        at,
      );
    }
    this.#at = at + sizeBytes;
    return at;
  }
}

/**
 * Builds a message value by value.
 * @example
 * ```ts
 * import { SshWriter } from "./wire.ts";
 * new SshWriter().byte(21).string("ok").bytes(); // 21, 0, 0, 0, 2, 111, 107
 * ```
 */
export class SshWriter {
  readonly #parts: Uint8Array[] = [];

  byte(value: number): this {
    return this.raw(Uint8Array.of(value));
  }

  bool(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  /** @throws {RangeError} If the value is not a 32-bit unsigned integer. */
  uint32(value: number): this {
    if (!(Number.isInteger(value) && value >= 0 && value <= UINT32_MAX)) {
      throw new RangeError(`Cannot write ${value} as uint32`);
    }
    const part = new Uint8Array(4);
    new DataView(part.buffer).setUint32(0, value);
    return this.raw(part);
  }

  /** @throws {RangeError} If the value is not a 64-bit unsigned integer. */
  uint64(value: bigint): this {
    if (value < 0n || value > UINT64_MAX) {
      throw new RangeError(`Cannot write ${value} as uint64`);
    }
    const part = new Uint8Array(8);
    new DataView(part.buffer).setBigUint64(0, value);
    return this.raw(part);
  }

  /** A length and the bytes; text is written as UTF-8. */
  string(value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? encoder.encode(value) : value;
    return this.uint32(bytes.length).raw(bytes);
  }

  nameList(names: readonly string[]): this {
    return this.string(names.join(","));
  }

  /** A positive integer, given as big-endian bytes with or without zeros. */
  mpint(magnitude: Uint8Array): this {
    return this.string(toMpint(magnitude));
  }

  /** Bytes as they are; they must not change until `bytes()`. */
  raw(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }

  /** The message so far, in a buffer of its own. */
  bytes(): Uint8Array<ArrayBuffer> {
    let sizeBytes = 0;
    for (const part of this.#parts) sizeBytes += part.length;
    const message = new Uint8Array(sizeBytes);
    let at = 0;
    for (const part of this.#parts) {
      message.set(part, at);
      at += part.length;
    }
    return message;
  }
}

/** The shortest form of a positive integer: no zeros but one before a set top bit. */
export function toMpint(magnitude: Uint8Array): Uint8Array {
  const bare = stripZeros(magnitude);
  if (((bare[0] ?? 0) & 0x80) === 0) return bare;
  const signed = new Uint8Array(bare.length + 1);
  signed.set(bare, 1);
  return signed;
}

/**
 * The magnitude of a positive integer on `sizeBytes` bytes.
 * @returns `undefined` if it needs more.
 */
export function toFixedSize(
  magnitude: Uint8Array,
  sizeBytes: number,
): Uint8Array | undefined {
  const bare = stripZeros(magnitude);
  if (bare.length > sizeBytes) return undefined;
  const fixed = new Uint8Array(sizeBytes);
  fixed.set(bare, sizeBytes - bare.length);
  return fixed;
}

/** Big-endian bytes without the zeros in front; a view. */
export function stripZeros(magnitude: Uint8Array): Uint8Array {
  const first = magnitude.findIndex((byte) => byte !== 0);
  return first < 0 ? magnitude.subarray(0, 0) : magnitude.subarray(first);
}
