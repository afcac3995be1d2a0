/**
 * The header lines of a Git request over HTTP. Pure.
 * Source: GitLab Shell 14.56.1, Git HTTP client; Go 1.24, net/http.
 * @module
 */
import type { HeaderLine } from "./http1_request.ts";

/** Who we are, for the lines that every request has. */
export interface GitHeaderSource {
  readonly correlationId: string;
  /** Address for `X-Forwarded-For`; empty for none. */
  readonly forwardedFor: string;
}

/** What frames a message or names its sender: whoever asks has no say in it. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "trailer",
  "transfer-encoding",
  "user-agent",
  "x-request-id",
]);
const encoder = new TextEncoder();

/**
 * Puts our own lines around those of the caller.
 * @param lines Sent as they are and in their order, repeats included.
 * @param urlCredentials `user:password` of the URL, which count if nothing
 * else says who asks.
 * @example
 * ```ts
 * import { gitHeaders } from "./git_http_headers.ts";
 * gitHeaders([["Host", "x"], ["A", "b"]], {
 *   correlationId: "id",
 *   forwardedFor: "",
 * }).map(([name]) => name); // ["User-Agent", "Connection", "A", "X-Request-Id"]
 * ```
 */
export function gitHeaders(
  lines: readonly HeaderLine[],
  { correlationId, forwardedFor }: GitHeaderSource,
  urlCredentials?: string,
): HeaderLine[] {
  const kept = lines.filter(([name]) => !OWN_NAMES.has(name.toLowerCase()));
  const isNamed = kept.some(([name]) => name.toLowerCase() === "authorization");
  return [
    ["User-Agent", "GitLab-Shell"],
    ["Connection", "close"],
    ...kept,
    ...urlCredentials === undefined || isNamed ? [] : [
      [
        "Authorization",
        `Basic ${encoder.encode(urlCredentials).toBase64()}`,
      ] as const,
    ],
    ...forwardedFor === "" ? [] : [["X-Forwarded-For", forwardedFor] as const],
    ["X-Request-Id", correlationId],
  ];
}
