/**
 * HTTP/1.1 messages with their header lines as they were sent: a test double
 * must not merge, reorder or respell what it is there to check.
 * Source: RFC 9112.
 * @module
 */
import type { ByteReader } from "../../core/io.ts";
import type { BufferedInput } from "./buffered_input.ts";

/** Header lines in their order; a name may stand more than once. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** One request. */
export interface HttpRequest {
  /** Counts the connections of the server from 1. */
  readonly connectionId: number;
  /** Address of the peer; empty on a unix socket. */
  readonly peerAddress: string;
  readonly method: string;
  /** Path and query, raw. */
  readonly target: string;
  readonly headers: HeaderLines;
  /** Ends where the message says; not read ahead of its reader. */
  readonly body: ByteReader;
}

/** One response; the connection is closed behind it. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HeaderLines;
  /** A reader's bytes go out as they come, delimited by the end. */
  readonly body: Uint8Array | ByteReader;
  /** Length of a reader's bytes, to be announced. */
  readonly lengthBytes?: number;
}

const HEAD_BYTES_MAX = 65_536;
const CHUNK_LINE_BYTES_MAX = 1024;
/** Most that one read of a body brings: some are very large. */
const READ_BYTES = 262_144;

/** Values of all lines with this name, whatever its letter case. */
export function headerValues(headers: HeaderLines, name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter(([each]) => each.toLowerCase() === wanted)
    .map(([, value]) => value);
}

/** What the request line and the header lines say. */
export type HttpHead = Pick<HttpRequest, "method" | "target" | "headers">;

/**
 * Reads the request line and the header lines.
 * @returns `undefined` if the peer sent nothing more.
 * @throws {SyntaxError | RangeError} If it is not HTTP/1.1, or too long.
 */
export async function readHttpHead(
  input: BufferedInput,
): Promise<HttpHead | undefined> {
  const text = await input.readHead(HEAD_BYTES_MAX);
  if (text === undefined) return undefined;
  const [first = "", ...lines] = text.split("\r\n");
  const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first);
  const [, method, target] = match ?? [];
  if (method === undefined || target === undefined) {
    throw new SyntaxError(`Cannot read request line ${JSON.stringify(first)}`);
  }
  return { method, target, headers: lines.map(parseHeaderLine) };
}

/** The body that a request with these headers has. */
export function openBody(
  input: BufferedInput,
  headers: HeaderLines,
): ByteReader {
  const coding = headerValues(headers, "transfer-encoding").join(",");
  if (/\bchunked\b/i.test(coding)) return new ChunkedBody(input);
  const length = Number(headerValues(headers, "content-length")[0] ?? 0);
  return new CountedBody(input, Number.isSafeInteger(length) ? length : 0);
}

/** Reads a body to its end. @throws {RangeError} If it is too long. */
export async function readWhole(
  body: ByteReader,
  bytesMax: number,
): Promise<Uint8Array> {
  let whole: Uint8Array = new Uint8Array();
  for (;;) {
    const chunk = await body.read();
    if (chunk === null) return whole;
    const joined = new Uint8Array(whole.length + chunk.length);
    joined.set(whole);
    joined.set(chunk, whole.length);
    whole = joined;
    if (whole.length > bytesMax) {
      throw new RangeError(`Cannot accept a body above ${bytesMax} bytes`);
    }
  }
}

function parseHeaderLine(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  if (colon <= 0) {
    throw new SyntaxError(`Cannot read header line ${JSON.stringify(line)}`);
  }
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

class CountedBody implements ByteReader {
  readonly #input: BufferedInput;
  #leftBytes: number;

  constructor(input: BufferedInput, lengthBytes: number) {
    this.#input = input;
    this.#leftBytes = lengthBytes;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#leftBytes === 0) return null;
    const bytesMax = Math.min(this.#leftBytes, READ_BYTES);
    const chunk = await this.#input.read(bytesMax);
    if (chunk === null) throw new SyntaxError("Body ended too early");
    this.#leftBytes -= chunk.length;
    return chunk;
  }
}

class ChunkedBody implements ByteReader {
  readonly #input: BufferedInput;
  #leftBytes = 0;
  #isFirst = true;
  #isEnded = false;

  constructor(input: BufferedInput) {
    this.#input = input;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#isEnded) return null;
    if (this.#leftBytes === 0) await this.#readSize();
    if (this.#isEnded) return null;
    const bytesMax = Math.min(this.#leftBytes, READ_BYTES);
    const chunk = await this.#input.read(bytesMax);
    if (chunk === null) throw new SyntaxError("Chunk ended too early");
    this.#leftBytes -= chunk.length;
    return chunk;
  }

  async #readSize(): Promise<void> {
    if (!this.#isFirst) await this.#input.readLine(CHUNK_LINE_BYTES_MAX);
    this.#isFirst = false;
    const line = await this.#input.readLine(CHUNK_LINE_BYTES_MAX);
    const digits = /^[0-9a-f]{1,12}/i.exec(line ?? "")?.[0];
    if (digits === undefined) throw new SyntaxError("Cannot read chunk size");
    this.#leftBytes = parseInt(digits, 16);
    if (this.#leftBytes > 0) return;
    this.#isEnded = true;
    // Trailers mean nothing here; their empty line ends the message.
    while (await this.#input.readLine(CHUNK_LINE_BYTES_MAX)) continue;
  }
}
