/**
 * A stand-in for GitLab's internal API: checks what it is sent, answers from
 * its own users, keys and projects, and remembers every request.
 * Source: GitLab Shell 14.56.1, internal API client; GitLab Rails.
 * @module
 */
import { SYSTEM_CLOCK } from "../../core/host.ts";
import { type ListenAddress, openListener } from "../listen.ts";
import { RecordList } from "../records.ts";
import { Directory } from "./directory.ts";
import type {
  ApiAnswer,
  ApiRequest,
  ApiState,
  GitalyAccess,
} from "./endpoint.ts";
import { ENDPOINTS } from "./endpoint_table.ts";
import type { GeoSecondary } from "./geo.ts";
import {
  type HeaderLines,
  headerValues,
  type HttpRequest,
  readWhole,
} from "./http_message.ts";
import { type HttpAnswer, HttpServer } from "./http_server.ts";
import { checkJwt, type JwtClaims, type JwtMode } from "./jwt.ts";
import { PushDesk } from "./push_desk.ts";
import { GITLAB_RATE_LIMIT, RateLimiter } from "./rate_limiter.ts";
import {
  type BasicAuth,
  findHeaderFaults,
  hasBasicAuth,
} from "./request_check.ts";
import { AnswerScript } from "./script.ts";

/** How a stand-in is set up. */
export interface InternalApiOptions {
  readonly listen: readonly ListenAddress[];
  /** As it stands in the secret file. */
  readonly secret: string;
  /** In front of `/api/v4/internal`: `/gitlab`. Empty if absent. */
  readonly pathPrefix?: string;
  readonly basicAuth?: BasicAuth;
  /** `strict` unless given. */
  readonly jwtMode?: JwtMode;
  /** GitLab's 600 unless given; 0 for none. */
  readonly rateLimit?: number;
  /** Clock of the rate limit's minutes; `clock` if absent. */
  readonly rateLimitClock?: { nowMs(): number };
  readonly isLimitedByAddress?: boolean;
  readonly gitaly?: Readonly<Record<string, GitalyAccess>>;
  /** The primary, if this is a Geo secondary. */
  readonly geo?: GeoSecondary;
  readonly clock?: { nowMs(): number };
}

/** One request as it came in, and what became of it. */
export interface ApiRecord {
  readonly atMs: number;
  readonly connectionId: number;
  readonly method: string;
  /** Path and query, raw. */
  readonly target: string;
  /** Path below `/api/v4/internal`, without query. */
  readonly endpoint: string;
  readonly headers: HeaderLines;
  readonly body: Uint8Array;
  /** Absent if the token was refused. */
  readonly claims: JwtClaims | undefined;
  /** What GitLab Shell would not have sent, one sentence each. */
  readonly violations: readonly string[];
  /** Status of the answer. */
  readonly status: number;
}

/** A stand-in that runs. */
export interface InternalApi extends AsyncDisposable {
  /** Serves what else a GitLab has; gives `undefined` for what it does not. */
  web: ((request: HttpRequest) => HttpAnswer | undefined) | undefined;
  /** As `gitlab_url` has them, path prefix included, in the order of `listen`. */
  readonly urls: readonly string[];
  readonly state: ApiState;
  readonly script: AnswerScript;
  readonly requests: RecordList<ApiRecord>;
}

const INTERNAL_PATH = "/api/v4/internal";
/** Where a person says yes in place of a phone: `/phone/approve/mira`. */
const PHONE_PATH = "/phone/approve/";
const BODY_BYTES_MAX = 1_048_576;
const JSON_TYPE = ["Content-Type", "application/json"] as const;
const DEFAULT_GIT_OPTIONS = [
  "uploadpack.allowFilter=true",
  "uploadpack.allowAnySHA1InWant=true",
];
const encoder = new TextEncoder();
const utf8 = new TextDecoder();

/**
 * Starts a stand-in.
 * @throws {Deno.errors.AddrInUse} If an address is taken; nothing is left open.
 */
export async function startInternalApi(
  options: InternalApiOptions,
): Promise<InternalApi> {
  const api = new InternalApiServer(options);
  try {
    for (const listen of options.listen) api.listen(listen);
  } catch (error) {
    await api[Symbol.asyncDispose]();
    throw error;
  }
  return api;
}

class InternalApiServer implements InternalApi {
  web: InternalApi["web"];
  readonly state: ApiState;
  readonly script = new AnswerScript();
  readonly requests = new RecordList<ApiRecord>();
  readonly #options: InternalApiOptions;
  readonly #http = new HttpServer((request) => this.#handle(request));
  readonly #urls: string[] = [];

  constructor(options: InternalApiOptions) {
    this.#options = options;
    const clock = options.clock ?? SYSTEM_CLOCK;
    this.state = {
      directory: new Directory(),
      limiter: new RateLimiter(
        options.rateLimit ?? GITLAB_RATE_LIMIT,
        options.rateLimitClock ?? clock,
      ),
      isLimitedByAddress: options.isLimitedByAddress ?? false,
      retryAfter: { form: "absent" },
      clock,
      gitaly: new Map(Object.entries(options.gitaly ?? {})),
      gitConfigOptions: DEFAULT_GIT_OPTIONS,
      retryConfig: undefined,
      isRedisUp: true,
      geo: options.geo,
      webUrl: "http://localhost",
      lfsUrl: "",
      pushes: new PushDesk(),
      recoveryCodes: new Map(),
      tokens: new Map(),
      lfsGrants: new Map(),
      auditEvents: new RecordList(),
    };
  }

  get urls(): readonly string[] {
    return this.#urls;
  }

  listen(address: ListenAddress): void {
    const opened = openListener(address);
    this.#http.listen(opened);
    const url = this.#formatUrl(address.transport, opened.boundTo);
    this.#urls.push(url);
    if (address.transport === "tcp") this.state.webUrl = url;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.state.pushes.close();
    return this.#http.close();
  }

  async #handle(request: HttpRequest): Promise<HttpAnswer> {
    const other = this.web?.(request);
    if (other) return other;
    const body = await readWhole(request.body, BODY_BYTES_MAX);
    const isForPhone = request.target.startsWith(PHONE_PATH);
    if (isForPhone) return answerPhone(request, this.state);
    const endpoint = this.#endpointPath(request.target);
    const jwt = this.#checkJwt(request.headers);
    const violations = findHeaderFaults(
      request.headers,
      this.#options.basicAuth,
    );
    if (typeof jwt === "string") violations.push(jwt);
    const answer = this.script.take(endpoint) ??
      await this.#answer(request, { endpoint, jwt, body, violations });
    this.requests.add({
      atMs: this.state.clock.nowMs(),
      connectionId: request.connectionId,
      method: request.method,
      target: request.target,
      endpoint,
      headers: request.headers,
      body,
      claims: typeof jwt === "string" ? undefined : jwt,
      violations,
      status: answer.response.status,
    });
    return answer;
  }

  #checkJwt(headers: HeaderLines): JwtClaims | string {
    const tokens = headerValues(headers, "Gitlab-Shell-Api-Request");
    if (tokens.length > 1) return "token sent more than once";
    return checkJwt(tokens[0], {
      secret: this.#options.secret,
      nowMs: this.state.clock.nowMs(),
      mode: this.#options.jwtMode ?? "strict",
    });
  }

  /** @returns An empty text for what is not below the internal API. */
  #endpointPath(target: string): string {
    const prefix = (this.#options.pathPrefix ?? "") + INTERNAL_PATH;
    if (!target.startsWith(prefix)) return "";
    return target.slice(prefix.length).split("?", 1)[0] ?? "";
  }

  async #answer(
    { method, target, headers, peerAddress }: HttpRequest,
    { endpoint: path, jwt, body, violations }: {
      endpoint: string;
      jwt: JwtClaims | string;
      body: Uint8Array;
      violations: string[];
    },
  ): Promise<HttpAnswer> {
    const endpoint = ENDPOINTS.get(path);
    if (!endpoint) {
      return toHttp({ status: 404, body: { error: "404 Not Found" } });
    }
    if (endpoint.method !== method) {
      return toHttp({ status: 405, body: { error: "405 Not Allowed" } });
    }
    const isKnown = hasBasicAuth(headers, this.#options.basicAuth) &&
      typeof jwt !== "string";
    if (!isKnown) {
      return toHttp({ status: 401, body: { message: "401 Unauthorized" } });
    }
    const values = parseBody(body);
    if (!values) {
      violations.push("body is no JSON object");
      return toHttp({ status: 400, body: { error: "400 Bad Request" } });
    }
    violations.push(...endpoint.checkBody?.(values) ?? []);
    const query = new URLSearchParams(target.split("?").slice(1).join("?"));
    const request: ApiRequest = { query, body: values, peerAddress };
    return toHttp(await endpoint.answer(request, this.state));
  }

  #formatUrl(transport: ListenAddress["transport"], boundTo: string): string {
    if (transport === "unix") {
      return `http+unix://${encodeURIComponent(boundTo)}`;
    }
    const scheme = transport === "tls" ? "https" : "http";
    return `${scheme}://${boundTo}${this.#options.pathPrefix ?? ""}`;
  }
}

/** Says yes to what the phone of a user is asked. */
function answerPhone(
  { method, target }: HttpRequest,
  { directory, pushes }: ApiState,
): HttpAnswer {
  if (method !== "POST") return toHttp({ status: 405, body: {} });
  const user = directory.userByName(target.slice(PHONE_PATH.length));
  if (!user) return toHttp({ status: 404, body: {} });
  return toHttp({ status: 200, body: { approved: pushes.approve(user.id) } });
}

function parseBody(body: Uint8Array): Record<string, unknown> | undefined {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(utf8.decode(body));
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}

function toHttp({ status, body, headers = [] }: ApiAnswer): HttpAnswer {
  const bytes = encoder.encode(JSON.stringify(body));
  return {
    response: { status, headers: [JSON_TYPE, ...headers], body: bytes },
  };
}
