/**
 * The client that commands use: all calls of a process, and the connections
 * that they share.
 * @module
 */
import { type GitalyAddress, parseGitalyAddress } from "./address.ts";
import { TokenSigner } from "./auth_token.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { GrpcCarrier } from "./grpc_call.ts";
import { runPackCall } from "./pack_call.ts";
import type { GitalyClient, GitalyEndpoint } from "./pack_request.ts";
import { checkRetryPolicy } from "./retry_policy.ts";
import { SidechannelRegistry } from "./sidechannel_registry.ts";
import { TrustedRoots } from "./trusted_roots.ts";

/** What a client is made with. */
export interface GitalyClientOptions {
  /** Makes gRPC of a connection. */
  readonly carrier: GrpcCarrier;
  /** Decides between the texts of gitlab-shell and of gitaly-ssh. */
  readonly programName: string;
  /** Reads an environment variable: proxies and TLS roots. */
  readonly env: (name: string) => string | undefined;
  /**
   * Whether connections are spread over all addresses of a host, as is right
   * for a daemon. A program that makes one call leaves it to the system.
   */
  readonly spreadsConnections?: boolean;
}

/** Makes a client. Nothing is dialled before the first call. */
export function createGitalyClient(
  { carrier, programName, env, spreadsConnections = false }:
    GitalyClientOptions,
): GitalyClient {
  const registry = new SidechannelRegistry();
  const signer = new TokenSigner();
  const pool = new ConnectionPool({
    carrier,
    registry,
    env,
    roots: new TrustedRoots(env),
    spreads: spreadsConnections,
  });
  const check = (endpoint: GitalyEndpoint): GitalyAddress => {
    const address = parseGitalyAddress(endpoint.address, programName);
    if (endpoint.retryPolicy !== undefined) {
      checkRetryPolicy(endpoint.retryPolicy, address.scheme);
    }
    return address;
  };
  return {
    checkEndpoint: (endpoint) => void check(endpoint),
    async runPack(endpoint, request, context) {
      const address = check(endpoint);
      const order = { endpoint, address, request, context };
      return await runPackCall({ pool, registry, signer }, order);
    },
    close: () => pool.close(),
  };
}
