/**
 * Connects to the Topology Service: TCP or TLS, with a certificate of our own
 * if the service wants to know us.
 * Source: GitLab Shell 14.56.1, topology_service.tls; grpc-go.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { type HostPort, splitHostPort } from "../core/host_port.ts";
import type { ByteDuplex } from "../core/io.ts";
import type { NetworkAddress } from "./address.ts";
import { dial } from "./dial.ts";
import { untilAborted } from "./deadline.ts";
import { findGrpcProxy } from "./grpc_proxy.ts";
import { SocketPipe } from "./socket.ts";

/** How the service proves who it is, and we to it. Paths may be empty. */
export interface TopologyTls {
  readonly enabled: boolean;
  /** The only roots that are trusted; the system's if empty. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Name in the certificate; the host's if empty. */
  readonly serverName: string;
  readonly insecureSkipVerify: boolean;
}

/** What dialling needs. */
export interface TopologyDialOptions {
  /** `host:port`. */
  readonly address: string;
  readonly tls: TopologyTls;
  readonly timeoutMs: number;
  /** Reads an environment variable: proxies and TLS roots. */
  readonly env: (name: string) => string | undefined;
  readonly setEnv: (name: string, value: string) => void;
}

/**
 * Connects.
 * @throws {Error} If a file cannot be used, or no connection stands.
 * @throws {unknown} `signal.reason`.
 */
export async function dialTopology(
  options: TopologyDialOptions,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const { address, tls, env, timeoutMs } = options;
  const target = splitHostPort(address);
  if (typeof target === "string") throw new Error(target);
  if (tls.enabled && (tls.certFile !== "" || tls.insecureSkipVerify)) {
    using deadline = new Deadline(timeoutMs, signal);
    return await dialSpecially(target, options, deadline.signal);
  }
  const parsed: NetworkAddress = {
    scheme: tls.enabled ? "dns+tls" : "dns",
    isTls: tls.enabled,
    target,
    resolver: undefined,
    authority: address,
  };
  const dialling = dial(parsed, target, {
    env,
    timeoutMs,
    roots: { list: () => loadRoots(options) },
    ...tls.serverName !== "" && { serverName: tls.serverName },
  });
  try {
    return new SocketPipe(await untilAborted(dialling, signal));
  } catch (error) {
    dialling.then((late) => late.close(), () => {});
    throw error;
  }
}

/** With a certificate of our own, or without looking at the service's. */
async function dialSpecially(
  { host, port }: HostPort,
  options: TopologyDialOptions,
  signal: AbortSignal,
): Promise<ByteDuplex> {
  const { tls } = options;
  if (findGrpcProxy({ host, port }, options.env)) {
    throw new Error("Cannot show a client certificate through a proxy");
  }
  const target = {
    hostname: host,
    port: Number(port),
    serverName: tls.serverName || host,
    alpnProtocols: ["h2"],
    ...tls.certFile !== "" && {
      clientCertificate: {
        cert: await Deno.readTextFile(tls.certFile),
        key: await Deno.readTextFile(tls.keyFile),
      },
    },
  };
  if (tls.insecureSkipVerify) {
    const { openNodeTls } = await import("../core/tls_node.ts");
    const trusting = { ...target, roots: [], trustsAnybody: true };
    return await openNodeTls(trusting, signal);
  }
  const { openTls } = await import("../core/tls_connect.ts");
  const roots = await loadRoots(options);
  return await openTls({ ...target, roots }, signal);
}

async function loadRoots(
  { tls: { caFile }, env, setEnv }: TopologyDialOptions,
): Promise<string[]> {
  const { forgetBuiltInRoots, loadTlsRoots, splitCertificates } = await import(
    "../core/tls_roots.ts"
  );
  forgetBuiltInRoots({ env, setEnv });
  if (caFile === "") return loadTlsRoots({ env });
  const roots = splitCertificates(await Deno.readTextFile(caFile));
  if (roots.length > 0) return roots;
  throw new Error(`Cannot find a certificate in ${JSON.stringify(caFile)}`);
}
