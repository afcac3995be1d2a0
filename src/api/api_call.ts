/**
 * One call of the internal API: its headers, its token and its retries.
 * Source: GitLab Shell 14.56.1, internal API client.
 * @module
 */
import { isTimeout, timeoutReason } from "../core/deadline.ts";
import {
  ApiError,
  CertificateError,
  errorChainText,
  ProtocolError,
} from "../core/errors.ts";
import type { LogFields } from "../core/log.ts";
import type { Secret } from "../core/secret.ts";
import {
  type ApiAnswer,
  attemptCall,
  type AttemptContext,
  type AttemptResult,
  type OutgoingRequest,
} from "./attempt.ts";
import {
  type ApiBase,
  encodeQuery,
  internalApiPath,
  placeRequest,
  type RequestPlace,
} from "./base_url.ts";
import { type HeaderLine, UnsendableRequestError } from "./http1_request.ts";
import { unreachableError } from "./refusal.ts";
import { ATTEMPTS_MAX, retryWaitMs } from "./retry.ts";
import { type Token, TokenMinter } from "./token.ts";

/**
 * A token that would be older than this is made anew. The reference sends the
 * first one to the end; it expires after 60 s.
 */
export const TOKEN_AGE_MS_MAX = 55_000;

/** What is asked of the API. */
export interface ApiRequest {
  readonly method: "GET" | "POST";
  /** `/allowed`; the API's prefix is added. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** JSON text, sent byte for byte in every attempt. */
  readonly body?: string;
  /** A cell to ask instead of the configured GitLab. */
  readonly base?: ApiBase;
  /** Bound of the whole call, all attempts and waits together. */
  readonly timeoutMs?: number;
  readonly isQueryPrivate?: boolean;
  readonly isRateLimited?: boolean;
  /** Called each time when an attempt has been sent. */
  readonly onSent?: () => void;
  /** Called once when no attempt can follow, before the answer is read. */
  readonly onFinal?: () => void;
  /** Further fields of the records of this call. */
  readonly logFields?: LogFields;
}

/** What all calls of a client have in common. */
export interface ApiCallerOptions extends AttemptContext {
  readonly secret: Secret;
  /** Used only if both halves are there. */
  readonly credentials: { readonly user: string; readonly password: Secret };
  readonly correlationId: string;
  /** Address for `X-Forwarded-For`; empty for none. */
  readonly forwardedFor: string;
  /** Called each time when there is nothing left to do but to wait. */
  readonly onSent?: (() => void) | undefined;
}

const encoder = new TextEncoder();

/** Makes calls for one session or connection. */
export class ApiCaller {
  readonly #options: ApiCallerOptions;
  readonly #minter: TokenMinter;

  constructor(options: ApiCallerOptions) {
    this.#options = options;
    this.#minter = new TokenMinter(options.secret);
  }

  /**
   * Sends a request until it is answered, three times at most.
   * @returns An answer whose status is no error; its body may be missing.
   * @throws {ApiError} As internal-api.md 3.2 maps failures.
   * @throws {Error} If the client cannot be made or has no secret.
   */
  async call(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    const base = request.base ?? this.#options.transport.base;
    const place = this.#place(request, base);
    const { timeoutMs = Infinity } = request;
    const endMs = this.#options.clock.monotonicMs() + timeoutMs;
    let token: Token | undefined;
    for (let number = 1;; number++) {
      token = await this.#freshen(token);
      const outgoing = this.#prepare(request, { place, token });
      const result = await this.#attempt(outgoing, endMs, signal);
      if (result.kind === "answer") return result.answer;
      if (number === ATTEMPTS_MAX) throw unreachableError(result.cause);
      await this.#wait(number, result, { endMs, signal });
    }
  }

  #place(request: ApiRequest, base: ApiBase): RequestPlace {
    const query = request.query ? `?${encodeQuery(request.query)}` : "";
    try {
      return placeRequest(base, internalApiPath(request.path) + query);
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      this.#options.log.error("Internal API unreachable", {
        ...request.logFields,
        method: request.method,
        error_message: errorChainText(cause),
      });
      throw unreachableError(cause);
    }
  }

  /** Keeps the token through the retries as long as it will be accepted. */
  async #freshen(token: Token | undefined): Promise<Token> {
    const nowMs = this.#options.clock.nowMs();
    const ageMs = nowMs - (token?.mintedMs ?? 0);
    // Of a clock that was put back, the token is from the future.
    if (token && ageMs >= 0 && ageMs <= TOKEN_AGE_MS_MAX) return token;
    return await this.#minter.mint(nowMs);
  }

  /** @returns An answer, or what is to be told if it was the last attempt. */
  async #attempt(
    outgoing: OutgoingRequest,
    endMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Attempted> {
    const restMs = this.#restMs(endMs);
    const readTimeoutMs = Math.min(this.#options.readTimeoutMs, restMs);
    try {
      const context = { ...this.#options, readTimeoutMs };
      const result = await attemptCall(outgoing, context, signal);
      if (result.kind === "answer") {
        const { body, bodyError } = result.answer;
        if (!body && signal?.aborted) throw signal.reason;
        if (!body && this.#restMs(endMs) === 0) throw bodyError;
        return result;
      }
      return { ...result, cause: new Error(`Status ${result.status}`) };
    } catch (cause) {
      if (signal?.aborted) throw givenUp(signal.reason);
      if (isTimeout(cause) && this.#restMs(endMs) === 0) throw givenUp(cause);
      if (cause instanceof ApiError) throw cause;
      const isFinal = cause instanceof CertificateError ||
        cause instanceof UnsendableRequestError;
      if (isFinal) throw unreachableError(cause);
      return { kind: "busy", status: 0, retryAfter: undefined, cause };
    }
  }

  async #wait(
    number: number,
    { status, retryAfter }: AttemptResult & { kind: "busy" },
    { endMs, signal }: { endMs: number; signal: AbortSignal | undefined },
  ): Promise<void> {
    const { clock } = this.#options;
    const failed = { number, status, retryAfter };
    const waitMs = retryWaitMs(failed, clock.nowMs());
    const restMs = this.#restMs(endMs);
    try {
      await clock.sleep(Math.min(waitMs, restMs), signal);
    } catch (error) {
      throw signal?.aborted ? givenUp(signal.reason) : error;
    }
    if (waitMs >= restMs) throw givenUp(timeoutReason());
  }

  #restMs(endMs: number): number {
    return Math.max(0, endMs - this.#options.clock.monotonicMs());
  }

  /** Lines in the order in which Go sends them. */
  #prepare(
    request: ApiRequest,
    { place, token }: { place: RequestPlace; token: Token },
  ): OutgoingRequest {
    const { correlationId, forwardedFor } = this.#options;
    const body = request.body === undefined
      ? undefined
      : encoder.encode(request.body);
    const basic = this.#basicAuth(place);
    const headers: HeaderLine[] = [
      ["User-Agent", "GitLab-Shell"],
      ["Connection", "close"],
    ];
    if (body) headers.push(["Content-Length", String(body.length)]);
    if (basic !== undefined) headers.push(["Authorization", basic]);
    headers.push(["Content-Type", "application/json"]);
    headers.push(["Gitlab-Shell-Api-Request", token.text]);
    if (forwardedFor !== "") headers.push(["X-Forwarded-For", forwardedFor]);
    headers.push(["X-Request-Id", correlationId]);
    headers.push(["Accept-Encoding", "gzip"]);
    return {
      method: request.method,
      place,
      headers,
      body,
      isQueryPrivate: request.isQueryPrivate ?? false,
      isRateLimited: request.isRateLimited ?? false,
      onSent: () => {
        request.onSent?.();
        this.#options.onSent?.();
      },
      onFinal: request.onFinal,
      logFields: request.logFields,
    };
  }

  #basicAuth({ urlCredentials }: RequestPlace): string | undefined {
    const { user, password } = this.#options.credentials;
    const text = user !== "" && !password.isEmpty
      ? `${user}:${password.reveal()}`
      : urlCredentials;
    if (text === undefined) return undefined;
    return `Basic ${encoder.encode(text).toBase64()}`;
  }
}

type Attempted =
  | (AttemptResult & { kind: "answer" })
  | (AttemptResult & { kind: "busy" } & { readonly cause: unknown });

/** Cancellation is expected; a deadline that passed counts as a fault. */
function givenUp(reason: unknown): ApiError {
  return unreachableError(reason, isTimeout(reason) ? "system" : "policy");
}
