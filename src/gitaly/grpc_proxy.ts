/**
 * Which HTTP proxy stands between us and a Gitaly. Pure.
 * Source: grpc-go, which asks for the proxy of https, whatever is spoken.
 * @module
 */
import type { HostPort } from "../core/host_port.ts";
import { findProxy, type ProxyServer } from "../core/http_proxy.ts";

/**
 * Chooses the proxy for a connection to `target`.
 * @param env Reads an environment variable.
 * @returns `undefined` for a direct connection.
 */
export function findGrpcProxy(
  target: HostPort,
  env: (name: string) => string | undefined,
): ProxyServer | undefined {
  return findProxy(target, { env, scheme: "https", defaultPort: "443" });
}
