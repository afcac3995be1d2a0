/**
 * Checks the token with which GitLab Shell signs its requests.
 * Source: GitLab Rails, lib/gitlab/shell.rb; RFC 7519.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";

/** How exact the clocks must agree. */
export type JwtMode = "strict" | "rails";

/** What the check needs to know. */
export interface JwtCheck {
  /** As it stands in the secret file; white space at its ends does not count. */
  readonly secret: string;
  readonly nowMs: number;
  readonly mode: JwtMode;
}

/** A token's claims once it was accepted. */
export type JwtClaims = Readonly<Record<string, unknown>>;

const ISSUER = "gitlab-shell";
const LIFETIME_SECONDS = 60;
const LEEWAY_SECONDS: Record<JwtMode, number> = { strict: 0, rails: 60 };

/** @returns The claims, or why the token is refused. */
export function checkJwt(
  token: string | undefined,
  check: JwtCheck,
): JwtClaims | string {
  if (token === undefined || token === "") return "token missing";
  const parts = token.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || !header || !payload || !signature) {
    return "token has not three parts";
  }
  if (decodeObject(header)?.["alg"] !== "HS256") return "algorithm not HS256";
  const expected = createHmac("sha256", check.secret.trim())
    .update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, "base64url");
  const isSigned = given.length === expected.length &&
    timingSafeEqual(given, expected);
  if (!isSigned) return "signature wrong";
  const claims = decodeObject(payload);
  if (!claims) return "claims not an object";
  return findClaimFault(claims, check) ?? claims;
}

function findClaimFault(
  { iss, iat, exp }: JwtClaims,
  { nowMs, mode }: JwtCheck,
): string | undefined {
  const nowSeconds = nowMs / 1000;
  if (iss !== ISSUER) return "issuer wrong";
  if (!Number.isInteger(iat) || !Number.isInteger(exp)) {
    return "times not whole seconds";
  }
  const [issued, expires] = [iat as number, exp as number];
  if (issued > nowSeconds) return "issued in the future";
  if (nowSeconds >= expires + LEEWAY_SECONDS[mode]) return "expired";
  if (expires - issued !== LIFETIME_SECONDS) return "lifetime not 60 seconds";
  return undefined;
}

function decodeObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(part, "base64url").toString("utf8"),
    );
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
