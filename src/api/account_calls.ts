/**
 * The calls about a user's own account. Loaded when the first is made: most
 * sessions make none.
 * Source: GitLab Shell 14.56.1, twofactorverify, twofactorrecover and
 * personalaccesstoken.
 * @module
 */
import type { Identity } from "./access.ts";
import type { CreatedToken, TokenWish } from "./account.ts";
import {
  type AccountOwner,
  decodeRecoveryCodes,
  decodeToken,
  decodeVerdict,
  encodeOtp,
  encodeOwner,
  encodeTokenWish,
  type Judged,
} from "./account_codec.ts";
import type { ApiRequest } from "./api_call.ts";
import type { ApiAnswer } from "./attempt.ts";
import type { DiscoveredUser } from "./client.ts";
import { decoded } from "./decoded.ts";

/** The part of a client that the calls are made with. */
export interface AccountCaller {
  call(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  discover(identity: Identity, signal?: AbortSignal): Promise<DiscoveredUser>;
}

/** @throws {ApiError | Error} As `ApiClient.recoveryCodes`. */
export async function callRecoveryCodes(
  caller: AccountCaller,
  identity: Identity,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const owner = await findOwner(caller, identity, signal);
  const path = "/two_factor_recovery_codes";
  const body = encodeOwner(owner);
  const answer = await caller.call({ method: "POST", path, body }, signal);
  return granted(decoded(answer, decodeRecoveryCodes));
}

/**
 * @param otp What the user typed; `undefined` asks the user's phone instead.
 * @throws {ApiError | Error} As `ApiClient.checkOtp`.
 */
export async function callOtpCheck(
  caller: AccountCaller,
  { identity, otp }: { identity: Identity; otp: string | undefined },
  signal?: AbortSignal,
): Promise<void> {
  const owner = await findOwner(caller, identity, signal);
  const [path, body] = otp === undefined
    ? ["/two_factor_push_otp_check", encodeOwner(owner)]
    : ["/two_factor_manual_otp_check", encodeOtp(owner, otp)];
  const answer = await caller.call({ method: "POST", path, body }, signal);
  granted(decoded(answer, decodeVerdict));
}

/** @throws {ApiError | Error} As `ApiClient.createToken`. */
export async function callCreateToken(
  caller: AccountCaller,
  wish: TokenWish,
  signal?: AbortSignal,
): Promise<CreatedToken> {
  const owner = await findOwner(caller, wish.identity, signal);
  const path = "/personal_access_token";
  const body = encodeTokenWish(owner, wish);
  const answer = await caller.call({ method: "POST", path, body }, signal);
  return granted(decoded(answer, decodeToken));
}

/** A key stands for itself; anybody else has to be looked up first. */
async function findOwner(
  caller: AccountCaller,
  identity: Identity,
  signal: AbortSignal | undefined,
): Promise<AccountOwner> {
  if (identity.kind === "key" && identity.keyId !== "") {
    return { keyId: identity.keyId };
  }
  const { id } = await caller.discover(identity, signal);
  return { userId: id };
}

/** @throws {Error} GitLab's text: a plain error, as the reference counts it. */
function granted<T>({ success, message, value }: Judged<T>): T {
  if (!success) throw new Error(message);
  return value;
}
