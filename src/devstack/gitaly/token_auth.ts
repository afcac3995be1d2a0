/**
 * Checks the token that a caller puts in `authorization`.
 * Source: Gitaly, auth/token.go, version 2.
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { CODE, StatusError } from "./status.ts";

/** Exactly this much of difference is still accepted, either way. */
const VALIDITY_SECONDS = 30;

/** What the check needs to know. */
export interface TokenAuthOptions {
  /** Empty lets every call pass. */
  readonly token: string;
  readonly nowMs: number;
  /** Whether all refusals say `permission denied` alone, as before 17.6. */
  readonly isTerse: boolean;
}

/**
 * @param header The value of `authorization`, if it was sent.
 * @returns Why the call is refused; `undefined` if it is not.
 */
export function checkToken(
  header: string | undefined,
  { token, nowMs, isTerse }: TokenAuthOptions,
): StatusError | undefined {
  if (token === "") return undefined;
  const parts = parseToken(header ?? "");
  if (!parts) {
    return new StatusError(CODE.unauthenticated, "authentication required");
  }
  const reason = checkParts(parts, token, Math.floor(nowMs / 1000));
  if (reason === undefined) return undefined;
  const message = isTerse
    ? "permission denied"
    : `permission denied: ${reason}`;
  return new StatusError(CODE.permissionDenied, message);
}

interface TokenParts {
  readonly version: string;
  readonly signature: Uint8Array;
  readonly timestamp: string;
}

function parseToken(header: string): TokenParts | undefined {
  // At most three parts: further dots stay in the last.
  const match = /^bearer ([^.]*)\.((?:[0-9a-f]{2})*)\.(.*)$/i.exec(header);
  const [, version, signature, timestamp] = match ?? [];
  if (version === undefined || timestamp === undefined) return undefined;
  const digits = signature?.match(/../g) ?? [];
  const bytes = Uint8Array.from(digits, (pair) => parseInt(pair, 16));
  return { version, signature: bytes, timestamp };
}

function checkParts(
  { version, signature, timestamp }: TokenParts,
  token: string,
  nowSeconds: number,
): string | undefined {
  if (version !== "v2") return "invalid token version";
  const expected = createHmac("sha256", token).update(timestamp).digest();
  const isSame = expected.length === signature.length &&
    timingSafeEqual(expected, signature);
  if (!isSame) return "wrong hmac signature";
  if (!/^[+-]?[0-9]+$/.test(timestamp)) {
    const shown = JSON.stringify(timestamp);
    return `cannot parse timestamp: strconv.ParseInt: parsing ${shown}: invalid syntax`;
  }
  const issuedSeconds = Number(timestamp);
  if (issuedSeconds < nowSeconds - VALIDITY_SECONDS) return "token has expired";
  if (issuedSeconds > nowSeconds + VALIDITY_SECONDS) {
    return "token's validity window is in future";
  }
  return undefined;
}
