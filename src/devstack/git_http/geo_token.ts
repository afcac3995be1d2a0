/**
 * How a Geo secondary tells its primary whom a request is for: a short-lived
 * token, signed with what both know.
 * Source: GitLab Rails, ee/lib/gitlab/geo/signed_data.rb; the form is our own.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";

/** What a token says. */
export interface GeoClaims {
  /** Path of the project. */
  readonly scope: string;
  /** `user-5` or `key-7`. */
  readonly glId: string;
}

const SCHEME = "GL-Geo ";
const LIFETIME_SECONDS = 60;

/** The value of `Authorization`. */
export function signGeoToken(
  claims: GeoClaims,
  secret: string,
  nowMs: number,
): string {
  const expires = Math.floor(nowMs / 1000) + LIFETIME_SECONDS;
  const payload = Buffer.from(JSON.stringify({ ...claims, expires }))
    .toString("base64url");
  return `${SCHEME}${payload}.${sign(payload, secret).toString("base64url")}`;
}

/** @returns What the value says; `undefined` if it is not to be believed. */
export function checkGeoToken(
  value: string,
  secret: string,
  nowMs: number,
): GeoClaims | undefined {
  if (!value.startsWith(SCHEME)) return undefined;
  const [payload = "", signature = ""] = value.slice(SCHEME.length).split(".");
  const expected = sign(payload, secret);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return undefined;
  }
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  return claims.expires * 1000 > nowMs ? claims : undefined;
}

function sign(payload: string, secret: string): Buffer {
  return createHmac("sha256", secret).update(`geo.${payload}`).digest();
}
