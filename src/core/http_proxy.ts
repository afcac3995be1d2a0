/**
 * Which HTTP proxy stands between us and a host, by the environment, and how
 * it is asked to connect us.
 * Source: golang.org/x/net/http/httpproxy; grpc-go asks it with https.
 * @module
 */
import { quoteGo } from "./go_text.ts";
import { decodePercent, parseGoUrl } from "./go_url.ts";
import {
  type HostPort,
  isIpInRange,
  isLoopbackIp,
  joinHostPort,
  parseIp,
  splitHostPort,
} from "./host_port.ts";

/** A proxy and what it wants to hear of us. */
export interface ProxyServer {
  /** `http` for all but the odd one. */
  readonly scheme: string;
  readonly target: HostPort;
  /** Value of `Proxy-Authorization`; empty for none. */
  readonly authorization: string;
}

/** For whom a proxy is sought. */
export interface ProxySearch {
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** What will be spoken: `https` asks HTTPS_PROXY, `http` HTTP_PROXY. */
  readonly scheme: "http" | "https";
  /** Port of a proxy whose setting names none. */
  readonly defaultPort: string;
}

/** A proxy's whole answer to CONNECT. */
const PROXY_ANSWER_BYTES_MAX = 8_192;
const encoder = new TextEncoder();

/**
 * Chooses the proxy for a connection to `target`.
 * @returns `undefined` for a direct connection.
 */
export function findProxy(
  target: HostPort,
  { env, scheme, defaultPort }: ProxySearch,
): ProxyServer | undefined {
  const [upper, lower] = scheme === "https"
    ? ["HTTPS_PROXY", "https_proxy"]
    : ["HTTP_PROXY", "http_proxy"];
  const setting = env(upper) || env(lower) || "";
  if (setting === "") return undefined;
  const host = target.host.toLowerCase().trim();
  if (host === "localhost" || isLoopbackIp(host)) return undefined;
  const exceptions = env("NO_PROXY") || env("no_proxy") || "";
  for (const rule of exceptions.split(",")) {
    const trimmed = rule.trim().toLowerCase();
    if (matchesRule({ host, port: target.port }, trimmed)) return undefined;
  }
  return parseProxy(setting, defaultPort);
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

function parseProxy(
  setting: string,
  defaultPort: string,
): ProxyServer | undefined {
  const direct = parseGoUrl(setting);
  const usable = direct !== undefined && direct.host !== "";
  const text = usable ? setting : `http://${setting}`;
  const url = usable ? direct : parseGoUrl(text);
  if (url === undefined || url.host === "") return undefined;
  const split = splitHostPort(url.host);
  const target = typeof split === "string"
    ? { host: url.host.replace(/^\[(.*)\]$/, "$1"), port: defaultPort }
    : split;
  const authorization = basicAuthorization(text);
  return { scheme: url.scheme, target, authorization };
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

/** Whom to ask, for whom, and in which name. */
export interface ProxyQuestion {
  readonly target: HostPort;
  readonly proxy: ProxyServer;
  /** How we call ourselves. */
  readonly userAgent: string;
}

/**
 * Asks `proxy` at the other end of `conn` to connect us; what follows on the
 * socket is the target's. It is closed if nothing comes of it.
 * @throws {Error} If the proxy will not, in Go's words.
 * @throws {unknown} `signal.reason`.
 */
export async function passProxy(
  conn: Deno.Conn,
  question: ProxyQuestion,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = () => conn.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await ask(conn, question);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    conn.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

async function ask(
  conn: Deno.Conn,
  { target, proxy, userAgent }: ProxyQuestion,
): Promise<void> {
  const request = encodeConnectRequest(target, proxy, userAgent);
  for (let at = 0; at < request.length;) {
    at += await conn.write(request.subarray(at));
  }
  let answer = "";
  const byte = new Uint8Array(1);
  // Byte by byte, for what comes behind the blank line is not the proxy's.
  while (!answer.endsWith("\r\n\r\n")) {
    const size = await conn.read(byte);
    if (size === null || answer.length === PROXY_ANSWER_BYTES_MAX) {
      throw new Error("reading server HTTP response: unexpected EOF");
    }
    answer += String.fromCharCode(byte[0] ?? 0);
  }
  if (!/^HTTP\/1\.[01] 200(?: |\r)/.test(answer)) {
    throw new Error(
      `failed to do connect handshake, response: ${quoteGo(answer)}`,
    );
  }
}

/** The bytes that ask `proxy` for a connection to `target`. */
export function encodeConnectRequest(
  target: HostPort,
  { authorization }: ProxyServer,
  userAgent: string,
): Uint8Array {
  const host = joinHostPort(target);
  return encoder.encode(
    `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${userAgent}\r\n` +
      (authorization === ""
        ? ""
        : `Proxy-Authorization: ${authorization}\r\n`) +
      "\r\n",
  );
}
