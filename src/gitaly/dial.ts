/**
 * Connects to a Gitaly: Unix socket, TCP, TLS, and an HTTP proxy between.
 * Source: Gitaly 18.9, client dial; texts after grpc-go and Go's package net.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import { Timer } from "../core/timer.ts";
import { untilConnected } from "../core/socket_duplex.ts";
import type { GitalyAddress, NetworkAddress } from "./address.ts";
import { DeadlineError } from "./deadline.ts";
import { type HostPort, joinHostPort } from "../core/host_port.ts";
import { passProxy } from "../core/http_proxy.ts";
import { findGrpcProxy } from "./grpc_proxy.ts";
import { duplexAsSocket, type Socket } from "./socket.ts";
import type { TrustedRoots } from "./trusted_roots.ts";

/** No connection came about; the message is grpc-go's. */
export class DialError extends Error {
  override name = "DialError";
}

/** What dialling uses of the program's surroundings. */
export interface DialOptions {
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  readonly roots: Pick<TrustedRoots, "list">;
  /** Limit for all steps together. */
  readonly timeoutMs: number;
  /** Name that the certificate must bear; the address's host if left out. */
  readonly serverName?: string;
}

/** One way to an address: a socket's path, or one host that it resolved to. */
export type DialTarget = string | HostPort;

/** What a proxy is told of us. */
const USER_AGENT = "grpc-go";
/** What one read of a TLS connection may bring. */
const TLS_READ_BYTES = 131_072;

/**
 * Connects.
 * @param target Where to, as `resolveTargets` gave it.
 * @throws {DialError} If no connection stands within the time.
 */
export async function dial(
  address: GitalyAddress,
  target: DialTarget,
  options: DialOptions,
): Promise<Socket> {
  const abort = new AbortController();
  const timer = new Timer(() => abort.abort(new DeadlineError("i/o timeout")));
  try {
    if (address.scheme === "unix" || typeof target === "string") {
      return await connectUnix(target);
    }
    timer.start(options.timeoutMs);
    return address.isTls
      ? await connectTls(address, target, { ...options, signal: abort.signal })
      : await connect(address, target, { ...options, signal: abort.signal });
  } catch (cause) {
    const shown = typeof target === "string"
      ? `unix ${target}`
      : `tcp ${joinHostPort(target)}`;
    const problem = `dial ${shown}: ${describeFailure(cause)}`;
    const reason = quoteGo(`transport: Error while dialing: ${problem}`);
    throw new DialError(
      `last connection error: connection error: desc = ${reason}`,
      { cause },
    );
  } finally {
    timer.stop();
  }
}

type StepOptions = DialOptions & { readonly signal: AbortSignal };

/** Stands at once or fails at once: there is nothing to give up. */
async function connectUnix(target: DialTarget): Promise<Socket> {
  if (typeof target !== "string") throw new TypeError("Cannot mix targets");
  return await Deno.connect({ transport: "unix", path: target });
}

async function connectTls(
  address: NetworkAddress,
  target: HostPort,
  options: StepOptions,
): Promise<Socket> {
  const { openTls } = await import("../core/tls_connect.ts");
  const serverName = options.serverName ?? address.target.host;
  const isProxied = findGrpcProxy(address.target, options.env) !==
    undefined;
  const tls = await openTls({
    hostname: target.host,
    port: parsePort(target.port),
    serverName,
    roots: await options.roots.list(),
    // An answer is not asked for: Gitaly selects a protocol or none, and what
    // follows is often not HTTP/2 but yamux.
    alpnProtocols: ["h2"],
    readBytes: TLS_READ_BYTES,
    ...isProxied && {
      connect: (signal) => connect(address, target, { ...options, signal }),
    },
  }, options.signal);
  return duplexAsSocket(tls);
}

/** TCP to the host itself, through the proxy if there is one. */
async function connect(
  address: NetworkAddress,
  target: HostPort,
  { env, signal }: StepOptions,
): Promise<Deno.TcpConn> {
  const proxy = findGrpcProxy(address.target, env);
  const { host, port } = proxy?.target ?? target;
  const connecting = Deno.connect({
    hostname: host,
    port: parsePort(port),
    signal,
  });
  const conn = await untilConnected(connecting, signal);
  conn.setNoDelay(true);
  if (proxy === undefined) return conn;
  await passProxy(conn, { target, proxy, userAgent: USER_AGENT }, signal);
  return conn;
}

/** Go would look a name up in the list of services; GitLab writes numbers. */
function parsePort(port: string): number {
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 0xffff) {
    throw new Error(`lookup tcp/${port}: unknown port`);
  }
  return Number(port);
}

/** The fault in Go's words where it is one of the usual. */
function describeFailure(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) {
    return "connect: no such file or directory";
  }
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return "connect: connection refused";
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return "connect: permission denied";
  }
  return errorText(cause);
}
