/**
 * Which HTTP proxy stands between us and a host, by the environment. Pure.
 * Source: golang.org/x/net/http/httpproxy, as grpc-go asks it: with https.
 * @module
 */
import { decodePercent, parseGoUrl } from "./go_url.ts";
import {
  type HostPort,
  isIpInRange,
  isLoopbackIp,
  joinHostPort,
  parseIp,
  splitHostPort,
} from "./host_port.ts";

/** A proxy that takes CONNECT. */
export interface ProxyServer {
  readonly target: HostPort;
  /** Value of `Proxy-Authorization`; empty for none. */
  readonly authorization: string;
}

const DEFAULT_PORT = "443";
const encoder = new TextEncoder();

/**
 * Chooses the proxy for a connection to `target`. HTTP_PROXY is not asked.
 * @param env Reads an environment variable.
 * @returns `undefined` for a direct connection.
 */
export function findProxy(
  target: HostPort,
  env: (name: string) => string | undefined,
): ProxyServer | undefined {
  const setting = env("HTTPS_PROXY") || env("https_proxy") || "";
  if (setting === "") return undefined;
  const host = target.host.toLowerCase().trim();
  if (host === "localhost" || isLoopbackIp(host)) return undefined;
  const exceptions = env("NO_PROXY") || env("no_proxy") || "";
  for (const rule of exceptions.split(",")) {
    const trimmed = rule.trim().toLowerCase();
    if (matchesRule({ host, port: target.port }, trimmed)) return undefined;
  }
  return parseProxy(setting);
}

function matchesRule({ host, port }: HostPort, rule: string): boolean {
  if (rule === "") return false;
  if (rule === "*") return true;
  const ip = parseIp(host);
  if (rule.includes("/")) return ip !== undefined && isIpInRange(ip, rule);
  const split = splitHostPort(rule);
  const rulePort = typeof split === "string" ? "" : split.port;
  const ruleHost = typeof split === "string"
    ? rule.replace(/^\[(.*)\]$/, "$1")
    : split.host;
  if (ruleHost === "" || rulePort !== "" && rulePort !== port) return false;
  const ruleIp = parseIp(ruleHost);
  if (ruleIp !== undefined) {
    return ip !== undefined && ip.length === ruleIp.length &&
      ip.every((byte, at) => byte === ruleIp[at]);
  }
  const domain = ruleHost.replace(/^\*\./, ".");
  if (domain.startsWith(".")) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

function parseProxy(setting: string): ProxyServer | undefined {
  const direct = parseGoUrl(setting);
  const usable = direct !== undefined && direct.host !== "";
  const text = usable ? setting : `http://${setting}`;
  const url = usable ? direct : parseGoUrl(text);
  if (url === undefined || url.host === "") return undefined;
  const split = splitHostPort(url.host);
  const target = typeof split === "string"
    ? { host: url.host.replace(/^\[(.*)\]$/, "$1"), port: DEFAULT_PORT }
    : split;
  return { target, authorization: basicAuthorization(text) };
}

function basicAuthorization(url: string): string {
  const [, userInfo] = /^[a-z][a-z0-9+.-]*:\/\/([^/]*)@/i.exec(url) ?? [];
  if (userInfo === undefined) return "";
  const colon = userInfo.indexOf(":");
  const user = colon < 0 ? userInfo : userInfo.slice(0, colon);
  const password = colon < 0 ? "" : userInfo.slice(colon + 1);
  const text = `${decodePercent(user)}:${decodePercent(password)}`;
  return `Basic ${encoder.encode(text).toBase64()}`;
}

/** The bytes that ask `proxy` for a connection to `target`. */
export function encodeConnectRequest(
  target: HostPort,
  { authorization }: ProxyServer,
): Uint8Array {
  const host = joinHostPort(target);
  return encoder.encode(
    `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: grpc-go\r\n` +
      (authorization === ""
        ? ""
        : `Proxy-Authorization: ${authorization}\r\n`) +
      "\r\n",
  );
}
