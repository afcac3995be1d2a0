/**
 * The internal API as commands see it. The rest of this room is how.
 * Source: GitLab Shell 14.56.1, internal API.
 * @module
 */
import type { LogFields } from "../core/log.ts";
import type { AccessAnswer, AccessQuestion, Identity } from "./access.ts";
import type { CreatedToken, TokenWish } from "./account.ts";
import type { GitAuditEvent } from "./git_audit_event.ts";
import type { GitHttpClient } from "./git_http.ts";
import type { LfsAccess, LfsQuestion } from "./lfs_authenticate.ts";
import type { WebTransport } from "./web_transport.ts";

/** Who `/discover` says the session belongs to. */
export interface DiscoveredUser {
  /** Less than 1 for nobody. */
  readonly id: number;
  readonly username: string;
}

/** The key that `/authorized_keys` found. */
export interface AuthorizedKey {
  /** 1 or more. */
  readonly id: number;
  /** Type, base64 and comment; may be empty. */
  readonly key: string;
}

/** A user certificate that GitLab is asked about. */
export interface CertificateQuestion {
  /** SHA-256 of the authority's key: base64 without padding. */
  readonly authority: string;
  /** What the authority calls the user. */
  readonly identifier: string;
}

/** The user that `/authorized_certs` found, and the only place to be. */
export interface CertifiedUser {
  readonly username: string;
  readonly namespace: string;
}

/** What `/check` says of the GitLab that answered. */
export interface HealthReport {
  /** Whether its Redis can be reached. */
  readonly hasRedis: boolean;
}

/**
 * One process's or connection's way to the internal API.
 *
 * Failures of every call: an `ApiError` for a refusal (`policy`) or a fault
 * (`system`), with status 0 when there was no response; a plain `Error` for
 * `error creating http client: …`, `secret must not be empty` and
 * `parsing failed`. The texts are GitLab's and fit for the user. A signal that
 * aborts ends the call at once, as `Internal API unreachable`: a fault if its
 * reason is a `TimeoutError`, else a mere cancellation (`policy`).
 */
export interface ApiClient {
  /**
   * @param onSent Called when a request is on its way and nothing is left but
   * to wait: the time to load what the answer will need.
   * @throws {ApiError | Error} As above; `status: false` is an answer.
   */
  allowed(
    question: AccessQuestion,
    signal?: AbortSignal,
    onSent?: () => void,
  ): Promise<AccessAnswer>;
  /** @throws {ApiError | Error} As above; nobody to ask about. */
  discover(identity: Identity, signal?: AbortSignal): Promise<DiscoveredUser>;
  /**
   * @param key Base64 of the key's wire form, padded or not.
   * @throws {ApiError | Error} As above; 404 for an unknown key; an answer
   * without a usable id.
   */
  authorizedKey(key: string, signal?: AbortSignal): Promise<AuthorizedKey>;
  /**
   * @throws {ApiError | Error} As above; 404 for an unknown authority or user;
   * an answer without user or namespace.
   */
  authorizedCertificate(
    question: CertificateQuestion,
    signal?: AbortSignal,
  ): Promise<CertifiedUser>;
  /** @throws {ApiError | Error} As above. */
  check(signal?: AbortSignal): Promise<HealthReport>;
  /**
   * The way to the public URLs that answers name; not to the API itself.
   */
  webTransport(): Promise<WebTransport>;
  /** Git over HTTP with another GitLab: a Geo primary, or a cell. */
  gitHttp(): Promise<GitHttpClient>;
  /**
   * Whether calls can be made at all; makes none.
   * @throws {Error} `error creating http client: …`.
   */
  checkBase(): void;
  /**
   * Makes new recovery codes; the old ones are void from then on.
   * @throws {ApiError | Error} As above; GitLab's text if it made none.
   */
  recoveryCodes(
    identity: Identity,
    signal?: AbortSignal,
  ): Promise<readonly string[]>;
  /** @throws {ApiError | Error} As above; GitLab's text if `otp` is wrong. */
  checkOtp(
    identity: Identity,
    otp: string,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Asks the user's phone, and waits for the user.
   * @throws {ApiError | Error} As above; GitLab's text if nothing was approved.
   */
  checkPush(identity: Identity, signal?: AbortSignal): Promise<void>;
  /** @throws {ApiError | Error} As above; GitLab's text if it made none. */
  createToken(wish: TokenWish, signal?: AbortSignal): Promise<CreatedToken>;
  /** @throws {ApiError | Error} As above. */
  authenticateLfs(
    question: LfsQuestion,
    signal?: AbortSignal,
  ): Promise<LfsAccess>;
  /**
   * Tells GitLab of a Git operation that has ended well.
   * @param fields For the records of its requests.
   * @throws {ApiError | Error} As above.
   */
  reportGitAudit(
    event: GitAuditEvent,
    fields: LogFields,
    signal?: AbortSignal,
  ): Promise<void>;
}
