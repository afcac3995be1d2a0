/**
 * Connections to servers that are not GitLab's internal API: the primary of a
 * Geo secondary, a Cell's Git, an LFS store. Unlike the internal API's they go
 * through the proxies of the environment and trust the system's roots alone.
 * Source: GitLab Shell 14.56.1, Git over HTTP; Go 1.24, net/http.
 * @module
 */
import type { Host } from "../core/host.ts";
import type { ByteDuplex } from "../core/io.ts";
import { findProxy, passProxy, type ProxyServer } from "../core/http_proxy.ts";
import { SocketDuplex, untilConnected } from "../core/socket_duplex.ts";
import type { ConnectionPlan, RequestPlace } from "./base_url.ts";
import type { HeaderLine } from "./http1_request.ts";

/** Most that one read of such a connection brings. */
const READ_BYTES = 131_072;
const USER_AGENT = "GitLab-Shell";
const PROXY_PORT = "80";

/** A connection, and how a request on it must be worded. */
export interface WebConnection {
  readonly duplex: ByteDuplex;
  /** The path, or the whole URL where a proxy reads the request. */
  readonly target: string;
  readonly isProxied: boolean;
  /** Lines for the proxy, to be sent with the request's own. */
  readonly headers: readonly HeaderLine[];
}

/** What of the process such connections depend on. */
export type WebTransportHost = Pick<Host, "env" | "setEnv">;

type NetworkPlan = Exclude<ConnectionPlan, { kind: "unix" }>;

/** The way to other web servers. Certificates are read once. */
export class WebTransport {
  readonly #host: WebTransportHost;
  #roots: Promise<readonly string[]> | undefined;

  /** Touches nothing yet. */
  constructor(host: WebTransportHost) {
    this.#host = host;
  }

  /**
   * Dials.
   * @param place As `placeUrl` made it.
   * @throws {CertificateError} If the peer cannot prove who it is.
   * @throws {Error} If there is no connection.
   * @throws {unknown} `signal.reason`.
   */
  async connect(
    { connection: plan, target, shownUrl }: RequestPlace,
    signal: AbortSignal,
  ): Promise<WebConnection> {
    signal.throwIfAborted();
    if (plan.kind === "unix") throw new TypeError("Cannot use a Unix socket");
    // Deno would dial this machine.
    if (plan.hostname === "") throw new Error("No host in request URL");
    const proxy = this.#findProxy(plan);
    if (plan.kind === "tls") {
      const duplex = await this.#connectTls(plan, proxy, signal);
      return { duplex, target, isProxied: false, headers: [] };
    }
    const { host, port } = proxy?.target ??
      { host: plan.hostname, port: String(plan.port) };
    const conn = await dial(host, port, signal);
    const duplex = new SocketDuplex(conn, READ_BYTES);
    if (!proxy) return { duplex, target, isProxied: false, headers: [] };
    const { authorization } = proxy;
    const headers: HeaderLine[] = authorization === ""
      ? []
      : [["Proxy-Authorization", authorization]];
    return { duplex, target: shownUrl, isProxied: true, headers };
  }

  #findProxy({ kind, hostname, port }: NetworkPlan): ProxyServer | undefined {
    const proxy = findProxy(
      { host: hostname, port: String(port) },
      {
        env: (name) => this.#host.env(name),
        scheme: kind === "tls" ? "https" : "http",
        defaultPort: PROXY_PORT,
      },
    );
    if (!proxy || proxy.scheme === "http") return proxy;
    throw new Error(`Cannot use a proxy of scheme ${proxy.scheme}`);
  }

  async #connectTls(
    { hostname, port }: NetworkPlan,
    proxy: ProxyServer | undefined,
    signal: AbortSignal,
  ): Promise<ByteDuplex> {
    const { openTls } = await import("../core/tls_connect.ts");
    const roots = await (this.#roots ??= this.#loadRoots());
    return await openTls({
      hostname,
      port,
      serverName: hostname,
      roots,
      readBytes: READ_BYTES,
      ...proxy && {
        connect: (signal) =>
          dialThrough(proxy, { host: hostname, port: String(port) }, signal),
      },
    }, signal);
  }

  async #loadRoots(): Promise<readonly string[]> {
    const { forgetBuiltInRoots, loadTlsRoots } = await import(
      "../core/tls_roots.ts"
    );
    forgetBuiltInRoots(this.#host);
    return loadTlsRoots({ env: this.#host.env });
  }
}

async function dial(
  hostname: string,
  port: string,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const connecting = Deno.connect({ hostname, port: Number(port), signal });
  const conn = await untilConnected(connecting, signal);
  conn.setNoDelay(true);
  // A user may think for longer than a network remembers a connection.
  conn.setKeepAlive(true);
  return conn;
}

async function dialThrough(
  proxy: ProxyServer,
  target: ProxyServer["target"],
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const conn = await dial(proxy.target.host, proxy.target.port, signal);
  await passProxy(conn, { target, proxy, userAgent: USER_AGENT }, signal);
  return conn;
}
