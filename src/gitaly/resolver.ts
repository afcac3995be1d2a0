/**
 * Names to addresses that can be dialled. A program that makes one call leaves
 * this to the system; a daemon asks for all addresses and spreads its
 * connections over them, as Gitaly's clients do.
 * Source: Gitaly 18.9, dnsresolver (refresh 5 minutes, lookup 15 s).
 * @module
 */
import type { GitalyAddress, NetworkAddress } from "./address.ts";
import { withDeadline } from "./deadline.ts";
import { DialError, type DialTarget } from "./dial.ts";
import { type HostPort, parseIp } from "../core/host_port.ts";
import { findGrpcProxy } from "./grpc_proxy.ts";

const LOOKUP_TIMEOUT_MS = 15_000;

/** How names are looked up. */
export interface ResolveOptions {
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Whether to look up all addresses of a host. */
  readonly spreads: boolean;
}

/**
 * Finds what can be dialled for an address.
 * @returns One or more targets.
 * @throws {DialError} If a name server of the address's own knows none.
 */
export async function resolveTargets(
  address: GitalyAddress,
  { env, spreads }: ResolveOptions,
): Promise<readonly DialTarget[]> {
  if (address.scheme === "unix") return [address.path];
  const { target, resolver } = address;
  if (parseIp(target.host) !== undefined) return [target];
  if (resolver === undefined && !spreads) return [target];
  // A proxy looks the name up itself.
  if (findGrpcProxy(target, env) !== undefined) return [target];
  const found = await lookUp(address);
  // Names that only the system knows, by a file or another service than DNS.
  if (found.length === 0 && resolver === undefined) return [target];
  if (found.length > 0) return found;
  throw new DialError(`name resolver error: produced zero addresses`);
}

async function lookUp(address: NetworkAddress): Promise<HostPort[]> {
  const { host, port } = address.target;
  const nameServer = await findNameServer(address.resolver);
  const options = nameServer === undefined ? {} : { nameServer };
  const lookups = (["A", "AAAA"] as const).map((type) =>
    withDeadline(Deno.resolveDns(host, type, options), LOOKUP_TIMEOUT_MS)
  );
  const answers = await Promise.allSettled(lookups);
  return answers
    .flatMap((answer) => answer.status === "fulfilled" ? answer.value : [])
    .map((ip) => ({ host: ip, port }));
}

/** The name server's own address; its name may have to be looked up first. */
async function findNameServer(
  resolver: HostPort | undefined,
): Promise<{ ipAddr: string; port: number } | undefined> {
  if (resolver === undefined) return undefined;
  const port = Number(resolver.port);
  if (parseIp(resolver.host) !== undefined) {
    return { ipAddr: resolver.host, port };
  }
  const [ipAddr] = await withDeadline(
    Deno.resolveDns(resolver.host, "A"),
    LOOKUP_TIMEOUT_MS,
  );
  if (ipAddr === undefined) {
    throw new DialError("name resolver error: produced zero addresses");
  }
  return { ipAddr, port };
}
