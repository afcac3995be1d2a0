/**
 * A small HTTP/1.1 server that shows its handler exactly what came in, and
 * lets it answer in ways that no well-behaved server would.
 * @module
 */
import {
  isListenerClosed,
  type OpenListener,
  pauseAccepting,
} from "../listen.ts";
import { type Socket, writeAll } from "../socket.ts";
import { BufferedInput } from "./buffered_input.ts";
import {
  headerValues,
  type HttpRequest,
  type HttpResponse,
  openBody,
  readHttpHead,
} from "./http_message.ts";

/** Ways to treat a client badly, in the order in which they happen. */
export interface HttpMisconduct {
  /** Closes instead of answering. */
  readonly closesBeforeHeaders?: boolean;
  /** Never answers; ends with the client's patience. */
  readonly isSilent?: boolean;
  readonly delayHeadersMs?: number;
  readonly closesAfterHeaders?: boolean;
  readonly delayBodyMs?: number;
  /** Announced instead of the true length, to end the body too early. */
  readonly contentLengthBytes?: number;
}

/** What a handler gives back. */
export interface HttpAnswer {
  readonly response: HttpResponse;
  readonly misconduct?: HttpMisconduct;
}

/** Answers one request. @throws {Error} Anything: the answer is then 500. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>;

const encoder = new TextEncoder();
const BAD_REQUEST: HttpAnswer = {
  response: { status: 400, headers: [], body: new Uint8Array() },
};
const SERVER_ERROR: HttpAnswer = {
  response: {
    status: 500,
    headers: [["Content-Type", "application/json"]],
    body: encoder.encode('{"message":"500 Internal Server Error"}'),
  },
};

/** Serves any number of listeners with one handler. */
export class HttpServer {
  readonly #handler: HttpHandler;
  readonly #listeners: OpenListener[] = [];
  readonly #connections = new Set<HttpConnection>();
  readonly #running = new Set<Promise<void>>();
  #connectionCount = 0;

  constructor(handler: HttpHandler) {
    this.#handler = handler;
  }

  /** Accepts from `opened`, which the server then owns. */
  listen(opened: OpenListener): void {
    this.#listeners.push(opened);
    this.#track(this.#acceptFrom(opened.listener));
  }

  /** Closes listeners and connections and waits for all that ran. */
  async close(): Promise<void> {
    for (const opened of this.#listeners) opened.close();
    for (const connection of this.#connections) connection.close();
    await Promise.all(this.#running);
  }

  async #acceptFrom(listener: Deno.Listener): Promise<void> {
    for (;;) {
      let conn: Deno.Conn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (isListenerClosed(error)) return;
        await pauseAccepting();
        continue;
      }
      const id = ++this.#connectionCount;
      const peerAddress = "hostname" in conn.remoteAddr
        ? conn.remoteAddr.hostname
        : "";
      const connection = new HttpConnection(conn, { id, peerAddress });
      this.#connections.add(connection);
      this.#track(this.#serve(connection));
    }
  }

  async #serve(connection: HttpConnection): Promise<void> {
    await connection.serve(this.#handler).catch(() => {});
    connection.close();
    this.#connections.delete(connection);
  }

  #track(work: Promise<void>): void {
    this.#running.add(work);
    work.then(() => this.#running.delete(work));
  }
}

interface Origin {
  readonly id: number;
  readonly peerAddress: string;
}

class HttpConnection {
  readonly #socket: Socket;
  readonly #input: BufferedInput;
  readonly #origin: Origin;
  readonly #ended = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(socket: Socket, origin: Origin) {
    this.#socket = socket;
    this.#input = new BufferedInput(socket);
    this.#origin = origin;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ended.resolve();
    this.#socket.close();
  }

  async serve(handler: HttpHandler): Promise<void> {
    const request = await this.#readRequest().catch(() => null);
    if (request === undefined) return;
    if (request === null) return await this.#answer(BAD_REQUEST);
    if (headerValues(request.headers, "expect").length > 0) {
      await this.#write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    const answer = await handler(request).catch(() => SERVER_ERROR);
    await this.#answer(answer);
  }

  async #readRequest(): Promise<HttpRequest | undefined> {
    const head = await readHttpHead(this.#input);
    return head && {
      ...head,
      connectionId: this.#origin.id,
      peerAddress: this.#origin.peerAddress,
      body: openBody(this.#input, head.headers),
    };
  }

  async #answer({ response, misconduct = {} }: HttpAnswer): Promise<void> {
    if (misconduct.isSilent) return await this.#untilPeerEnds();
    await this.#pause(misconduct.delayHeadersMs);
    if (misconduct.closesBeforeHeaders) return;
    await this.#write(formatHead(response, misconduct.contentLengthBytes));
    if (misconduct.closesAfterHeaders) return;
    await this.#pause(misconduct.delayBodyMs);
    const { body } = response;
    if (body instanceof Uint8Array) return await writeAll(this.#socket, body);
    for (;;) {
      const chunk = await body.read();
      if (chunk === null) return;
      await writeAll(this.#socket, chunk);
    }
  }

  #write(text: string): Promise<void> {
    return writeAll(this.#socket, encoder.encode(text));
  }

  async #untilPeerEnds(): Promise<void> {
    while (await this.#input.read(1) !== null) continue;
  }

  async #pause(delayMs: number | undefined): Promise<void> {
    if (delayMs === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, delayMs);
    });
    await Promise.race([passed, this.#ended.promise]);
    clearTimeout(timer);
  }
}

function formatHead(
  { status, headers, body, lengthBytes: knownBytes }: HttpResponse,
  announcedBytes: number | undefined,
): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  const lengthBytes = announcedBytes ?? knownBytes ??
    (body instanceof Uint8Array ? body.length : undefined);
  if (lengthBytes !== undefined) {
    lines.push(`Content-Length: ${lengthBytes}\r\n`);
  }
  lines.push("Connection: close\r\n");
  return `HTTP/1.1 ${status} \r\n${lines.join("")}\r\n`;
}
