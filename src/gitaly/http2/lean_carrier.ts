/**
 * gRPC by our own HTTP/2, for programs whose whole life is one call: a library
 * takes longer to load than the call takes.
 * @module
 */
import type { GrpcCarrier } from "../grpc_call.ts";
import { LeanConnection } from "./lean_connection.ts";

/** The lean carrier. */
export const LEAN_CARRIER: GrpcCarrier = {
  name: "lean",
  connect: (duplex, options) => new LeanConnection(duplex, options),
};
