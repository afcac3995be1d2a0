/**
 * The token that proves to GitLab that a request comes from its shell.
 * Source: GitLab Shell 14.56.1, internal API; RFC 7519 and RFC 7515 (HS256).
 * @module
 */
import { trimGoSpace } from "../core/go_text.ts";
import type { Secret } from "../core/secret.ts";

const LIFETIME_S = 60;
const ISSUER = "gitlab-shell";
const encoder = new TextEncoder();
const HEADER = toBase64Url(encoder.encode('{"alg":"HS256","typ":"JWT"}'));

/** A token and the moment it was made. */
export interface Token {
  readonly text: string;
  readonly mintedMs: number;
}

/** Makes tokens with one secret, which is read into a key once. */
export class TokenMinter {
  readonly #secret: Secret;
  #key: Promise<CryptoKey> | undefined;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /**
   * Makes a token that is good for a minute.
   * @param nowMs Wall clock. Rounded down to seconds: a token from the future
   * would be refused.
   * @param extra More claims; a cell is told the `gl_id`.
   * @throws {Error} `secret must not be empty`: the reference signs with an
   * empty key, which GitLab refuses and an attacker could guess.
   */
  async mint(
    nowMs: number,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<Token> {
    const iat = Math.floor(nowMs / 1000);
    const claims = { iss: ISSUER, exp: iat + LIFETIME_S, iat, ...extra };
    const payload = toBase64Url(encoder.encode(JSON.stringify(claims)));
    const signed = `${HEADER}.${payload}`;
    const signature = await crypto.subtle.sign(
      "HMAC",
      await (this.#key ??= this.#importKey()),
      encoder.encode(signed),
    );
    const text = `${signed}.${toBase64Url(new Uint8Array(signature))}`;
    return { text, mintedMs: nowMs };
  }

  async #importKey(): Promise<CryptoKey> {
    const secret = trimGoSpace(this.#secret.reveal());
    if (secret === "") throw new Error("secret must not be empty");
    return await crypto.subtle.importKey(
      "raw",
      encoder.encode(secret),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
  }
}

/** Not by btoa(), whose first use costs a one-shot program 0.8 ms. */
function toBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
