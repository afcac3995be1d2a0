/**
 * How one attempt of a call ended, and what may be done about it.
 * @module
 */
import { GitalyError, GRPC_CODE } from "../core/errors.ts";
import { decodeMessage } from "./protobuf/codec.ts";
import { STATUS } from "./gen/status.ts";
import type { GrpcStatus } from "./grpc_call.ts";
import type { PackfileStatistics } from "./pack_request.ts";

/** The end of one attempt. */
export interface CallEnd {
  readonly status: GrpcStatus;
  /** What failed on our side although the status may be OK. */
  readonly failure: Error | undefined;
  /** Last `exit_status` that came. */
  readonly exitStatus: number;
  readonly packfileStatistics: PackfileStatistics | undefined;
  /** Whether Git's bytes have begun to flow, which makes the attempt the last. */
  readonly hasBegun: boolean;
}

/** A status that no server sent. */
export function makeStatus(code: number, message: string): GrpcStatus {
  return {
    code,
    message,
    detailsBin: undefined,
    isUnprocessed: false,
    hadResponseHeaders: false,
    retryPushback: undefined,
  };
}

/** The end of a call that was given up before it went out. */
export function endWithStatus(status: GrpcStatus): CallEnd {
  return {
    status,
    failure: undefined,
    exitStatus: 0,
    packfileStatistics: undefined,
    hasBegun: false,
  };
}

/** The error that tells of a status other than OK. */
export function errorOfStatus(
  { code, message, detailsBin }: GrpcStatus,
  exitStatus: number,
  options?: ErrorOptions,
): GitalyError {
  const detailTypes = detailsBin === undefined ? [] : listTypes(detailsBin);
  const error = new GitalyError(code, message, detailTypes, options);
  error.exitStatus = exitStatus;
  return error;
}

/** The status of a call that was cancelled on our side. */
export const CANCELED_STATUS: GrpcStatus = makeStatus(
  GRPC_CODE.canceled,
  "context canceled",
);

/** Names of the messages in a `google.rpc.Status`; none if it is not one. */
function listTypes(detailsBin: Uint8Array): string[] {
  try {
    return decodeMessage(STATUS, detailsBin).details
      .map(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  } catch {
    return [];
  }
}
