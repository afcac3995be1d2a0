/**
 * User authentication: which requests are answered how, and when it is enough.
 * Rows F20 to F26: ssh2 counts nothing, disconnects on unknown methods and
 * hides which algorithm a client named, so its part is not used.
 * Source: RFC 4252; GitLab Shell 14.56.1 (golang.org/x/crypto), server side.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import { parseUserKey, plainAlgorithm } from "./certificate.ts";
import type { KeyLookup } from "./key_lookup.ts";
import type { Blame, Login } from "./login.ts";
import type { RefusedAttempt } from "./login_refusals.ts";
import type { PublicKey } from "./public_key.ts";
import {
  decodePublicKeyRequest,
  decodeUserauthRequest,
  DISCONNECT_REASON,
  encodePkOk,
  encodeUserauthFailure,
  encodeUserauthSuccess,
  type PublicKeyRequest,
  type UserauthRequest,
} from "./ssh_messages.ts";
import { shorten } from "./shown_text.ts";
import type { SshTransport } from "./transport.ts";
import { SshWriter } from "./wire.ts";

/** Failures after which the connection ends. */
export const AUTH_FAILURES_MAX = 6;
/** Requests of any outcome after which the connection ends. */
export const AUTH_REQUESTS_MAX = 128;
/** Requests that may wait for the answer to an earlier one. */
const AUTH_QUEUE_MAX = 16;
const METHODS = ["publickey"] as const;
/** Methods that exist and are never offered here. */
const OTHER_METHODS: ReadonlySet<string> = new Set([
  "password",
  "keyboard-interactive",
  "gssapi-with-mic",
]);

/** What authentication works with. */
export interface AuthenticationOptions {
  readonly transport: Pick<
    SshTransport,
    "send" | "disconnect" | "fail" | "isOver" | "sessionId"
  >;
  readonly lookup: Pick<KeyLookup, "find">;
  /** Signature algorithms that are accepted. */
  readonly algorithms: readonly string[];
  /** Called once, after the client was told. */
  readonly onLogin: (login: Login) => void;
  /** Called with each attempt that is refused, but not with `none`. */
  readonly onRefusal?: (attempt: RefusedAttempt) => void;
}

/** What becomes of one request. */
type Verdict =
  | { readonly kind: "login"; readonly login: Login }
  | { readonly kind: "answer"; readonly payload: Uint8Array }
  | {
    readonly kind: "failure";
    readonly error: string;
    readonly blame: Blame;
  };

/** The authentication of one connection. */
export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #queue: Uint8Array[] = [];
  readonly #errors: string[] = [];
  #isBusy = false;
  #isDone = false;
  #hasTriedNone = false;
  #requests = 0;
  #failures = 0;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** Why every request so far failed, in Go's form; empty if there was none. */
  get failureText(): string {
    return this.#errors.length === 0 ? "" : `[${this.#errors.join(", ")}]`;
  }

  /** Takes a USERAUTH_REQUEST; they are answered one after the other. */
  receive(payload: Uint8Array): void {
    const { transport } = this.#options;
    if (this.#isDone) return;
    this.#requests++;
    if (this.#requests > AUTH_REQUESTS_MAX) {
      this.#giveUp("too many authentication attempts");
    } else if (this.#queue.length >= AUTH_QUEUE_MAX) {
      transport.fail(new Error("ssh: too many unanswered requests"));
    } else {
      this.#queue.push(payload);
      if (!this.#isBusy) this.#answerAll();
    }
  }

  async #answerAll(): Promise<void> {
    const { transport } = this.#options;
    this.#isBusy = true;
    try {
      for (;;) {
        const payload = this.#queue.shift();
        if (!payload || this.#isDone || transport.isOver) break;
        const verdict = await this.#judge(payload);
        if (transport.isOver) break;
        this.#announce(verdict);
      }
    } catch (error) {
      transport.fail(error);
    } finally {
      this.#isBusy = false;
    }
  }

  #announce(verdict: Verdict): void {
    const { transport, onLogin } = this.#options;
    if (verdict.kind === "answer") {
      transport.send(verdict.payload);
    } else if (verdict.kind === "login") {
      this.#isDone = true;
      transport.send(encodeUserauthSuccess());
      onLogin(verdict.login);
    } else {
      this.#errors.push(verdict.error);
      if (this.#failures >= AUTH_FAILURES_MAX) {
        this.#giveUp("too many authentication failures");
      } else {
        transport.send(encodeUserauthFailure(METHODS));
      }
    }
  }

  #giveUp(text: string): void {
    this.#isDone = true;
    this.#options.transport.disconnect(DISCONNECT_REASON.protocolError, text);
  }

  /** @throws {Error} If the connection must end. */
  #judge(payload: Uint8Array): Verdict | Promise<Verdict> {
    const request = decodeUserauthRequest(payload);
    if (request.service !== "ssh-connection") {
      throw new Error(
        `ssh: client attempted to negotiate for unknown service: ` +
          shorten(request.service),
      );
    }
    switch (request.method) {
      case "none":
        return this.#judgeNone();
      case "publickey":
        return this.#reportKey(request, decodePublicKeyRequest(payload));
      default: {
        const verdict = this.#fail(
          OTHER_METHODS.has(request.method)
            ? `ssh: ${request.method} auth not configured`
            : `ssh: unknown method ${quoteGo(shorten(request.method))}`,
        );
        this.#report(verdict, request, undefined);
        return verdict;
      }
    }
  }

  /** @throws {Error} If the connection must end. */
  async #reportKey(
    request: UserauthRequest,
    key: PublicKeyRequest,
  ): Promise<Verdict> {
    try {
      const verdict = await this.#judgePublicKey(request, key);
      this.#report(verdict, request, key.blob);
      return verdict;
    } catch (error) {
      this.#report(this.#fail(errorText(error)), request, key.blob);
      throw error;
    }
  }

  #report(
    verdict: Verdict,
    { user, method }: UserauthRequest,
    blob: Uint8Array | undefined,
  ): void {
    if (verdict.kind !== "failure") return;
    const { error: reason, blame } = verdict;
    this.#options.onRefusal?.({ user, method, blob, reason, blame });
  }

  /** The first one is how a client asks for the methods: it costs nothing. */
  #judgeNone(): Verdict {
    const isFree = !this.#hasTriedNone && this.#failures === 0;
    this.#hasTriedNone = true;
    const verdict = this.#fail("ssh: no auth passed yet");
    if (isFree) this.#failures--;
    return verdict;
  }

  async #judgePublicKey(
    { user }: UserauthRequest,
    request: PublicKeyRequest,
  ): Promise<Verdict> {
    const { algorithms, lookup } = this.#options;
    // A certificate is judged by the algorithm of the key in it.
    if (!algorithms.includes(plainAlgorithm(request.algorithm))) {
      return this.#fail(notAccepted(request.algorithm));
    }
    const key = parseUserKey(request.blob);
    if (!key.algorithms.includes(request.algorithm)) {
      return this.#fail(
        `ssh: public key type ${quoteGo(key.type)} does not match ` +
          `algorithm ${quoteGo(request.algorithm)}`,
      );
    }
    const fault = this.#checkSignature(key, request);
    if (fault !== undefined) return this.#fail(fault);
    const decision = await lookup.find(user, key, request.blob);
    if ("refusal" in decision) {
      return this.#fail(decision.refusal, decision.blame);
    }
    // A query proves nothing. Whom the connection belongs to is decided here
    // alone, from the request whose own signature has just been verified.
    if (request.signature === undefined) {
      const payload = encodePkOk(request.algorithm, request.blob);
      return { kind: "answer", payload };
    }
    return { kind: "login", login: decision.login };
  }

  /**
   * @returns Why this signature may not be used; `undefined` for a good one
   * and for a query.
   * @throws {Error} If it is a forgery, after which nothing more is heard.
   */
  #checkSignature(
    key: PublicKey,
    { signature, signedPayload }: PublicKeyRequest,
  ): string | undefined {
    // A key that may never log in needs no proof.
    if (signature === undefined || key.refusal !== undefined) return undefined;
    // Any of the names of a key will do: old agents sign with SHA-1 whatever
    // was announced.
    const formats = key.formats ?? key.algorithms;
    if (!formats.includes(signature.format)) {
      return `ssh: signature ${
        quoteGo(shorten(signature.format))
      } not compatible ` +
        `with selected algorithm`;
    }
    if (!this.#options.algorithms.includes(signature.format)) {
      return notAccepted(signature.format);
    }
    const signed = new SshWriter().string(this.#options.transport.sessionId)
      .raw(signedPayload).bytes();
    if (key.verify(signed, signature)) return undefined;
    throw new Error(
      key.type === "ssh-rsa"
        ? "crypto/rsa: verification error"
        : "ssh: signature did not verify",
    );
  }

  #fail(error: string, blame: Blame = "client"): Verdict {
    this.#failures++;
    return { kind: "failure", error, blame };
  }
}

function notAccepted(algorithm: string): string {
  return `ssh: algorithm ${quoteGo(shorten(algorithm))} not accepted`;
}
