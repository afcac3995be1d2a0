/**
 * HTTP/1.1 responses from bytes that arrive in pieces. Pure: the caller owns
 * the connection.
 * Source: RFC 9112, sections 4 to 7; RFC 9110, section 15.2 (1xx).
 * @module
 */
import { decodeAscii } from "../core/ascii.ts";
import { ProtocolError } from "../core/errors.ts";
import { isFieldValue } from "./http1_request.ts";

/** Status lines and header lines of one response, interim ones included. */
export const HEAD_BYTES_MAX = 64 * 1024;
/** One header line, chunk-size line or trailer line. */
export const LINE_BYTES_MAX = 16 * 1024;
/** Header lines of one head, and trailer lines of one body. */
export const HEADER_LINES_MAX = 256;
/** Interim responses before the real one; Go's number. */
export const INTERIM_HEADS_MAX = 5;

const LF = 0x0a;
const CR = 0x0d;
let decoder: TextDecoder | undefined;

/** Status line and header lines. */
export interface ResponseHead {
  readonly status: number;
  /** Values by lower-case name, in the order in which they came. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Bytes of the body as sent; `undefined` if only its end will tell. */
  readonly contentLength: number | undefined;
}

type State =
  | "status"
  | "headers"
  | "length"
  | "until_close"
  | "chunk_size"
  | "chunk_data"
  | "chunk_end"
  | "trailers"
  | "done";

/** Decodes the one response of a connection that is not used again. */
export class ResponseDecoder {
  #state: State = "status";
  #head: ResponseHead | undefined;
  #line: Uint8Array = new Uint8Array(0);
  #offsetBytes = 0;
  #headBytes = 0;
  #interimHeads = 0;
  #version = "";
  #status = 0;
  #headers = new Map<string, string[]>();
  #headerLines = 0;
  /** Bytes that the body, or the present chunk, still lacks. */
  #restBytes = 0;

  /** The head of the final response, once it is complete. */
  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** Whether the whole response has been seen; what follows is ignored. */
  get isComplete(): boolean {
    return this.#state === "done";
  }

  /**
   * Takes the next bytes.
   * @returns Pieces of the body among them, as views into `bytes`.
   * @throws {ProtocolError} If they are not what HTTP allows here.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const body: Uint8Array[] = [];
    for (let rest = bytes; rest.length > 0 && this.#state !== "done";) {
      const taken = this.#isInData
        ? this.#takeData(rest, body)
        : this.#takeLine(rest);
      this.#offsetBytes += taken;
      rest = rest.subarray(taken);
    }
    return body;
  }

  /**
   * Says that the connection has ended.
   * @throws {ProtocolError} If the response is not complete.
   */
  finish(): void {
    if (this.#state === "until_close") this.#state = "done";
    if (this.#state !== "done") this.#fail("Response ended early");
  }

  get #isInData(): boolean {
    return this.#state === "length" || this.#state === "chunk_data" ||
      this.#state === "until_close";
  }

  #takeData(bytes: Uint8Array, body: Uint8Array[]): number {
    if (this.#state === "until_close") {
      body.push(bytes);
      return bytes.length;
    }
    const piece = bytes.subarray(0, this.#restBytes);
    body.push(piece);
    this.#restBytes -= piece.length;
    if (this.#restBytes === 0) {
      this.#state = this.#state === "length" ? "done" : "chunk_end";
    }
    return piece.length;
  }

  #takeLine(bytes: Uint8Array): number {
    const end = bytes.indexOf(LF);
    const piece = end < 0 ? bytes : bytes.subarray(0, end + 1);
    if (this.#line.length + piece.length > LINE_BYTES_MAX) {
      this.#fail("Line of the response is too long");
    }
    if (this.#head === undefined) {
      this.#headBytes += piece.length;
      if (this.#headBytes > HEAD_BYTES_MAX) {
        this.#fail("Head of the response is too long");
      }
    }
    const line = this.#line.length === 0 ? piece : join(this.#line, piece);
    // Kept bytes are copied: the view is valid for this call only.
    this.#line = end < 0 ? line.slice() : new Uint8Array(0);
    if (end >= 0) this.#acceptLine(line);
    return piece.length;
  }

  /** Judges one line, its end included. */
  #acceptLine(line: Uint8Array): void {
    const hasCr = line.at(-2) === CR;
    const text = decodeLine(line.subarray(0, hasCr ? -2 : -1));
    switch (this.#state) {
      case "status":
        return this.#acceptStatusLine(text);
      case "headers":
        return this.#acceptHeaderLine(text);
      case "trailers":
        // Nothing of a trailer is used; it is only counted and passed over.
        if (text === "") this.#state = "done";
        else this.#countHeaderLine();
        return;
      default:
        // Go takes a bare LF in a head. In a body nobody sends one by mistake.
        if (!hasCr) this.#fail("Chunk does not end with CRLF");
        return this.#acceptChunkLine(text);
    }
  }

  #acceptStatusLine(text: string): void {
    const [, version = "", status = ""] =
      /^HTTP\/(1\.[01]) ([1-9][0-9]{2})(?: |$)/.exec(text) ?? [];
    if (version === "" || !isFieldValue(text)) this.#fail("No status line");
    this.#version = version;
    this.#status = Number(status);
    this.#headers = new Map();
    this.#headerLines = 0;
    this.#state = "headers";
  }

  #acceptHeaderLine(text: string): void {
    if (text === "") return this.#endHead();
    this.#countHeaderLine();
    // A line that begins with a blank would continue the one before: such
    // folding is where two readers of one response begin to differ.
    const [, name = "", value = ""] =
      /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/s.exec(text) ?? [];
    if (name === "" || !isFieldValue(value)) this.#fail("No header line");
    const key = name.toLowerCase();
    const values = this.#headers.get(key);
    if (values) values.push(value);
    else this.#headers.set(key, [value]);
  }

  #countHeaderLine(): void {
    this.#headerLines++;
    if (this.#headerLines > HEADER_LINES_MAX) this.#fail("Too many headers");
  }

  #endHead(): void {
    if (this.#status === 101) this.#fail("Protocol switched unasked");
    if (this.#status < 200) {
      this.#interimHeads++;
      if (this.#interimHeads > INTERIM_HEADS_MAX) {
        this.#fail("Too many interim responses");
      }
      this.#state = "status";
      return;
    }
    const contentLength = this.#chooseFraming();
    this.#head = {
      status: this.#status,
      headers: this.#headers,
      contentLength,
    };
  }

  /** Decides how the body ends. @returns Its length, if known. */
  #chooseFraming(): number | undefined {
    if (this.#status === 204 || this.#status === 304) {
      this.#state = "done";
      return 0;
    }
    const codings = this.#headers.get("transfer-encoding");
    // HTTP/1.0 does not know chunks; Go ignores the header there.
    if (codings && this.#version === "1.1") {
      if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked") {
        this.#fail("Unknown transfer coding");
      }
      this.#headerLines = 0;
      this.#state = "chunk_size";
      return undefined;
    }
    const [length, ...others] = this.#headers.get("content-length") ?? [];
    if (length === undefined) {
      this.#state = "until_close";
      return undefined;
    }
    if (
      !/^[0-9]{1,15}$/.test(length) || others.some((other) => other !== length)
    ) {
      this.#fail("Content length is no number");
    }
    this.#restBytes = Number(length);
    this.#state = this.#restBytes === 0 ? "done" : "length";
    return this.#restBytes;
  }

  #acceptChunkLine(text: string): void {
    if (this.#state === "chunk_end") {
      if (text !== "") this.#fail("Chunk is longer than it said");
      this.#state = "chunk_size";
      return;
    }
    const [, digits] = /^([0-9a-fA-F]{1,16})[ \t]*(?:;.*)?$/s.exec(text) ?? [];
    const size = parseInt(digits ?? "", 16);
    if (!Number.isSafeInteger(size)) this.#fail("Chunk has no usable size");
    this.#restBytes = size;
    this.#state = size === 0 ? "trailers" : "chunk_data";
  }

  #fail(message: string): never {
    throw new ProtocolError(message, this.#offsetBytes);
  }
}

function decodeLine(line: Uint8Array): string {
  return decodeAscii(line) ?? (decoder ??= new TextDecoder()).decode(line);
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
