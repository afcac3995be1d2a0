/**
 * Where requests go: `gitlab_url` taken apart, and the address of one request
 * put together. Pure.
 * Source: GitLab Shell 14.56.1, HTTP client; Go, net/url.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";

const UNIX_PREFIX = "http+unix://";
const API_PREFIX = "/api/v4/internal";

/** A base URL, and the socket to use for it if it is not to be looked up. */
export interface ApiBase {
  /** `http://unix/gitlab`, `https://gitlab.example`; no trailing slash needed. */
  readonly url: string;
  /** Path of a Unix socket; the host of `url` is then only a name. */
  readonly socketPath: string | undefined;
}

/** The connection that a request needs. */
export type ConnectionPlan =
  | { readonly kind: "unix"; readonly path: string }
  | {
    readonly kind: "tcp" | "tls";
    /** Name or address; IPv6 without brackets; may be empty, which cannot be dialled. */
    readonly hostname: string;
    readonly port: number;
  };

/** Everything about one request that follows from its URL. */
export interface RequestPlace {
  readonly connection: ConnectionPlan;
  /** Value of the `Host` header. */
  readonly host: string;
  /** Path and query as they stand in the request line. */
  readonly target: string;
  /** The URL for records, without what stood before an `@`. */
  readonly shownUrl: string;
  /** `user:password` that the URL carried, percent-decoded. */
  readonly urlCredentials: string | undefined;
}

/**
 * Finds the base of all requests.
 * @throws {Error} `unknown GitLab URL prefix`.
 */
export function parseGitlabUrl(
  { gitlabUrl, gitlabRelativeUrlRoot }: {
    readonly gitlabUrl: string;
    readonly gitlabRelativeUrlRoot: string;
  },
): ApiBase {
  if (gitlabUrl.startsWith(UNIX_PREFIX)) {
    const root = gitlabRelativeUrlRoot.replace(/^\/+|\/+$/g, "");
    return {
      url: root === "" ? "http://unix" : `http://unix/${root}`,
      socketPath: gitlabUrl.slice(UNIX_PREFIX.length),
    };
  }
  if (/^https?:\/\//.test(gitlabUrl)) {
    return { url: gitlabUrl, socketPath: undefined };
  }
  throw new Error("unknown GitLab URL prefix");
}

/** Whether connections for this base need certificates. */
export function isTls(base: ApiBase): boolean {
  return base.url.startsWith("https://");
}

/**
 * Puts the API's prefix in front of a path, unless it is there already.
 * @example
 * ```ts
 * import { internalApiPath } from "./base_url.ts";
 * internalApiPath("check"); // "/api/v4/internal/check"
 * ```
 */
export function internalApiPath(path: string): string {
  const rooted = path.startsWith("/") ? path : `/${path}`;
  return rooted.startsWith(API_PREFIX) ? rooted : API_PREFIX + rooted;
}

/**
 * Encodes a query as an HTML form does, names sorted as Go's url.Values does.
 * @example
 * ```ts
 * import { encodeQuery } from "./base_url.ts";
 * encodeQuery({ key: "a+b/c =" }); // "key=a%2Bb%2Fc+%3D"
 * ```
 */
export function encodeQuery(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .sort(([left], [right]) => left < right ? -1 : 1)
    .map(([name, value]) => `${encodeWord(name)}=${encodeWord(value)}`)
    .join("&");
}

function encodeWord(word: string): string {
  if (/^[\w.~-]*$/.test(word)) return word;
  return encodeURIComponent(word.toWellFormed())
    .replace(/[!'()*]/g, (char) => percent(char.charCodeAt(0)))
    .replaceAll("%20", "+");
}

/**
 * Joins base and path, and reads off what the request needs.
 * @param path Begins with the API's prefix; may carry a query.
 * @throws {ProtocolError} If the URL cannot be one.
 */
export function placeRequest(base: ApiBase, path: string): RequestPlace {
  return placeUrl(joinUrl(base.url, path), base.socketPath);
}

/**
 * Reads off what a request to a whole URL needs.
 * @param socketPath A Unix socket to use instead of the URL's host.
 * @throws {ProtocolError} If it is no URL of http or https, in lower case.
 */
export function placeUrl(url: string, socketPath?: string): RequestPlace {
  const parts = /^(https?):\/\/([^/?#]*)([^#]*)/s.exec(url);
  const [, scheme = "", authority = "", rest = ""] = parts ?? [];
  // deno-lint-ignore no-control-regex
  if (!parts || /[\x00-\x1f\x7f]/.test(url)) {
    throw new ProtocolError("Cannot use a URL with control characters", 0);
  }
  const at = authority.lastIndexOf("@");
  const { hostname, port, host } = splitHost(authority.slice(at + 1));
  const target = encodeTarget(rest.startsWith("/") ? rest : `/${rest}`);
  return {
    connection: socketPath !== undefined
      ? { kind: "unix", path: socketPath }
      : scheme === "https"
      ? { kind: "tls", hostname, port: port ?? 443 }
      : { kind: "tcp", hostname, port: port ?? 80 },
    // The zone of an address means something on this machine alone.
    host: host.replace(/%25[^\]]*/, ""),
    target,
    shownUrl: `${scheme}://${host}${target}`,
    urlCredentials: at < 0
      ? undefined
      : decodeCredentials(authority.slice(0, at)),
  };
}

/** One slash between them, if each has one at most. */
function joinUrl(base: string, path: string): string {
  const start = base.endsWith("/") ? base.slice(0, -1) : base;
  return start + (path.startsWith("/") ? path : `/${path}`);
}

/** @returns Also the host as records show it, without the colon of no port. */
function splitHost(
  text: string,
): { hostname: string; port: number | undefined; host: string } {
  const [, bracketed, plain = "", digits] =
    /^(?:\[([0-9A-Fa-f:.]+(?:%25[^\]\s]+)?)\]|([^\s:[\]@<>"\\^`{|}]*))(?::([0-9]*))?$/
      .exec(text) ?? [];
  const port = digits ? Number(digits) : undefined;
  const host = digits === "" ? text.slice(0, -1) : text;
  if (bracketed === undefined && plain === "" && host !== "") {
    throw new ProtocolError("Cannot use the host of the URL", 0);
  }
  if (port !== undefined && port > 65_535) {
    throw new ProtocolError(`Cannot use port ${port}`, 0);
  }
  return { hostname: bracketed?.replace("%25", "%") ?? plain, port, host };
}

/** What Go would send: bytes that no URL may hold are escaped, others left alone. */
function encodeTarget(text: string): string {
  if (/^[\w/?=&.%+~-]*$/.test(text)) return text;
  return text.toWellFormed().replace(
    /[^\x21-\x7e]|["<>\\^`{|}]/gu,
    (char) => [...new TextEncoder().encode(char)].map(percent).join(""),
  );
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function decodeCredentials(text: string): string {
  // Go's set. Anything else, a backslash above all, is where two readers of
  // one URL begin to differ about its host.
  if (!/^[\w.:~!$&'()*+,;=%@-]*$/.test(text)) {
    throw new ProtocolError("Cannot use the credentials of the URL", 0);
  }
  const colon = text.indexOf(":");
  const [user, password] = colon < 0
    ? [text, ""]
    : [text.slice(0, colon), text.slice(colon + 1)];
  try {
    return `${decodeURIComponent(user)}:${decodeURIComponent(password)}`;
  } catch {
    throw new ProtocolError("Cannot decode the credentials of the URL", 0);
  }
}
