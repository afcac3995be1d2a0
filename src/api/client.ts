/**
 * The internal API as commands see it. The rest of this room is how.
 * Source: GitLab Shell 14.56.1, internal API.
 * @module
 */
import type { AccessAnswer, AccessQuestion, Identity } from "./access.ts";

/** Who `/discover` says the session belongs to. */
export interface DiscoveredUser {
  /** Less than 1 for nobody. */
  readonly id: number;
  readonly username: string;
}

/** The key that `/authorized_keys` found. */
export interface AuthorizedKey {
  readonly id: number;
  /** Type, base64 and comment. */
  readonly key: string;
}

/** One process's or connection's way to the internal API. */
export interface ApiClient {
  /** @throws {ApiError | Error} As internal-api.md 3.2 maps failures. */
  allowed(
    question: AccessQuestion,
    signal?: AbortSignal,
  ): Promise<AccessAnswer>;
  /** @throws {ApiError | Error} */
  discover(identity: Identity, signal?: AbortSignal): Promise<DiscoveredUser>;
  /** @throws {ApiError | Error} */
  authorizedKey(key: string, signal?: AbortSignal): Promise<AuthorizedKey>;
}
