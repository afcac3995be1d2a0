/**
 * How a call fails: a gRPC status, with rich details where Gitaly has them.
 * @module
 */

/** gRPC status codes by Go's names, those that Gitaly answers with. */
export const CODE = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A call's end other than OK. `message` is the status message on the wire. */
export class StatusError extends Error {
  override name = "StatusError";
  /** gRPC status code. */
  readonly code: number;
  /** Contents of `grpc-status-details-bin`, if there are any. */
  readonly detailsBin: Uint8Array | undefined;
  constructor(code: number, message: string, detailsBin?: Uint8Array) {
    super(message);
    this.code = code;
    this.detailsBin = detailsBin;
  }
}

/** The status of whatever a handler threw; an error without code is INTERNAL. */
export function toStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError(CODE.internal, message);
}
