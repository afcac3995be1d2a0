/**
 * One HTTP/1.1 exchange whose bodies are streams, in both directions at once:
 * for Git over HTTP and for the objects of LFS, which no memory could hold.
 * Source: RFC 9112, section 7.1 (chunked).
 * @module
 */
import type { ByteDuplex, ByteReader, ByteWriter } from "../core/io.ts";
import { Exchange } from "./exchange.ts";
import {
  encodeRequestHead,
  type HeaderLine,
  type RequestHead,
} from "./http1_request.ts";
import type { ResponseHead } from "./http1_response.ts";

/** Size of a chunk in hexadecimal and its line end, at most. */
const CHUNK_HEAD_BYTES_MAX = 10;
const CHUNK_END = [0x0d, 0x0a] as const;
const encoder = new TextEncoder();
const LAST_CHUNK = encoder.encode("0\r\n\r\n");

/**
 * How the request's body is delimited: `none` for a request without one, a
 * number of bytes, or chunks where nobody knows beforehand.
 */
export type BodyFraming = "none" | "chunked" | number;

/** What is asked, without the lines that delimit its body. */
export interface StreamRequest extends RequestHead {
  readonly body: BodyFraming;
}

/** The header line that announces a body; none for a request without one. */
export function framingLines(body: BodyFraming): HeaderLine[] {
  if (body === "none") return [];
  return body === "chunked"
    ? [["Transfer-Encoding", "chunked"]]
    : [["Content-Length", String(body)]];
}

/**
 * An exchange that has begun. Writing may fail because the peer has answered
 * and hung up; what it has answered can be read all the same.
 */
export class HttpStream implements ByteReader, Disposable {
  /** The body of the request; closed with `endBody`. */
  readonly requestBody: ByteWriter;
  readonly #exchange: Exchange;
  readonly #headSent: Promise<void>;
  readonly #isChunked: boolean;
  #buffer = new Uint8Array(0);
  #leftBytes: number;

  private constructor(
    exchange: Exchange,
    head: Uint8Array,
    body: BodyFraming,
  ) {
    this.#exchange = exchange;
    this.#headSent = exchange.send(head);
    // If nothing can be sent, reading the answer fails too.
    this.#headSent.catch(() => {});
    this.#isChunked = body === "chunked";
    this.#leftBytes = typeof body === "number" ? body : 0;
    this.requestBody = { write: (bytes) => this.#send(bytes) };
  }

  /**
   * Sends the head of a request.
   * @param connection The stream's from now on, even if this fails.
   * @param signal Ends the exchange, whatever it is doing.
   * @throws {UnsendableRequestError} If a header cannot be sent.
   * @throws {unknown} `signal.reason`.
   */
  static open(
    connection: ByteDuplex,
    request: StreamRequest,
    signal: AbortSignal,
  ): HttpStream {
    const exchange = new Exchange(connection, signal);
    try {
      signal.throwIfAborted();
      const headers = [...framingLines(request.body), ...request.headers];
      const head = encodeRequestHead({ ...request, headers });
      return new HttpStream(exchange, head, request.body);
    } catch (error) {
      exchange[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Says that the request's body is complete.
   * @throws {RangeError} If it is shorter than was announced.
   * @throws {Error} What the connection failed with, or the signal's reason.
   */
  async endBody(): Promise<void> {
    await this.#headSent;
    if (this.#isChunked) return await this.#exchange.send(LAST_CHUNK);
    if (this.#leftBytes === 0) return;
    throw new RangeError(`Body lacks ${this.#leftBytes} bytes`);
  }

  /**
   * Waits for status and headers.
   * @throws {ProtocolError} If the peer does not speak HTTP, or hangs up first.
   * @throws {Error} What the connection failed with, or the signal's reason.
   */
  readHead(): Promise<ResponseHead> {
    return this.#exchange.readHead();
  }

  /**
   * Waits for more of the response's body.
   * @throws {ProtocolError} If it breaks off.
   * @throws {Error} What the connection failed with, or the signal's reason.
   */
  read(): Promise<Uint8Array | null> {
    return this.#exchange.readBody();
  }

  /** Ends the connection. */
  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    await this.#headSent;
    // A chunk without bytes would be the last one.
    if (bytes.length === 0) return;
    if (this.#isChunked) {
      return await this.#exchange.send(this.#frame(bytes));
    }
    if (bytes.length > this.#leftBytes) {
      throw new RangeError("Body is longer than was announced");
    }
    this.#leftBytes -= bytes.length;
    await this.#exchange.send(bytes);
  }

  /** One chunk in one piece: a small write each for its ends would be dearer. */
  #frame(bytes: Uint8Array): Uint8Array {
    const room = CHUNK_HEAD_BYTES_MAX + bytes.length + CHUNK_END.length;
    if (this.#buffer.length < room) this.#buffer = new Uint8Array(room);
    const buffer = this.#buffer;
    const head = `${bytes.length.toString(16)}\r\n`;
    const { written } = encoder.encodeInto(head, buffer);
    buffer.set(bytes, written);
    buffer.set(CHUNK_END, written + bytes.length);
    return buffer.subarray(0, written + bytes.length + CHUNK_END.length);
  }
}
