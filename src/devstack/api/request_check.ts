/**
 * Checks what every request to the internal API must have, whatever it asks.
 * Pure.
 * Source: GitLab Shell 14.56.1, client package.
 * @module
 */
import { Buffer } from "node:buffer";
import { type HeaderLines, headerValues } from "./http_message.ts";

/** Credentials that a web server in front of GitLab asks for. */
export interface BasicAuth {
  readonly user: string;
  readonly password: string;
}

const EXACT_HEADERS: readonly (readonly [name: string, value: RegExp])[] = [
  ["Content-Type", /^application\/json$/],
  ["User-Agent", /^GitLab-Shell$/],
  ["Connection", /^close$/],
  // A ULID, in the letters of Crockford's base 32.
  ["X-Request-Id", /^[0-9A-HJKMNP-TV-Z]{26}$/],
];

/** @returns One sentence for each header that is missing, doubled or wrong. */
export function findHeaderFaults(
  headers: HeaderLines,
  basicAuth: BasicAuth | undefined,
): string[] {
  const faults: string[] = [];
  for (const [name, pattern] of EXACT_HEADERS) {
    const values = headerValues(headers, name);
    if (values.length !== 1 || !pattern.test(values[0] ?? "")) {
      faults.push(`header ${name} is ${JSON.stringify(values)}`);
    }
  }
  const forwarded = headerValues(headers, "X-Forwarded-For");
  if (forwarded.length > 1) faults.push("header X-Forwarded-For is repeated");
  const authorization = headerValues(headers, "Authorization");
  if (!basicAuth && authorization.length > 0) {
    faults.push("header Authorization was not asked for");
  }
  return faults;
}

/** Whether the request may pass the web server. */
export function hasBasicAuth(
  headers: HeaderLines,
  basicAuth: BasicAuth | undefined,
): boolean {
  if (!basicAuth) return true;
  const pair = `${basicAuth.user}:${basicAuth.password}`;
  const wanted = `Basic ${Buffer.from(pair).toString("base64")}`;
  const values = headerValues(headers, "Authorization");
  return values.length === 1 && values[0] === wanted;
}
