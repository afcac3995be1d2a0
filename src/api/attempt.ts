/**
 * One attempt of a call: one connection, one request, one record.
 * Source: GitLab Shell 14.56.1, HTTP client and its log records.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { errorChainText } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { LogFields, Logger } from "../core/log.ts";
import type { RequestPlace } from "./base_url.ts";
import { collectBody, concat, Exchange } from "./exchange.ts";
import { encodeRequestHead, type HeaderLine } from "./http1_request.ts";
import type { ResponseHead } from "./http1_response.ts";
import {
  decodeRateLimitText,
  isRedirect,
  isSystemFault,
  rateLimitError,
  redirectError,
  refusalError,
} from "./refusal.ts";
import { isRetryableStatus } from "./retry.ts";
import type { ApiTransport } from "./transport.ts";

/**
 * Longest body that is read, before and after gzip. The reference has no
 * limit; the largest answer that GitLab gives has a few kilobytes.
 */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** A request ready to be sent. */
export interface OutgoingRequest {
  readonly method: "GET" | "POST";
  readonly place: RequestPlace;
  readonly headers: readonly HeaderLine[];
  readonly body: Uint8Array | undefined;
  /** Whether the query holds what records shall not. */
  readonly isQueryPrivate: boolean;
  /** Whether GitLab's own rate limiter may answer. */
  readonly isRateLimited: boolean;
  /** Called when all of it is sent. */
  readonly onSent: (() => void) | undefined;
  /** Called before the body of an answer is read that ends all attempts. */
  readonly onFinal: (() => void) | undefined;
  /** What its record tells before anything else. */
  readonly logFields: LogFields | undefined;
}

/** A status that is no error, and the body that came with it. */
export interface ApiAnswer {
  readonly status: number;
  /** `undefined` if it broke off, took too long or was too long. */
  readonly body: Uint8Array | undefined;
  /** Why there is no body. */
  readonly bodyError: unknown;
}

/** An answer, or a status that may be better next time. */
export type AttemptResult =
  | { readonly kind: "answer"; readonly answer: ApiAnswer }
  | {
    readonly kind: "busy";
    readonly status: number;
    readonly retryAfter: string | undefined;
  };

/**
 * Told of each attempt when it begins.
 * @returns To be called at its end, with the status if there was a response.
 */
export type AttemptObserver = (method: string) => (status?: number) => void;

/** What an attempt uses. */
export interface AttemptContext {
  /** Nobody, unless given. */
  readonly observe?: AttemptObserver | undefined;
  readonly transport: ApiTransport;
  readonly readTimeoutMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Makes one attempt. It ends with the deadline, which covers everything from
 * the first packet to the last byte of the body.
 * @throws {ApiError} A redirect, or a refusal that is final.
 * @throws {CertificateError | UnsendableRequestError} Not worth another attempt.
 * @throws {Error} There was no response.
 */
export async function attemptCall(
  request: OutgoingRequest,
  context: AttemptContext,
  signal: AbortSignal | undefined,
): Promise<AttemptResult> {
  const { transport, readTimeoutMs, log, clock } = context;
  const finish = context.observe?.(request.method);
  using deadline = new Deadline(readTimeoutMs, signal, { isLate: true });
  const startMs = clock.monotonicMs();
  const record = (): LogFields => ({
    ...request.logFields,
    method: request.method,
    url: shownUrl(request),
    duration_s: roundToMicroseconds(clock.monotonicMs() - startMs),
  });
  let response: Response;
  try {
    response = await exchangeHeads(request, transport, deadline);
  } catch (error) {
    finish?.();
    log.error("Internal API unreachable", {
      ...record(),
      error_message: errorChainText(error),
    });
    throw error;
  }
  using exchange = response.exchange;
  finish?.(response.head.status);
  logResponse(response.head, record(), log);
  if (!isRetryableStatus(response.head.status)) request.onFinal?.();
  return await judge(request, { exchange, head: response.head });
}

interface Response {
  readonly exchange: Exchange;
  readonly head: ResponseHead;
}

async function exchangeHeads(
  { method, place, headers, body, onSent }: OutgoingRequest,
  transport: ApiTransport,
  deadline: Deadline,
): Promise<Response> {
  const { signal } = deadline;
  const { target, host } = place;
  const head = encodeRequestHead({ method, target, host, headers });
  const connecting = transport.connect(place.connection, signal);
  // A socket of this machine stands at once, or does not.
  if (place.connection.kind !== "unix") deadline.watch();
  const connection = await connecting;
  const exchange = new Exchange(
    connection,
    signal,
    (stop) => deadline.watch(stop),
  );
  try {
    const sending = exchange.send(
      body ? concat([head, body], head.length + body.length) : head,
    );
    // A server may answer and hang up before it has read everything. If it
    // does not answer either, reading fails too.
    sending.then(onSent, () => {});
    return { exchange, head: await exchange.readHead() };
  } catch (error) {
    exchange[Symbol.dispose]();
    throw error;
  }
}

async function judge(
  { isRateLimited }: OutgoingRequest,
  { exchange, head }: Response,
): Promise<AttemptResult> {
  const { status, headers } = head;
  if (isRedirect(status)) {
    throw redirectError(status, headers.get("location")?.[0]);
  }
  if (status === 429 && isRateLimited) {
    const { body } = await readAnswer(exchange, head);
    const text = body && decodeRateLimitText(body);
    if (text) throw rateLimitError(text);
  }
  if (isRetryableStatus(status)) {
    const retryAfter = headers.get("retry-after")?.[0];
    return { kind: "busy", status, retryAfter };
  }
  const answer = await readAnswer(exchange, head);
  if (status >= 400) throw refusalError(status, answer.body);
  return { kind: "answer", answer };
}

async function readAnswer(
  exchange: Exchange,
  { status, headers }: ResponseHead,
): Promise<ApiAnswer> {
  try {
    let body = await collectBody(exchange, BODY_BYTES_MAX);
    if (isGzip(headers)) {
      const { gunzip } = await import("./gunzip.ts");
      body = await gunzip(body, BODY_BYTES_MAX);
    }
    return { status, body, bodyError: undefined };
  } catch (bodyError) {
    return { status, body: undefined, bodyError };
  }
}

function isGzip(headers: ResponseHead["headers"]): boolean {
  return headers.get("content-encoding")?.[0]?.toLowerCase() === "gzip";
}

/** Records an answer, as fault, refusal or success. */
export function logResponse(
  { status, headers, contentLength }: ResponseHead,
  record: LogFields,
  log: Logger,
): void {
  const fields = { ...record, status };
  if (isSystemFault(status)) log.error("Internal API error", fields);
  else if (status >= 400) {
    log.info("Internal API returned a client error", fields);
  } else {
    log.info("Finished HTTP request", {
      ...fields,
      // Of what is decoded on the way, Go does not tell the length.
      content_length_bytes: isGzip(headers) ? undefined : contentLength,
    });
  }
}

function shownUrl({ place, isQueryPrivate }: OutgoingRequest): string {
  return isQueryPrivate ? place.shownUrl.replace(/\?.*$/s, "") : place.shownUrl;
}

/** Milliseconds as seconds, exact to the microsecond. */
export function roundToMicroseconds(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1_000_000;
}
