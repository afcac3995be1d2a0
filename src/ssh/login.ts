/**
 * What a login leaves behind: who the connection belongs to.
 * @module
 */
import type { Identity } from "../api/access.ts";

/**
 * Whom a proven key belongs to and what it is restricted to. Made once, from
 * the request whose signature was verified, and never changed: servers that
 * remembered the last key *asked about* let strangers in (CVE-2024-45337).
 */
export interface Login {
  readonly identity: Identity;
  /** Namespace that a certificate is bound to; empty for plain keys. */
  readonly namespacePath: string;
}

/**
 * Whose doing a refusal is: `server` when GitLab could not be asked, so that
 * nothing is held against the client.
 */
export type Blame = "client" | "user_name" | "server";

/** What came of a look-up: a login, or the reason for none. */
export type LoginDecision =
  | { readonly login: Login }
  /** Without a word about it the client is to blame. */
  | { readonly refusal: string; readonly blame?: Blame };
