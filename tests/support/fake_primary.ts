/**
 * A server that Git commands are sent on to: answers by script, at whatever
 * point of the request it likes, and keeps what it was sent.
 * @module
 */
import { type HeaderLines } from "../../src/devstack/api/http_message.ts";
import {
  type HttpMisconduct,
  HttpServer,
} from "../../src/devstack/api/http_server.ts";
import { openListener } from "../../src/devstack/listen.ts";

/** One request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderLines;
  /** What of the body has come so far, as Latin-1. */
  body: string;
  /** Whether its end was seen. */
  isWhole: boolean;
}

/** An answer; what is left out is 200, no headers, no body. */
export interface PrimaryAnswer extends HttpMisconduct {
  readonly status?: number;
  readonly headers?: HeaderLines;
  /** Sent one by one, or as a script decides that looks at the request. */
  readonly body?: readonly string[] | AnswerScript;
  /** Whether the body of the request is read before the head is sent. */
  readonly readsFirst?: boolean;
}

/** Sends what it yields; `more` waits for the next part of the request. */
export type AnswerScript = (
  seen: SeenRequest,
  more: () => Promise<boolean>,
) => AsyncGenerator<string>;

/** A server that is up. */
export interface FakePrimary extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: readonly SeenRequest[];
}

const latin1 = new TextDecoder("latin1");
const bytes = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));

/**
 * Starts a server.
 * @param answer Chooses the answer by number of the request, from 0.
 */
export function startFakePrimary(
  answer: (index: number, seen: SeenRequest) => PrimaryAnswer,
): FakePrimary {
  const seen: SeenRequest[] = [];
  const server = new HttpServer(async (request) => {
    const { method, target, headers } = request;
    const own: SeenRequest = {
      method,
      target,
      headers,
      body: "",
      isWhole: false,
    };
    const chosen = answer(seen.push(own) - 1, own);
    const more = async () => {
      const chunk = await request.body.read();
      if (chunk === null) own.isWhole = true;
      else own.body += latin1.decode(chunk);
      return chunk !== null;
    };
    const { status = 200, headers: lines = [], body = [], ...rest } = chosen;
    if (rest.readsFirst) { while (await more()); }
    const pieces = typeof body === "function"
      ? body(own, more)
      : (async function* () {
        yield* body;
      })();
    const response = {
      status,
      headers: lines,
      body: {
        async read() {
          const { done, value } = await pieces.next();
          return done ? null : bytes(value);
        },
      },
    };
    return { response, misconduct: rest };
  });
  const opened = openListener({
    transport: "tcp",
    hostname: "127.0.0.1",
    port: 0,
  });
  server.listen(opened);
  const port = Number(opened.boundTo.split(":")[1]);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
