/**
 * Two-factor checks, recovery codes and tokens on the wire. Pure.
 * Source: GitLab Shell 14.56.1, twofactorverify, twofactorrecover and
 * personalaccesstoken.
 * @module
 */
import { stringifyGoJson } from "../core/go_text.ts";
import type { CreatedToken, TokenWish } from "./account.ts";
import { readFields, toBoolean, toText, toTexts } from "./go_fields.ts";
import { parseFirstJson } from "./go_json.ts";

/** Whose account it is: a key, or the number of a user; 0 for nobody. */
export type AccountOwner =
  | { readonly keyId: string }
  | { readonly userId: number };

/** The body that names an account and nothing else; `{}` for nobody's. */
export function encodeOwner(owner: AccountOwner): string {
  return stringifyGoJson(ownerMember(owner));
}

/** The body of a check of `otp`. */
export function encodeOtp(owner: AccountOwner, otp: string): string {
  return stringifyGoJson({
    ...ownerMember(owner),
    otp_attempt: otp || undefined,
  });
}

/** The body of a wish for a token. */
export function encodeTokenWish(
  owner: AccountOwner,
  { name, scopes, expiresAt }: Omit<TokenWish, "identity">,
): string {
  return stringifyGoJson({
    ...ownerMember(owner),
    name,
    scopes,
    expires_at: expiresAt,
  });
}

/** An answer that says whether it is one. */
export interface Judged<T> {
  readonly success: boolean;
  /** Why not; may be empty. */
  readonly message: string;
  readonly value: T;
}

/** @throws {ProtocolError} If the body does not decode. */
export function decodeVerdict(body: Uint8Array): Judged<undefined> {
  return decodeJudged(body, () => undefined, {});
}

/** @throws {ProtocolError} If the body does not decode. */
export function decodeRecoveryCodes(
  body: Uint8Array,
): Judged<readonly string[]> {
  let codes: readonly string[] = [];
  return decodeJudged(body, () => codes, {
    recovery_codes: (value) => codes = toTexts(value),
  });
}

/** @throws {ProtocolError} If the body does not decode. */
export function decodeToken(body: Uint8Array): Judged<CreatedToken> {
  const created = { token: "", scopes: [] as string[], expiresAt: "" };
  return decodeJudged(body, () => created, {
    token: (value) => created.token = toText(value),
    scopes: (value) => created.scopes = toTexts(value),
    expires_at: (value) => created.expiresAt = toText(value),
  });
}

function decodeJudged<T>(
  body: Uint8Array,
  value: () => T,
  readers: Parameters<typeof readFields>[1],
): Judged<T> {
  let success = false;
  let message = "";
  readFields(parseFirstJson(body), {
    success: (value) => success = toBoolean(value),
    message: (value) => message = toText(value),
    ...readers,
  });
  return { success, message, value: value() };
}

function ownerMember(owner: AccountOwner): Record<string, string | number> {
  if ("keyId" in owner) return { key_id: owner.keyId };
  return owner.userId === 0 ? {} : { user_id: owner.userId };
}
