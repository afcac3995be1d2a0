/**
 * Git over HTTP with a server that is not our own GitLab: the primary of a Geo
 * secondary, or a Cell. Never repeated, and refusals are shown as they come.
 * Source: GitLab Shell 14.56.1, Git HTTP client; Go 1.24, net/http.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { errorText } from "../core/errors.ts";
import type { Clock } from "../core/host.ts";
import type { LogFields, Logger } from "../core/log.ts";
import { roundToMicroseconds } from "./attempt.ts";
import { placeUrl, type RequestPlace } from "./base_url.ts";
import {
  GitHttpExchange,
  logUnreachable,
  unavailable,
} from "./git_http_exchange.ts";
import { gitHeaders, type GitHeaderSource } from "./git_http_headers.ts";
import type { HeaderLine } from "./http1_request.ts";
import { HttpStream } from "./http1_stream.ts";
import { isRedirect } from "./refusal.ts";
import { SilenceWatch } from "./silence_watch.ts";
import type { TokenMinter } from "./token.ts";
import type { WebTransport } from "./web_transport.ts";

/** Longest silence of a server whose turn it is. The reference has no limit. */
export const SILENCE_MS_MAX = 60_000;
/** Go's 30 s to dial and 10 s to shake hands. */
export const CONNECT_MS_MAX = 40_000;
/** Redirects of a GET that are followed; Go's number. */
export const REDIRECTS_MAX = 10;

/** What is asked of a server. */
export interface GitHttpRequest {
  readonly method: "GET" | "POST";
  /** Whole, of scheme http or https. */
  readonly url: string;
  /** In this order. What frames or names us is ours and left out. */
  readonly headers: readonly HeaderLine[];
}

/** What the exchanges of one session have in common. */
export interface GitHttpOptions extends GitHeaderSource {
  readonly web: WebTransport;
  readonly minter: TokenMinter;
  readonly log: Logger;
  readonly clock: Clock;
  /** `SILENCE_MS_MAX` unless given. */
  readonly silenceMs?: number;
}

/** How one exchange is held. */
export interface GitHttpPatience {
  readonly signal: AbortSignal;
  /** Whether the server has to say something; always, if left out. */
  readonly isPeersTurn?: () => boolean;
}

/** Talks to servers by Git over HTTP, for one session. */
export class GitHttpClient {
  readonly #options: GitHttpOptions;

  constructor(options: GitHttpOptions) {
    this.#options = options;
  }

  /** The token by which a cell knows us, and whom we speak for. */
  async mintToken(glId: string): Promise<string> {
    const { minter, clock } = this.#options;
    const claims: Record<string, string> = glId === "" ? {} : { gl_id: glId };
    return (await minter.mint(clock.nowMs(), claims)).text;
  }

  /**
   * Asks for something and follows where the server sends us, without the
   * headers that were meant for it if that is another origin.
   * @returns The answer, whose status is below 400.
   * @throws {ApiError | Error} What the user is shown.
   */
  async get(
    url: string,
    headers: readonly HeaderLine[],
    patience: GitHttpPatience,
  ): Promise<GitHttpExchange> {
    const { clock, silenceMs = SILENCE_MS_MAX } = this.#options;
    const startMs = clock.monotonicMs();
    let at = url;
    for (let hops = 0;; hops++) {
      const own = isSameOrigin(at, url) ? headers : [];
      const request = { method: "GET", url: at, headers: own } as const;
      const exchange = await this.open(request, patience);
      try {
        const { status, headers: answered } = await exchange.readHead();
        if (!isRedirect(status)) {
          await exchange.openAnswer();
          return exchange;
        }
        const location = answered.get("location")?.[0];
        const isLate = clock.monotonicMs() - startMs > silenceMs;
        if (location === undefined || hops === REDIRECTS_MAX || isLate) {
          throw unavailable(new Error(`Cannot follow a ${status}`), status);
        }
        at = resolveLocation(location, at);
      } catch (error) {
        exchange[Symbol.dispose]();
        throw error;
      }
      exchange[Symbol.dispose]();
    }
  }

  /**
   * Begins an exchange; a POST has a body whose end only the user knows.
   * @throws {ApiError} `Remote repository is unavailable`.
   */
  async open(
    request: GitHttpRequest,
    { signal, isPeersTurn = () => true }: GitHttpPatience,
  ): Promise<GitHttpExchange> {
    const { clock, log, silenceMs: limitMs = SILENCE_MS_MAX } = this.#options;
    const startMs = clock.monotonicMs();
    const watch = new SilenceWatch({ limitMs, parent: signal, isPeersTurn });
    const record = (): LogFields => ({
      method: request.method,
      url: shownUrl(request.url),
      duration_s: roundToMicroseconds(clock.monotonicMs() - startMs),
    });
    try {
      return new GitHttpExchange(await this.#begin(request, watch), {
        method: request.method,
        watch,
        log,
        record,
      });
    } catch (cause) {
      watch[Symbol.dispose]();
      logUnreachable(log, record(), cause);
      throw unavailable(cause);
    }
  }

  async #begin(
    { method, url, headers }: GitHttpRequest,
    watch: SilenceWatch,
  ): Promise<HttpStream> {
    const place: RequestPlace = placeUrl(lowerScheme(url));
    const { silenceMs = SILENCE_MS_MAX } = this.#options;
    const connectMs = Math.min(CONNECT_MS_MAX, silenceMs);
    using deadline = new Deadline(connectMs, watch.signal);
    const { duplex, target, isProxied, headers: proxyHeaders } = await this
      .#options.web.connect(place, deadline.signal);
    return HttpStream.open(watch.listenTo(duplex), {
      method,
      target,
      isProxied,
      host: place.host,
      headers: [
        ...gitHeaders(headers, this.#options, place.urlCredentials),
        ...proxyHeaders,
      ],
      body: method === "POST" ? "chunked" : "none",
    }, watch.signal);
  }
}

function resolveLocation(location: string, base: string): string {
  let url: URL;
  try {
    url = new URL(location, base);
  } catch (cause) {
    throw unavailable(new Error(`Cannot follow to ${errorText(cause)}`));
  }
  if (url.protocol === "http:" || url.protocol === "https:") return url.href;
  throw unavailable(new Error(`Cannot follow to scheme ${url.protocol}`));
}

function isSameOrigin(left: string, right: string): boolean {
  return left === right ||
    URL.parse(left)?.origin === (URL.parse(right)?.origin ?? null);
}

/** Schemes have no case; what follows keeps its own. */
function lowerScheme(url: string): string {
  return url.replace(/^https?:/i, (scheme) => scheme.toLowerCase());
}

/** The URL without what stood before an `@`. */
function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1");
}
