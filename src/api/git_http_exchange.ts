/**
 * One exchange of Git over HTTP, and what the user is told when it fails.
 * Source: GitLab Shell 14.56.1, Git HTTP client.
 * @module
 */
import { ApiError, errorChainText } from "../core/errors.ts";
import type { ByteReader, ByteWriter } from "../core/io.ts";
import type { LogFields, Logger } from "../core/log.ts";
import { logResponse } from "./attempt.ts";
import { collectBody } from "./exchange.ts";
import type { ResponseHead } from "./http1_response.ts";
import type { HttpStream } from "./http1_stream.ts";
import { SilenceError, type SilenceWatch } from "./silence_watch.ts";

/** Longest text of a refusal that is shown. */
export const REFUSAL_BYTES_MAX = 1024 * 1024;

/** What the user reads when there is nothing better to say. */
const UNAVAILABLE = "Remote repository is unavailable";
const decoder = new TextDecoder();

/** What an exchange is held and recorded by. */
export interface ExchangeState {
  readonly method: "GET" | "POST";
  readonly watch: SilenceWatch;
  readonly log: Logger;
  readonly record: () => LogFields;
}

/** One exchange; both directions may be used at the same time. */
export class GitHttpExchange implements ByteReader, Disposable {
  readonly #stream: HttpStream;
  readonly #state: ExchangeState;
  #head: ResponseHead | undefined;

  /** @param stream Ours from now on. */
  constructor(stream: HttpStream, state: ExchangeState) {
    this.#stream = stream;
    this.#state = state;
  }

  /** The body of a POST. A write fails if the server has hung up. */
  get requestBody(): ByteWriter {
    return this.#stream.requestBody;
  }

  /** Says that the body of a POST is complete. */
  endBody(): Promise<void> {
    return this.#stream.endBody();
  }

  /**
   * Waits until the server has agreed.
   * @throws {ApiError} Its refusal, whole, or `Remote repository is unavailable`.
   */
  async openAnswer(): Promise<void> {
    const { status } = await this.readHead();
    if (status >= 400) throw await this.#readRefusal(status);
    // Following would make a GET of the POST; what the body says of it is
    // nothing that git could read.
    if (status >= 300 && this.#state.method === "POST") {
      throw unavailable(new Error(`Cannot follow a ${status}`), status);
    }
  }

  /** @throws {ApiError} `Remote repository is unavailable`. */
  async readHead(): Promise<ResponseHead> {
    if (this.#head) return this.#head;
    const { log, record } = this.#state;
    try {
      this.#head = await this.#stream.readHead();
    } catch (cause) {
      logUnreachable(log, record(), cause);
      throw unavailable(cause);
    }
    this.#state.watch.countReads();
    logResponse(this.#head, record(), log);
    return this.#head;
  }

  /**
   * Waits for more of what the server answers.
   * @throws {ApiError | Error} If it breaks off or falls silent.
   */
  async read(): Promise<Uint8Array | null> {
    try {
      return await this.#stream.read();
    } catch (cause) {
      const { signal } = this.#state.watch;
      if (signal.aborted) throw unavailable(cause);
      throw new Error("unexpected EOF", { cause: withoutPipe(cause) });
    }
  }

  /** Ends the connection. */
  [Symbol.dispose](): void {
    this.#state.watch[Symbol.dispose]();
    this.#stream[Symbol.dispose]();
  }

  async #readRefusal(status: number): Promise<ApiError> {
    let text = "";
    try {
      const source = { readBody: () => this.#stream.read() };
      text = decoder.decode(await collectBody(source, REFUSAL_BYTES_MAX));
    } catch (cause) {
      return unavailable(cause, status);
    }
    if (text === "") return unavailable(new Error("No text"), status);
    return new ApiError(text, { status, kind: "policy" });
  }
}

/** Never counted as a fault of ours, as in the reference. */
export function unavailable(cause: unknown, status = 0): ApiError {
  const what = { status, kind: "policy" } as const;
  return new ApiError(UNAVAILABLE, what, { cause: withoutPipe(cause) });
}

/** Keeps a server that hung up from looking like a user who did. */
function withoutPipe(cause: unknown): unknown {
  if (cause instanceof SilenceError) return cause;
  return new Error(errorChainText(cause));
}

/** Records that there was no answer. */
export function logUnreachable(
  log: Logger,
  record: LogFields,
  cause: unknown,
): void {
  const error_message = errorChainText(cause);
  log.error("Internal API unreachable", { ...record, error_message });
}
