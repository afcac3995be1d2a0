/**
 * The bytes of an HTTP/1.1 request. Pure.
 * Source: RFC 9112, sections 3 and 5; the order of lines is Go's.
 * @module
 */

/** One header line; the name as it shall be spelled. */
export type HeaderLine = readonly [name: string, value: string];

/** What is asked, without where to send it. */
export interface RequestHead {
  readonly method: "GET" | "POST" | "PUT";
  /** Path and query, already encoded. */
  readonly target: string;
  /** Whether a proxy reads the request, which wants a whole URL as `target`. */
  readonly isProxied?: boolean;
  readonly host: string;
  /** Sent in this order, after `Host`. */
  readonly headers: readonly HeaderLine[];
}

/** Our own words cannot be put into a request. Sending again would not help. */
export class UnsendableRequestError extends Error {
  override name = "UnsendableRequestError";
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^\/[\x21-\x7e]*$/;
const PROXY_TARGET = /^http:\/\/[\x21-\x7e]+$/;
const encoder = new TextEncoder();

/**
 * Writes the head; the body, if any, follows it as it is.
 * @throws {UnsendableRequestError} If a value would end its line early, which
 * is how a request is smuggled into another: correlation ids come from outside.
 */
export function encodeRequestHead(
  { method, target, isProxied, host, headers }: RequestHead,
): Uint8Array {
  if (!(isProxied ? PROXY_TARGET : TARGET).test(target)) {
    throw new UnsendableRequestError("Cannot send the request target");
  }
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of [["Host", host] as const, ...headers]) {
    if (!TOKEN.test(name) || !isFieldValue(value)) {
      throw new UnsendableRequestError(`Cannot send the header ${name}`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return encoder.encode(`${text}\r\n`);
}

/** Whether the text may stand in a header line: no control character but tab. */
export function isFieldValue(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(text);
}
