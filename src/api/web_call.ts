/**
 * One request to a public URL and its answer: no retries, no redirects. Both
 * bodies are streams, and each wait for the server has its limit.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { ProtocolError } from "../core/errors.ts";
import { IdleLimit } from "../core/idle_limit.ts";
import type { ByteReader } from "../core/io.ts";
import { placeUrl, type RequestPlace } from "./base_url.ts";
import { type HeaderLine, UnsendableRequestError } from "./http1_request.ts";
import type { ResponseHead } from "./http1_response.ts";
import { type BodyFraming, HttpStream } from "./http1_stream.ts";
import type { WebTransport } from "./web_transport.ts";

/** What is asked; the body is another matter. */
export interface WebRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** `http:` or `https:`, in lower case. */
  readonly url: string;
  readonly headers: readonly HeaderLine[];
}

/** What a request is made with. */
export interface WebCallOptions {
  readonly transport: WebTransport;
  readonly signal: AbortSignal;
  /** Longest silence of a server; ten minutes when left out. */
  readonly idleTimeoutMs?: number;
}

/** Go's: 30 s to connect, and 10 s more to shake hands. */
const CONNECT_TIMEOUT_MS = 40_000;
/**
 * Longest silence of a server. The reference waits for ever; GitLab may take
 * minutes to move a large object to where it belongs before it answers.
 */
export const IDLE_TIMEOUT_MS = 10 * 60_000;
const encoder = new TextEncoder();
const USER_AGENT: HeaderLine = ["User-Agent", "GitLab-Shell"];

/** A request that is on its way. */
export class WebCall implements ByteReader, Disposable {
  readonly #stream: HttpStream;
  readonly #idle: IdleLimit;
  readonly #head: Promise<ResponseHead>;
  #isAnswered = false;

  private constructor(stream: HttpStream, idle: IdleLimit) {
    this.#stream = stream;
    this.#idle = idle;
    this.#head = stream.readHead();
    const answered = () => void (this.#isAnswered = true);
    this.#head.then(answered, answered);
  }

  /**
   * Dials and sends the head.
   * @throws {UnsendableRequestError | CertificateError} Not worth a repeat.
   * @throws {Error} If there is no connection.
   * @throws {unknown} `signal.reason`.
   */
  static async open(
    request: WebRequest & { readonly body: BodyFraming },
    { transport, signal, idleTimeoutMs = IDLE_TIMEOUT_MS }: WebCallOptions,
  ): Promise<WebCall> {
    const { method, body } = request;
    const place = placeOrRefuse(request.url);
    const web = await connect(place, transport, signal);
    const { target, isProxied } = web;
    const idle = new IdleLimit(idleTimeoutMs, signal);
    const headers = [
      USER_AGENT,
      ["Connection", "close"] as const,
      ["Accept-Encoding", "identity"] as const,
      ...request.headers,
      ...urlAuthorization(place, request.headers),
      ...web.headers,
    ];
    const { host } = place;
    try {
      const stream = HttpStream.open(
        web.duplex,
        { method, target, isProxied, host, headers, body },
        idle.signal,
      );
      return new WebCall(stream, idle);
    } catch (error) {
      idle[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether there is nothing to be gained from sending more. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Sends more of the body. @throws {Error} What the connection failed with. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#idle.during(() => this.#stream.requestBody.write(bytes));
  }

  /**
   * Waits for status and headers; the body of the request must be complete.
   * @throws {Error} If no answer comes.
   */
  answer(): Promise<ResponseHead> {
    return this.#idle.during(() => this.#head);
  }

  /** Waits for more of the answer's body. @throws {Error} If it breaks off. */
  read(): Promise<Uint8Array | null> {
    return this.#idle.during(() => this.#stream.read());
  }

  /** Ends the connection, complete or not. Idempotent. */
  [Symbol.dispose](): void {
    this.#idle[Symbol.dispose]();
    this.#stream[Symbol.dispose]();
  }
}

/** What a URL says of a user counts where no header says more, as in Go. */
function urlAuthorization(
  { urlCredentials }: RequestPlace,
  headers: readonly HeaderLine[],
): HeaderLine[] {
  const isGiven = headers.some(([name]) =>
    name.toLowerCase() === "authorization"
  );
  if (urlCredentials === undefined || isGiven) return [];
  const base64 = encoder.encode(urlCredentials).toBase64();
  return [["Authorization", `Basic ${base64}`]];
}

function placeOrRefuse(url: string): RequestPlace {
  try {
    const place = placeUrl(url);
    const { connection } = place;
    if (connection.kind === "unix" || connection.hostname !== "") return place;
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause;
  }
  // The URL is not repeated: it may carry a signature.
  throw new UnsendableRequestError("Cannot use the URL: it is not http(s)");
}

async function connect(
  place: RequestPlace,
  transport: WebTransport,
  signal: AbortSignal,
): ReturnType<WebTransport["connect"]> {
  using deadline = new Deadline(CONNECT_TIMEOUT_MS, signal);
  return await transport.connect(place, deadline.signal);
}
