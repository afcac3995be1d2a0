/**
 * gRPC by our own HTTP/2, for programs whose whole life is one call: a library
 * takes longer to load than the call takes.
 * Source: gRPC, "Keepalive", for the answer to `too_many_pings`.
 * @module
 */
import type { ByteDuplex } from "../../core/io.ts";
import type {
  GrpcCarrier,
  GrpcConnection,
  GrpcConnectOptions,
} from "../grpc_call.ts";
import { LeanConnection } from "./lean_connection.ts";

/** Servers that are remembered for their dislike of pings. */
const SERVERS_MAX = 256;
/** From 20 seconds to twenty minutes. */
const SLOWNESS_MAX = 64;

class LeanCarrier implements GrpcCarrier {
  readonly name = "lean";
  /** By authority: how many times slower than asked to ping. */
  readonly #slowness = new Map<string, number>();

  connect(duplex: ByteDuplex, options: GrpcConnectOptions): GrpcConnection {
    const { authority, keepaliveTimeMs } = options;
    const slowness = this.#slowness.get(authority) ?? 1;
    return new LeanConnection(
      duplex,
      { ...options, keepaliveTimeMs: keepaliveTimeMs * slowness },
      () => this.#slowDown(authority, slowness * 2),
    );
  }

  #slowDown(authority: string, slowness: number): void {
    if (this.#slowness.size >= SERVERS_MAX) this.#slowness.clear();
    this.#slowness.set(authority, Math.min(slowness, SLOWNESS_MAX));
  }
}

/** The lean carrier. */
export const LEAN_CARRIER: GrpcCarrier = new LeanCarrier();
