/**
 * What every endpoint of the internal API looks like from inside. A new
 * endpoint is a file with one of these and a row in `endpoint_table.ts`.
 * @module
 */
import type { RecordList } from "../records.ts";
import type { Directory } from "./directory.ts";
import type { PushDesk } from "./push_desk.ts";
import type { GeoSecondary } from "./geo.ts";
import type { RateLimiter } from "./rate_limiter.ts";

/** A request that has passed the checks of its headers. */
export interface ApiRequest {
  readonly query: URLSearchParams;
  /** The JSON body; an empty object where there is none. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly peerAddress: string;
}

/** An answer before it is made into bytes. */
export interface ApiAnswer {
  readonly status: number;
  /** Anything that JSON can hold. */
  readonly body: unknown;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** How Gitaly is reached for the repositories of one storage. */
export interface GitalyAccess {
  readonly address: string;
  readonly token: string;
  readonly features: Readonly<Record<string, string>>;
}

/** How a request over the limit is answered. */
export type RetryAfter =
  | { readonly form: "absent" }
  | { readonly form: "seconds"; readonly seconds: number }
  | { readonly form: "date"; readonly seconds: number };

/** A personal access token that was made, as it was answered. */
export interface DevToken {
  readonly userId: number;
  readonly token: string;
  readonly scopes: readonly unknown[];
  readonly expires_at: unknown;
}

/** What the bearer of an LFS token may do. */
export interface LfsGrant {
  /** Goes with the token in basic authentication. */
  readonly username: string;
  readonly projectPath: string;
  readonly operation: "download" | "upload";
  readonly expiresMs: number;
}

/** What endpoints may look at. */
export interface ApiState {
  readonly directory: Directory;
  readonly limiter: RateLimiter;
  /** Whether requests of one address to one project are counted together too. */
  readonly isLimitedByAddress: boolean;
  retryAfter: RetryAfter;
  readonly clock: { nowMs(): number };
  /** By storage name. */
  readonly gitaly: Map<string, GitalyAccess>;
  /** Options that every repository gets, in front of its own. */
  gitConfigOptions: readonly string[];
  /** Gitaly's retry policy to announce; absent from answers if undefined. */
  retryConfig: unknown;
  /** Whether Redis answers. */
  isRedisUp: boolean;
  /** The primary, if this is a Geo secondary. */
  geo: GeoSecondary | undefined;
  /** Where users' browsers find GitLab; no trailing slash. */
  webUrl: string;
  /** Where LFS clients find it, if that is elsewhere; empty if not. */
  lfsUrl: string;
  /** Phones that are asked. */
  readonly pushes: PushDesk;
  /** The latest ones, by the number of the user. */
  readonly recoveryCodes: Map<number, readonly string[]>;
  /** By their own text. */
  readonly tokens: Map<string, DevToken>;
  readonly lfsGrants: Map<string, LfsGrant>;
  /** Bodies as they came. */
  readonly auditEvents: RecordList<ApiRequest["body"]>;
}

/** One endpoint. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  /** Below `/api/v4/internal`. */
  readonly path: string;
  /** Finds what a client should not send; nothing to find in a GET. */
  checkBody?(body: Readonly<Record<string, unknown>>): string[];
  answer(request: ApiRequest, state: ApiState): ApiAnswer | Promise<ApiAnswer>;
}
