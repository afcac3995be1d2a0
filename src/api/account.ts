/**
 * What a user may ask about their own account, and what the answers mean.
 * Source: GitLab Shell 14.56.1, internal API, `/two_factor_*` and
 * `/personal_access_token`.
 * @module
 */
import type { Identity } from "./access.ts";

/** A personal access token as it is wished for. */
export interface TokenWish {
  readonly identity: Identity;
  readonly name: string;
  /** None left of those that were asked for is `null`, never an empty list. */
  readonly scopes: readonly string[] | null;
  /** `YYYY-MM-DD`. */
  readonly expiresAt: string;
}

/** A token that GitLab made; it says itself what it may do. */
export interface CreatedToken {
  /** The token: for the user's eyes, never for a record. */
  readonly token: string;
  readonly scopes: readonly string[];
  /** Empty for one that does not expire. */
  readonly expiresAt: string;
}
