/**
 * Why a connection did not become a login, for the operator: one record for
 * each refused login, of a form that fail2ban reads, and what to hold against
 * the client.
 * @module
 */
import { createHash } from "node:crypto";
import type { Logger } from "../core/log.ts";
import type { Blame } from "./login.ts";
import type { Offence } from "./penalties.ts";
import { shorten } from "./shown_text.ts";

/** The record of a client that is to blame; `docs/fail2ban` looks for it. */
export const REFUSED_MESSAGE = "login refused";
/** The record of one that is not: GitLab could not be asked. */
export const IMPOSSIBLE_MESSAGE = "login not possible";

/** An attempt that came to nothing. */
export interface RefusedAttempt {
  readonly user: string;
  readonly method: string;
  /** The key or certificate that was offered, if one was. */
  readonly blob: Uint8Array | undefined;
  readonly reason: string;
  readonly blame: Blame;
}

/** Fingerprints that one record names. */
const FINGERPRINTS_MAX = 8;

/** The refused attempts of one connection. */
export class LoginRefusals {
  readonly #fingerprints = new Set<string>();
  #latest: RefusedAttempt | undefined;
  #count = 0;
  #blames = new Set<Blame>();

  /**
   * Keeps what the record will say; text and key are cut or hashed at once.
   * @returns Whether GitLab could not be asked, for the first time.
   */
  add(attempt: RefusedAttempt): boolean {
    this.#count++;
    const isNews = attempt.blame === "server" && !this.#blames.has("server");
    this.#blames.add(attempt.blame);
    const { user, method, reason, blob } = attempt;
    this.#latest = {
      ...attempt,
      blob: undefined,
      user: shorten(user),
      method: shorten(method),
      reason: shorten(reason),
    };
    if (blob && this.#fingerprints.size < FINGERPRINTS_MAX) {
      this.#fingerprints.add(fingerprintOf(blob));
    }
    return isNews;
  }

  /** What the client did wrong; nothing if GitLab could not be asked. */
  get offence(): Offence | undefined {
    if (this.#blames.has("server")) return undefined;
    if (this.#blames.has("user_name")) return "invaliduser";
    return this.#blames.has("client") ? "authfail" : undefined;
  }

  /** Writes the record of a connection that ends without a login. */
  report(log: Logger): void {
    if (!this.#latest) return;
    const { user, method, reason } = this.#latest;
    const isOurs = this.#blames.has("server");
    log.warn(isOurs ? IMPOSSIBLE_MESSAGE : REFUSED_MESSAGE, {
      reason,
      ssh_user: user,
      method,
      ...(this.#fingerprints.size > 0 && {
        public_key_fingerprint: [...this.#fingerprints].join(" "),
      }),
      refused_attempts: this.#count,
    });
  }
}

/**
 * The fingerprint of a key's wire form, as OpenSSH prints it.
 * @example
 * ```ts
 * import { fingerprintOf } from "./login_refusals.ts";
 * fingerprintOf(new Uint8Array()).startsWith("SHA256:47DEQpj8"); // true
 * ```
 */
export function fingerprintOf(blob: Uint8Array): string {
  const hash = createHash("sha256").update(blob).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}
