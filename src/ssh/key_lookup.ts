/**
 * Finds out whom a public key belongs to, by asking GitLab.
 * Source: GitLab Shell 14.56.1, sshd server configuration.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import { Deadline, isTimeout } from "../core/deadline.ts";
import { ApiError, errorText } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { LoginDecision } from "./login.ts";
import type { PublicKey } from "./public_key.ts";

/** How long one question may take, retries included. */
export const LOOKUP_TIMEOUT_MS = 10_000;

/** What a look-up is made with. */
export interface KeyLookupOptions {
  /** The one user name that may log in. */
  readonly user: string;
  readonly api: Pick<ApiClient, "authorizedKey">;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * The look-ups of one connection. The most recent answer is kept, good or bad,
 * so that a query and the signature that follows cost one question.
 */
export class KeyLookup {
  readonly #options: KeyLookupOptions;
  #latest: { about: string; decision: LoginDecision } | undefined;

  constructor(options: KeyLookupOptions) {
    this.#options = options;
  }

  /**
   * Decides on a key that may or may not be proven.
   * @param blob The key's wire form, which is what GitLab is asked about.
   */
  async find(
    user: string,
    key: PublicKey,
    blob: Uint8Array,
  ): Promise<LoginDecision> {
    const encoded = blob.toBase64({ omitPadding: true });
    const about = `${encoded} ${user}`;
    if (this.#latest?.about === about) return this.#latest.decision;
    const decision = await this.#decide(user, key, encoded);
    this.#latest = { about, decision };
    return decision;
  }

  async #decide(
    user: string,
    key: PublicKey,
    encoded: string,
  ): Promise<LoginDecision> {
    const { log, api, signal } = this.#options;
    log.info("public key authentication", { ssh_key_type: key.type });
    if (user !== this.#options.user) {
      return { refusal: "unknown user", blame: "user_name" };
    }
    if (key.refusal !== undefined) return { refusal: key.refusal };
    using deadline = new Deadline(LOOKUP_TIMEOUT_MS, signal);
    try {
      const { id } = await api.authorizedKey(encoded, deadline.signal);
      // Ids begin at 1: anything else is not an answer about a key.
      if (!Number.isSafeInteger(id) || id < 1) {
        return { refusal: `Cannot accept key id ${id}` };
      }
      const identity = { kind: "key", keyId: String(id) } as const;
      return { login: { identity, namespacePath: "" } };
    } catch (error) {
      return refusalOf(error);
    }
  }
}

/** Our own time limit reads as the client's of the internal API does. */
function refusalOf(error: unknown): LoginDecision {
  if (isTimeout(error)) {
    return { refusal: "Internal API unreachable", blame: "server" };
  }
  const isSystem = error instanceof ApiError && error.kind === "system";
  const refusal = errorText(error);
  return isSystem ? { refusal, blame: "server" } : { refusal };
}
