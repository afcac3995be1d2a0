/**
 * Reads a connection by lines and by counts, holding no more than it must.
 * @module
 */
import type { Socket } from "../socket.ts";

const READ_BYTES = 65_536;
const CR_LF_CR_LF = [0x0d, 0x0a, 0x0d, 0x0a] as const;
const LINE_FEED = 0x0a;
const latin1 = new TextDecoder("latin1");

/** The incoming half of a connection. */
export class BufferedInput {
  readonly #socket: Socket;
  #held: Uint8Array = new Uint8Array();
  /** Read into again and again while nothing is held. */
  #buffer = new Uint8Array();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Reads until an empty line, which is not returned.
   * @returns Bytes as Latin-1 text; `undefined` if the peer ends before it.
   * @throws {RangeError} If more than `bytesMax` come without one.
   */
  async readHead(bytesMax: number): Promise<string | undefined> {
    for (;;) {
      const end = indexOfBlankLine(this.#held);
      if (end >= 0) return this.#takeText(end, CR_LF_CR_LF.length);
      this.#checkBound(bytesMax);
      if (!await this.#more()) return undefined;
    }
  }

  /** Reads one line, its end cut off. @throws {RangeError} As `readHead`. */
  async readLine(bytesMax: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#held.indexOf(LINE_FEED);
      if (end >= 0) return this.#takeText(end, 1).replace(/\r$/, "");
      this.#checkBound(bytesMax);
      if (!await this.#more()) return undefined;
    }
  }

  /**
   * Reads at least one and at most `bytesMax` bytes, valid until the next read.
   * @returns `null` at the end.
   */
  async read(bytesMax: number): Promise<Uint8Array | null> {
    const wantedBytes = Math.max(READ_BYTES, bytesMax);
    if (this.#held.length === 0 && !await this.#more(wantedBytes)) return null;
    const taken = this.#held.subarray(0, bytesMax);
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  #takeText(sizeBytes: number, extraBytes: number): string {
    const text = latin1.decode(this.#held.subarray(0, sizeBytes));
    this.#held = this.#held.subarray(sizeBytes + extraBytes);
    return text;
  }

  #checkBound(bytesMax: number): void {
    if (this.#held.length <= bytesMax) return;
    throw new RangeError(`Cannot accept more than ${bytesMax} bytes here`);
  }

  /** Room for what is held and as much more. */
  #bufferFor(readBytes: number): Uint8Array {
    if (this.#held.length > 0) {
      return new Uint8Array(this.#held.length + readBytes);
    }
    if (this.#buffer.length < readBytes) {
      this.#buffer = new Uint8Array(readBytes);
    }
    return this.#buffer;
  }

  async #more(readBytes = READ_BYTES): Promise<boolean> {
    const buffer = this.#bufferFor(readBytes);
    buffer.set(this.#held);
    const sizeBytes = await this.#socket.read(
      buffer.subarray(this.#held.length),
    );
    if (sizeBytes === null) return false;
    this.#held = buffer.subarray(0, this.#held.length + sizeBytes);
    return true;
  }
}

function indexOfBlankLine(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(CR_LF_CR_LF[0]); at >= 0;) {
    if (CR_LF_CR_LF.every((byte, offset) => bytes[at + offset] === byte)) {
      return at;
    }
    at = bytes.indexOf(CR_LF_CR_LF[0], at + 1);
  }
  return -1;
}
