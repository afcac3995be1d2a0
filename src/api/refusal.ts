/**
 * What an error status means to the user. Pure.
 * Source: GitLab Shell 14.56.1, internal API client, error mapping.
 * @module
 */
import { ApiError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import { readFields, toText } from "./go_fields.ts";
import { JsonObject, parseFirstJson } from "./go_json.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether the status sends us elsewhere, where we never go. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** Whether the status is a fault of the system rather than a denial. */
export function isSystemFault(status: number): boolean {
  return isRedirect(status) || status === 400 || status >= 500;
}

/** The error for a redirect: following one would make a GET of a POST. */
export function redirectError(
  status: number,
  location: string | undefined,
): ApiError {
  return new ApiError(
    `Internal API returned redirect (${status}) to ${quoteGo(location ?? "")}`,
    { status, kind: "system" },
  );
}

/**
 * The error for a status of 400 or more.
 * @param body `undefined` if it could not be read.
 * @returns GitLab's text, which is empty if the body is JSON without one.
 */
export function refusalError(
  status: number,
  body: Uint8Array | undefined,
): ApiError {
  const message = body && decodeMessage(body);
  return new ApiError(message ?? `Internal API error (${status})`, {
    status,
    kind: isSystemFault(status) ? "system" : "policy",
  });
}

/** The error for everything that never became an answer. */
export function unreachableError(
  cause: unknown,
  kind: "policy" | "system" = "system",
): ApiError {
  return new ApiError("Internal API unreachable", { status: 0, kind }, {
    cause,
  });
}

/** The error for GitLab's own rate limit: its text, which says what to do. */
export function rateLimitError(text: string): ApiError {
  return new ApiError(text, { status: 429, kind: "policy" });
}

/**
 * Finds GitLab's own text in the answer of its rate limiter,
 * `{"message":{"error":"…"}}`.
 * @returns `undefined` if the body is anything else.
 * Source: GitLab Rails, internal API, `gitlab_shell_operation` limit.
 */
export function decodeRateLimitText(body: Uint8Array): string | undefined {
  let text = "";
  try {
    readFields(parseFirstJson(body), {
      message: (message) => {
        if (!(message instanceof JsonObject)) return;
        readFields(message, { error: (error) => text = toText(error) });
      },
    });
  } catch {
    return undefined;
  }
  return text === "" ? undefined : text;
}

function decodeMessage(body: Uint8Array): string | undefined {
  let message = "";
  try {
    readFields(parseFirstJson(body), {
      message: (value) => message = toText(value),
    });
    return message;
  } catch {
    return undefined;
  }
}
