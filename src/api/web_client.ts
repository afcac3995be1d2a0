/**
 * Requests to public URLs whose bodies are whole, so that they can be sent
 * again: with redirects and retries.
 * Source: GitLab Shell 14.56.1, client of LFS.
 * @module
 */
import type { Clock } from "../core/host.ts";
import { collectBody } from "./exchange.ts";
import { UnsendableRequestError } from "./http1_request.ts";
import type { ResponseHead } from "./http1_response.ts";
import { isBusy, WebAttempts } from "./web_attempts.ts";
import { WebCall, type WebCallOptions, type WebRequest } from "./web_call.ts";
import { followRedirect, REDIRECTED_REQUESTS_MAX } from "./web_redirect.ts";

/** A request with its body. */
export interface WholeWebRequest extends WebRequest {
  readonly body?: Uint8Array;
}

/** An answer whose body is still to be read; whoever gets it disposes it. */
export interface WebAnswer extends Disposable {
  readonly head: ResponseHead;
  /** Waits for more of the body. @throws {Error} If it breaks off. */
  read(): Promise<Uint8Array | null>;
}

/** What requests are made with. */
export interface WebClientOptions extends WebCallOptions {
  readonly clock: Clock;
}

/** Makes requests for one session. */
export class WebClient {
  readonly options: WebClientOptions;

  constructor(options: WebClientOptions) {
    this.options = options;
  }

  /**
   * Sends a request until it is answered, four times at most.
   * @returns An answer that no repeat would better, whatever its status.
   * @throws {WebFailure} If there is none.
   * @throws {unknown} The reason of the client's signal.
   */
  async call(request: WholeWebRequest): Promise<WebAnswer> {
    const { clock, signal } = this.options;
    const attempts = new WebAttempts(clock);
    for (;;) {
      let answer: WebAnswer;
      try {
        answer = await this.#follow(request);
      } catch (cause) {
        await attempts.waitAfter({ cause }, signal);
        continue;
      }
      const { status, headers } = answer.head;
      if (!isBusy(status)) return answer;
      answer[Symbol.dispose]();
      const retryAfter = headers.get("retry-after")?.[0];
      await attempts.waitAfter({ status, retryAfter }, signal);
    }
  }

  async #follow(request: WholeWebRequest): Promise<WebAnswer> {
    let current = request;
    for (let count = 1;; count++) {
      const answer = await this.#send(current);
      try {
        const next = followRedirect(current, answer.head);
        if (!next) return answer;
        const { body } = current;
        current = next.hasBody && body
          ? { ...next.request, body }
          : next.request;
      } catch (error) {
        answer[Symbol.dispose]();
        throw error;
      }
      answer[Symbol.dispose]();
      if (count === REDIRECTED_REQUESTS_MAX) {
        throw new UnsendableRequestError(`Stopped after ${count} redirects`);
      }
    }
  }

  async #send(request: WholeWebRequest): Promise<WebAnswer> {
    const { body } = request;
    const framing = body ? body.length : "none";
    const call = await WebCall.open(
      { ...request, body: framing },
      this.options,
    );
    try {
      // A server may answer and hang up before it has read everything. If it
      // does not answer either, waiting for the answer fails too.
      if (body) call.write(body).catch(() => {});
      const head = await call.answer();
      return {
        head,
        read: () => call.read(),
        [Symbol.dispose]: () => call[Symbol.dispose](),
      };
    } catch (error) {
      call[Symbol.dispose]();
      throw error;
    }
  }
}

/**
 * Reads the whole body of an answer, gzip undone.
 * @throws {ProtocolError} If it is longer than `sizeBytesMax`, or breaks off.
 */
export async function readWholeBody(
  answer: WebAnswer,
  sizeBytesMax: number,
): Promise<Uint8Array> {
  const body = await collectBody(
    { readBody: () => answer.read() },
    sizeBytesMax,
  );
  const coding = answer.head.headers.get("content-encoding")?.[0] ?? "";
  if (coding.toLowerCase() !== "gzip") return body;
  // Not asked for, and understood all the same.
  const { gunzip } = await import("./gunzip.ts");
  return await gunzip(body, sizeBytesMax);
}
