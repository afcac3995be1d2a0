/**
 * Reads a client's packets: texts, lists of texts, and the data of objects,
 * which is passed on as it comes. Takes what Go's reader takes, which is less
 * strict than Git's.
 * Source: git-lfs/pktline as GitLab Shell 14.56.1 has it; Go, strconv.ParseInt.
 * @module
 */
import { quoteGo } from "../../core/go_text.ts";
import type { ByteReader } from "../../core/io.ts";
import { parsePktLength, PKT_LENGTH_BYTES } from "../../git/pkt_line.ts";

/** Bytes on the wire that are no packet; the message is Go's. */
export class PacketFault extends Error {
  override name = "PacketFault";
}

/** One packet in a place where text is expected; its line end is cut off. */
export interface TextPacket {
  readonly kind: "end" | "flush" | "delim" | "text";
  /** Empty but for a text. */
  readonly text: string;
}

/** Bytes of one list, a few thousand times what a client sends. */
export const LIST_BYTES_MAX = 8 * 1024 * 1024;
/** Packets of one list; git-lfs puts 100 objects into a batch. */
export const LIST_PACKETS_MAX = 50_000;

const LF = 0x0a;
const EMPTY = new Uint8Array(0);
const SIGNED_HEX = /^[+-]?[0-9a-f]+$/i;
// `ignoreBOM` keeps the mark, which Go does not know.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads one session's standard input. */
export class PacketReader {
  readonly #source: ByteReader;
  /** Read and not used yet; the source's until its next read. */
  #chunk: Uint8Array = EMPTY;
  readonly #digits = new Uint8Array(PKT_LENGTH_BYTES);
  /** Bytes of the present data packet that are still to come. */
  #dataBytes = 0;

  constructor(source: ByteReader) {
    this.#source = source;
  }

  /**
   * Waits for a packet of text.
   * @throws {PacketFault} If the next bytes are none; reading goes on behind.
   */
  async readText(): Promise<TextPacket> {
    const length = await this.#readLength();
    if (length === undefined) return { kind: "end", text: "" };
    if (length === 0) return { kind: "flush", text: "" };
    if (length === 1) return { kind: "delim", text: "" };
    const payload = await this.#readPayload(length - PKT_LENGTH_BYTES);
    const hasLf = payload.at(-1) === LF;
    const text = decoder.decode(hasLf ? payload.subarray(0, -1) : payload);
    return { kind: "text", text };
  }

  /**
   * Reads texts up to a marker; the other marker counts as an empty text.
   * @throws {PacketFault} Also at the end of input, as `EOF`.
   * @throws {Error} If the list is longer than anybody needs.
   */
  async readList(end: "flush" | "delim"): Promise<string[]> {
    const list: string[] = [];
    let sizeBytes = 0;
    for (;;) {
      const { kind, text } = await this.readText();
      if (kind === end) return list;
      if (kind === "end") throw new PacketFault("EOF");
      sizeBytes += text.length;
      if (list.length >= LIST_PACKETS_MAX || sizeBytes > LIST_BYTES_MAX) {
        throw new Error("Too many arguments for one command");
      }
      list.push(text);
    }
  }

  /**
   * Waits for more of an object's data.
   * @returns A view until the next read; `null` behind the last packet, which
   * a marker, a packet without payload or the end of input makes.
   * @throws {PacketFault} As `readText` does.
   */
  async readData(): Promise<Uint8Array | null> {
    if (this.#dataBytes === 0) {
      const length = await this.#readLength();
      if (length === undefined || length <= PKT_LENGTH_BYTES) return null;
      this.#dataBytes = length - PKT_LENGTH_BYTES;
    }
    if (!await this.#fill()) {
      // A packet that was cut short counts as a shorter one.
      this.#dataBytes = 0;
      return null;
    }
    const piece = this.#take(this.#dataBytes);
    this.#dataBytes -= piece.length;
    return piece;
  }

  /** Passes over data to its end, faults included. */
  async skipData(): Promise<void> {
    try {
      while (await this.readData() !== null) continue;
    } catch (error) {
      if (!(error instanceof PacketFault)) throw error;
    }
  }

  /** @returns 0, 1, or 4 and more; `undefined` at the end of input. */
  async #readLength(): Promise<number | undefined> {
    const digits = this.#digits;
    for (let have = 0; have < PKT_LENGTH_BYTES;) {
      if (!await this.#fill()) {
        if (have === 0) return undefined;
        throw new PacketFault("unexpected EOF");
      }
      const piece = this.#take(PKT_LENGTH_BYTES - have);
      digits.set(piece, have);
      have += piece.length;
    }
    let length = parsePktLength(digits, 0);
    if (length < 0) length = parseGoHex(digits);
    if (length < 0 || length === 2 || length === 3) {
      throw new PacketFault("Invalid packet length.");
    }
    return length;
  }

  async #readPayload(sizeBytes: number): Promise<Uint8Array> {
    if (this.#chunk.length >= sizeBytes) return this.#take(sizeBytes);
    const payload = new Uint8Array(sizeBytes);
    for (let have = 0; have < sizeBytes;) {
      if (!await this.#fill()) return payload.subarray(0, have);
      const piece = this.#take(sizeBytes - have);
      payload.set(piece, have);
      have += piece.length;
    }
    return payload;
  }

  #take(sizeBytesMax: number): Uint8Array {
    const piece = this.#chunk.subarray(0, sizeBytesMax);
    this.#chunk = this.#chunk.subarray(piece.length);
    return piece;
  }

  /** Sees to it that there is a byte. @returns Whether there is one. */
  async #fill(): Promise<boolean> {
    if (this.#chunk.length > 0) return true;
    const chunk = await this.#source.read();
    if (chunk === null) return false;
    this.#chunk = chunk;
    return true;
  }
}

/** What Go reads besides plain digits: a sign. */
function parseGoHex(digits: Uint8Array): number {
  const text = String.fromCharCode(...digits);
  if (SIGNED_HEX.test(text)) return parseInt(text, 16);
  throw new PacketFault(
    `strconv.ParseInt: parsing ${quoteBytes(digits)}: invalid syntax`,
  );
}

/** Quotes bytes as Go does where they are no UTF-8. */
function quoteBytes(bytes: Uint8Array): string {
  const inner = Array.from(
    bytes,
    (byte) =>
      byte < 0x80
        ? quoteGo(String.fromCharCode(byte)).slice(1, -1)
        : `\\x${byte.toString(16)}`,
  );
  return `"${inner.join("")}"`;
}
