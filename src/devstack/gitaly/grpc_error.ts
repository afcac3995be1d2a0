/**
 * A failure in the form that grpc-js sends as a status.
 * @module
 */
import { Buffer } from "node:buffer";
import { Metadata } from "@grpc/grpc-js";
import type { StatusError } from "./status.ts";

const DETAILS_KEY = "grpc-status-details-bin";

/** What grpc-js reads a status from. */
export type GrpcError = Error & {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
};

/** Keeps code, message and rich details. */
export function toGrpcError(
  { code, message, detailsBin }: StatusError,
): GrpcError {
  const metadata = new Metadata();
  if (detailsBin) metadata.set(DETAILS_KEY, Buffer.from(detailsBin));
  return Object.assign(new Error(message), {
    code,
    details: message,
    metadata,
  });
}
