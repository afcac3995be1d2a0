/**
 * Statuses of calls that end otherwise than by the server's trailers.
 * Source: gRPC over HTTP/2, "Errors"; wording of grpc-go 1.81, which is what
 * operators of GitLab know from their logs.
 * @module
 */
import { GRPC_CODE } from "../../core/errors.ts";
import { quoteGo } from "../../core/go_text.ts";
import type { GrpcStatus } from "../grpc_call.ts";
import type { Goaway } from "./control_frames.ts";
import { HTTP2_ERROR, http2ErrorName } from "./http2_error.ts";

/** gRPC codes that only this file and the HTTP mapping speak of. */
const PERMISSION_DENIED = 7;

const CODE_BY_HTTP2_ERROR: ReadonlyMap<number, number> = new Map([
  [0x0, GRPC_CODE.internal],
  [0x1, GRPC_CODE.internal],
  [0x2, GRPC_CODE.internal],
  [0x3, GRPC_CODE.resourceExhausted],
  [0x4, GRPC_CODE.internal],
  [0x5, GRPC_CODE.internal],
  [0x6, GRPC_CODE.internal],
  [0x7, GRPC_CODE.unavailable],
  [0x8, GRPC_CODE.canceled],
  [0x9, GRPC_CODE.internal],
  [0xa, GRPC_CODE.internal],
  [0xb, GRPC_CODE.resourceExhausted],
  [0xc, PERMISSION_DENIED],
  [0xd, GRPC_CODE.internal],
]);

/** A status without details, of a call that the server has seen. */
export function makeStatus(
  code: number,
  message: string,
  rest: Partial<GrpcStatus> = {},
): GrpcStatus {
  return {
    code,
    message,
    detailsBin: undefined,
    isUnprocessed: false,
    hadResponseHeaders: false,
    retryPushback: undefined,
    ...rest,
  };
}

/** The server ended the stream by RST_STREAM. */
export function statusOfReset(http2Code: number): GrpcStatus {
  const code = CODE_BY_HTTP2_ERROR.get(http2Code) ?? GRPC_CODE.unknown;
  const name = http2ErrorName(http2Code);
  return makeStatus(
    code,
    `stream terminated by RST_STREAM with error code: ${name}`,
    { isUnprocessed: http2Code === HTTP2_ERROR.refusedStream },
  );
}

/** We ended the call. */
export function statusOfCancel(): GrpcStatus {
  return makeStatus(GRPC_CODE.canceled, "context canceled");
}

/** We ended the connection. */
export function statusOfClose(): GrpcStatus {
  const message = "grpc: the client connection is closing";
  return makeStatus(GRPC_CODE.canceled, message);
}

/** The server will not process the call: its stream is above that of GOAWAY. */
export function statusOfDrain(): GrpcStatus {
  const message =
    "the stream is rejected because server is draining the connection";
  return makeStatus(GRPC_CODE.unavailable, message, { isUnprocessed: true });
}

/** What is known of a connection when it is lost. */
export interface LostConnection {
  /** The peer's SETTINGS have come; before that it was never connected. */
  readonly isEstablished: boolean;
  readonly goaway: Goaway | undefined;
}

/**
 * The connection is gone and the calls with it.
 * @param reason Sentence for the log, such as `error reading from server: EOF`.
 */
export function statusOfLoss(
  reason: string,
  { isEstablished, goaway }: LostConnection,
): GrpcStatus {
  const asError = `connection error: desc = ${quoteGo(reason)}`;
  let message = isEstablished ? reason : asError;
  if (goaway) {
    const { code, debugText } = goaway;
    const debug = debugText && `, debug data: ${quoteGo(debugText)}`;
    message = `closing transport due to: ${asError}, received prior goaway: ` +
      `code: ${http2ErrorName(code)}${debug}`;
  }
  const isUnprocessed = !isEstablished;
  return makeStatus(GRPC_CODE.unavailable, message, { isUnprocessed });
}
