/**
 * The client of GitLab's internal API.
 * Source: GitLab Shell 14.56.1, internal API.
 * @module
 */
import type { Config } from "../config/config.ts";
import { Deadline } from "../core/deadline.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { decodeAnswer, encodeQuestion } from "./allowed.ts";
import { ApiCaller } from "./api_call.ts";
import type { ApiAnswer } from "./attempt.ts";
import type { ApiClient, AuthorizedKey } from "./client.ts";
import {
  decodeHealth,
  decodeKey,
  decodeUser,
  discoverQuery,
} from "./lookups.ts";
import {
  ApiTransport,
  type TransportConfig,
  type TransportHost,
} from "./transport.ts";

/** What a client is made of. */
export interface ApiClientOptions extends TransportHost {
  readonly config: TransportConfig & Pick<Config, "secret">;
  /** Carries the correlation id. */
  readonly log: Logger;
  /** Sent as `X-Request-Id`. */
  readonly correlationId: string;
  readonly clock: Clock;
  /**
   * Shared by the clients of one process, so that certificates are read once;
   * made from `config` when left out.
   */
  readonly transport?: ApiTransport;
  /** For `X-Forwarded-For`, which gitlab-sshd alone sends. */
  readonly forwardedFor?: string;
  /** Bound of one key lookup, retries included; none when left out. */
  readonly keyLookupTimeoutMs?: number;
}

/** Makes a client. Opens no connection and fails only when it is used. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { config, log, clock, correlationId } = options;
  const caller = new ApiCaller({
    transport: options.transport ?? new ApiTransport(config, options),
    secret: config.secret,
    credentials: config.http,
    correlationId,
    forwardedFor: options.forwardedFor ?? "",
    readTimeoutMs: config.http.readTimeoutMs,
    log,
    clock,
  });
  return {
    async allowed(question, signal, onSent) {
      const answer = await caller.call({
        method: "POST",
        path: "/allowed",
        body: encodeQuestion(question),
        isRateLimited: true,
        ...(onSent && { onSent }),
      }, signal);
      return decoded(answer, (body) => decodeAnswer(answer.status, body));
    },
    async discover(identity, signal) {
      const query = discoverQuery(identity);
      const path = "/discover";
      const answer = await caller.call({ method: "GET", path, query }, signal);
      return decoded(answer, decodeUser);
    },
    async authorizedKey(key, signal) {
      const timeoutMs = options.keyLookupTimeoutMs;
      if (timeoutMs === undefined) return await lookUpKey(caller, key, signal);
      using deadline = new Deadline(timeoutMs, signal);
      return await lookUpKey(caller, key, deadline.signal);
    },
    async check(signal) {
      const answer = await caller.call(
        { method: "GET", path: "/check" },
        signal,
      );
      return decoded(answer, decodeHealth);
    },
  };
}

async function lookUpKey(
  caller: ApiCaller,
  key: string,
  signal: AbortSignal | undefined,
): Promise<AuthorizedKey> {
  const answer = await caller.call({
    method: "GET",
    path: "/authorized_keys",
    query: { key },
    // The query is the user's public key.
    isQueryPrivate: true,
  }, signal);
  const found = decoded(answer, decodeKey);
  // The reference would let an empty answer in as key 0.
  if (found.id < 1) throw new Error(`Key has no usable id: ${found.id}`);
  return found;
}

/** @throws {Error} `parsing failed`, which is all that the user learns. */
function decoded<T>(
  { body, bodyError }: ApiAnswer,
  decode: (body: Uint8Array) => T,
): T {
  try {
    if (body === undefined) throw bodyError;
    return decode(body);
  } catch (cause) {
    throw new Error("parsing failed", { cause });
  }
}
