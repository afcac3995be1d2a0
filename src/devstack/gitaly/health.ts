/**
 * `grpc.health.v1.Health`, which needs no token and always says "serving".
 * Source: grpc/grpc, doc/health-checking.md.
 * @module
 */
import { Buffer } from "node:buffer";
import type {
  sendUnaryData,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** `HealthCheckResponse { status: SERVING }`. */
const SERVING = Buffer.of(0x08, 0x01);
const asIs = (bytes: Buffer): Buffer => bytes;

/** The unary method alone; nobody watches. */
export const HEALTH_SERVICE: ServiceDefinition = {
  Check: {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};

/** Handlers of `HEALTH_SERVICE`. */
export const HEALTH_HANDLERS: UntypedServiceImplementation = {
  Check: (_call: unknown, answer: sendUnaryData<Buffer>) =>
    answer(null, SERVING),
};
