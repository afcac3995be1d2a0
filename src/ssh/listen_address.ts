/**
 * Addresses to listen on, as Go's net package reads and prints them. Pure.
 * Source: Go, package net (SplitHostPort, Listen).
 * @module
 */

/** Where to listen; an empty host is every address of both families. */
export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Service names that stand for a port. */
const SERVICES: ReadonlyMap<string, number> = new Map([["ssh", 22]]);
const PORT_MAX = 65_535;

/**
 * Reads `host:port`, `[host]:port` or `:port`.
 * @throws {Error} With Go's text, `listen tcp: …`.
 * @example
 * ```ts
 * import { parseListenAddress } from "./listen_address.ts";
 * parseListenAddress("[::]:22"); // { hostname: "::", port: 22 }
 * ```
 */
export function parseListenAddress(text: string): ListenAddress {
  const fault = (what: string) =>
    new Error(`listen tcp: address ${text}: ${what}`);
  const bracketed = /^\[([^\]]*)\](?::([^:]*))?$/.exec(text);
  if (!bracketed && text.startsWith("[")) throw fault("missing ']' in address");
  if (!bracketed && text.split(":").length > 2) {
    throw fault("too many colons in address");
  }
  const plain = bracketed ?? /^([^:]*)(?::(.*))?$/s.exec(text);
  const [, hostname = "", port] = plain ?? [];
  if (port === undefined) throw fault("missing port in address");
  return { hostname, port: parsePort(port) };
}

/** Prints an address as records show it. */
export function formatListenAddress(
  { hostname, port }: ListenAddress,
): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

function parsePort(text: string): number {
  if (text === "") return 0;
  const service = SERVICES.get(text);
  if (service !== undefined) return service;
  if (!/^[0-9]+$/.test(text)) {
    throw new Error(`listen tcp: lookup tcp/${text}: unknown port`);
  }
  const port = Number(text);
  if (port > PORT_MAX) {
    throw new Error(`listen tcp: address ${text}: invalid port`);
  }
  return port;
}
