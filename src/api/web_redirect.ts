/**
 * Where a redirect leads, and what may come along. Pure.
 * Source: Go, net/http (Client.Do); GitLab Shell 14.56.1 follows it for LFS.
 * We are stricter: nothing that opens a door crosses to another origin, and a
 * PUT never becomes a GET, which would look like an object that was stored.
 * @module
 */
import { UnsendableRequestError } from "./http1_request.ts";
import type { ResponseHead } from "./http1_response.ts";
import type { WebRequest } from "./web_call.ts";

/** Requests that one call may make of redirects; Go's number. */
export const REDIRECTED_REQUESTS_MAX = 10;

const AS_GET: ReadonlySet<number> = new Set([301, 302, 303]);
const AS_BEFORE: ReadonlySet<number> = new Set([307, 308]);
/** Lines that open a door, or that describe a body which is left behind. */
const SECRET_NAMES = [
  "authorization",
  "cookie",
  "cookie2",
  "www-authenticate",
  "private-token",
  "job-token",
  "deploy-token",
];

/** The request that a redirect asks for. */
export interface Redirected {
  readonly request: WebRequest;
  /** Whether the body goes along. */
  readonly hasBody: boolean;
}

/**
 * Follows one redirect.
 * @returns `undefined` if the answer is none, or not one to be followed.
 * @throws {UnsendableRequestError} If it leads to where we never go.
 */
export function followRedirect(
  request: WebRequest,
  { status, headers }: Pick<ResponseHead, "status" | "headers">,
): Redirected | undefined {
  const location = headers.get("location")?.[0] ?? "";
  if (location === "") return undefined;
  const becomesGet = AS_GET.has(status);
  if (!becomesGet && !AS_BEFORE.has(status)) return undefined;
  if (becomesGet && request.method === "PUT") return undefined;
  const from = new URL(request.url);
  const to = resolve(location, from);
  const hasBody = !becomesGet && request.method !== "GET";
  const left = new Set([
    ...(to.origin === from.origin ? [] : SECRET_NAMES),
    ...(hasBody ? [] : ["content-type"]),
  ]);
  return {
    request: {
      method: becomesGet ? "GET" : request.method,
      url: to.href,
      headers: request.headers.filter(([name]) =>
        !left.has(name.toLowerCase())
      ),
    },
    hasBody,
  };
}

function resolve(location: string, from: URL): URL {
  if (!URL.canParse(location, from)) {
    throw new UnsendableRequestError("Cannot follow a redirect to no URL");
  }
  const to = new URL(location, from);
  if (to.protocol !== "http:" && to.protocol !== "https:") {
    const shown = JSON.stringify(to.protocol.slice(0, -1));
    throw new UnsendableRequestError(
      `Cannot follow a redirect to the scheme ${shown}`,
    );
  }
  // Whoever redirects must not choose what we call ourselves.
  to.username = "";
  to.password = "";
  return to;
}
