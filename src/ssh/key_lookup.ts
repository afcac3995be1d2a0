/**
 * Finds out whom a public key belongs to, by asking GitLab.
 * Source: GitLab Shell 14.56.1, sshd server configuration.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import { Deadline, isTimeout } from "../core/deadline.ts";
import { ApiError, errorText } from "../core/errors.ts";
import {
  type CertificateLoginOptions,
  decideOnCertificate,
} from "./certificate_login.ts";
import type { LoginDecision } from "./login.ts";
import type { PublicKey } from "./public_key.ts";

/** How long one question may take, retries included. */
export const LOOKUP_TIMEOUT_MS = 10_000;

/** What a look-up is made with. */
export interface KeyLookupOptions extends CertificateLoginOptions {
  /** The one user name that may log in with a plain key. */
  readonly user: string;
  readonly api: Pick<ApiClient, "authorizedKey" | "authorizedCertificate">;
  readonly signal: AbortSignal;
  /** Told of each decision that is not the latest one again. */
  readonly onDecision?: (decision: LoginDecision, elapsedMs: number) => void;
}

/** A key that somebody offers. */
interface OfferedKey {
  readonly user: string;
  readonly key: PublicKey;
  readonly blob: Uint8Array;
  /** The wire form as GitLab is asked about it. */
  readonly encoded: string;
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
    const startMs = performance.now();
    const decision = await this.#decide({ user, key, blob, encoded });
    this.#options.onDecision?.(decision, performance.now() - startMs);
    this.#latest = { about, decision };
    return decision;
  }

  async #decide(offered: OfferedKey): Promise<LoginDecision> {
    const { log, signal } = this.#options;
    const { key, user, blob } = offered;
    log.info("public key authentication", { ssh_key_type: key.type });
    using deadline = new Deadline(LOOKUP_TIMEOUT_MS, signal);
    try {
      const { certificate } = key;
      return certificate
        ? await decideOnCertificate(
          { user, certificate, blob },
          this.#options,
          deadline.signal,
        )
        : await this.#decideOnKey(offered, deadline.signal);
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** @throws {Error} If GitLab cannot be asked or refuses. */
  async #decideOnKey(
    { user, key, encoded }: OfferedKey,
    signal: AbortSignal,
  ): Promise<LoginDecision> {
    if (user !== this.#options.user) {
      return { refusal: "unknown user", blame: "user_name" };
    }
    if (key.refusal !== undefined) return { refusal: key.refusal };
    const { id } = await this.#options.api.authorizedKey(encoded, signal);
    // Ids begin at 1: anything else is not an answer about a key.
    if (!Number.isSafeInteger(id) || id < 1) {
      return { refusal: `Cannot accept key id ${id}` };
    }
    const identity = { kind: "key", keyId: String(id) } as const;
    return { login: { identity, namespacePath: "" } };
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
