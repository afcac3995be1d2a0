/**
 * Gitaly's authentication token, version 2: a signature over the time.
 * Source: Gitaly 18.9, auth.
 * @module
 */

/** Tokens whose keys are kept; a daemon sees one for each Gitaly. */
const KEYS_MAX = 64;
const encoder = new TextEncoder();

/** Makes `authorization` values; keeps the imported keys. */
export class TokenSigner {
  readonly #keys = new Map<string, Promise<CryptoKey>>();

  /**
   * Signs the time.
   * @param nowMs Unix time; the server allows 30 s of difference.
   * @returns Value of the metadata `authorization`.
   */
  async sign(token: string, nowMs: number): Promise<string> {
    const timestamp = String(Math.floor(nowMs / 1000));
    const signature = await crypto.subtle.sign(
      "HMAC",
      await this.#keyOf(token),
      encoder.encode(timestamp),
    );
    return `Bearer v2.${new Uint8Array(signature).toHex()}.${timestamp}`;
  }

  #keyOf(token: string): Promise<CryptoKey> {
    let key = this.#keys.get(token);
    if (key === undefined) {
      if (this.#keys.size === KEYS_MAX) this.#keys.clear();
      key = crypto.subtle.importKey(
        "raw",
        encoder.encode(token),
        { name: "HMAC", hash: "SHA-256" },
        false,
        ["sign"],
      );
      this.#keys.set(token, key);
    }
    return key;
  }
}
