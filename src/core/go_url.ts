/**
 * URLs as Go reads them, as far as addresses of Gitaly and of proxies need it. The web's parser
 * will not do: it refuses and repairs other things than Go's.
 * Source: Go, package net/url, func Parse.
 * @module
 */

/** The parts of a URL. */
export interface GoUrl {
  /** Lower case, without the colon. */
  readonly scheme: string;
  /** What follows the scheme if that is no slash, not percent-decoded. */
  readonly opaque: string;
  /** Host and port, without user information. */
  readonly host: string;
  /** Percent-decoded. */
  readonly path: string;
}

const SCHEME = /^([a-z][a-z0-9+.-]*):(.*)$/is;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;
const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
/** What a host may hold unescaped; outside of ASCII everything is let through. */
const HOST = /^[a-z0-9\-_.~!$&'()*+,;=:[\]<>"\u0080-\uffff]*$/i;
const OPTIONAL_PORT = /^(?::[0-9]*)?$/;
const USER_INFO = /^[a-z0-9\-._:~!$&'()*+,;=%@]*$/i;

/**
 * Takes a URL with a scheme apart.
 * @returns `undefined` if Go refuses it, or if it has no scheme.
 */
export function parseGoUrl(text: string): GoUrl | undefined {
  const [beforeFragment = "", fragment = ""] = cut(text, "#");
  if (BAD_ESCAPE.test(fragment) || CONTROL.test(beforeFragment)) {
    return undefined;
  }
  const [, scheme = "", afterScheme = ""] = SCHEME.exec(beforeFragment) ?? [];
  if (scheme === "") return undefined;
  const [rest] = cut(afterScheme, "?");
  const lower = scheme.toLowerCase();
  if (!rest.startsWith("/")) {
    return { scheme: lower, opaque: rest, host: "", path: "" };
  }
  const hasAuthority = rest.startsWith("//");
  const [authority, pathRest] = hasAuthority
    ? cut(rest.slice(2), "/")
    : ["", undefined];
  const rawPath = hasAuthority
    ? pathRest === undefined ? "" : `/${pathRest}`
    : rest;
  const host = parseAuthority(authority);
  if (host === undefined || BAD_ESCAPE.test(rawPath)) return undefined;
  return { scheme: lower, opaque: "", host, path: decodePercent(rawPath) };
}

/** Splits at the first `mark`; the second part is absent if there is none. */
function cut(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Host and port of an authority; `undefined` if it is not a legal one. */
function parseAuthority(authority: string): string | undefined {
  if (authority === "") return "";
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? "" : authority.slice(0, at);
  const host = authority.slice(at + 1);
  if (!USER_INFO.test(user) || BAD_ESCAPE.test(user)) return undefined;
  const bracket = host.startsWith("[") ? host.lastIndexOf("]") : -2;
  if (bracket === -1) return undefined;
  const colon = host.lastIndexOf(":");
  const port = bracket >= 0
    ? host.slice(bracket + 1)
    : colon < 0
    ? ""
    : host.slice(colon);
  if (!OPTIONAL_PORT.test(port)) return undefined;
  return decodeHost(host);
}

/** Decodes what a host may escape: a zone's percent sign and non-ASCII bytes. */
function decodeHost(host: string): string | undefined {
  if (BAD_ESCAPE.test(host)) return undefined;
  const escapes = host.match(/%[0-9a-f]{2}/gi) ?? [];
  if (escapes.some((escape) => /%[0-7]/.test(escape) && escape !== "%25")) {
    return undefined;
  }
  return HOST.test(host.replace(/%[0-9a-f]{2}/gi, ""))
    ? decodePercent(host)
    : undefined;
}

/** Decodes every escape; bytes that are no UTF-8 become U+FFFD. */
export function decodePercent(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  const encoded = new TextEncoder().encode(text);
  for (let at = 0; at < encoded.length; at++) {
    const byte = encoded[at] ?? 0;
    if (byte !== 0x25) {
      bytes.push(byte);
      continue;
    }
    const digits = encoded.subarray(at + 1, at + 3);
    bytes.push(parseInt(String.fromCharCode(...digits), 16));
    at += 2;
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
