/**
 * The small interface that a gRPC library sits behind. The pump above it sees
 * messages as bytes, metadata and a status; which carrier makes HTTP/2 of them
 * is not its business.
 * @module
 */
import type { ByteDuplex } from "../core/io.ts";

/** Metadata in sending order; a name may stand more than once. */
export type GrpcMetadata = readonly (readonly [name: string, value: string])[];

/** How a call ended. */
export interface GrpcStatus {
  /** 0 is OK. */
  readonly code: number;
  /** Percent-decoded `grpc-message`. */
  readonly message: string;
  /** `grpc-status-details-bin`, decoded from base64, if it was sent. */
  readonly detailsBin: Uint8Array | undefined;
  /**
   * Whether the peer can be shown not to have seen the call: refused by
   * GOAWAY or RST_STREAM REFUSED_STREAM, or the connection never stood.
   */
  readonly isUnprocessed: boolean;
  /** Whether response headers came before the trailers; a retry needs `false`. */
  readonly hadResponseHeaders: boolean;
  /** `grpc-retry-pushback-ms` of the trailers, if any. */
  readonly retryPushback: string | undefined;
}

/** One call, unary calls included. */
export interface GrpcCall {
  /**
   * Sends one message, without gRPC's five-byte prefix.
   * @returns When flow control lets the next message follow. The bytes are the
   * caller's again then. After the server has ended the call this returns at
   * once and sends nothing: the status tells what happened.
   */
  send(message: Uint8Array): Promise<void>;
  /** Half-closes the call. Idempotent. */
  closeSend(): Promise<void>;
  /**
   * Waits for the next message. The bytes are valid until the next `receive`.
   * @returns `null` when the server has ended the call; ask `status` then.
   * Never rejects: every failure is a status.
   */
  receive(): Promise<Uint8Array | null>;
  /** Settles once, after the last message was received or thrown away. Never rejects. */
  readonly status: Promise<GrpcStatus>;
  /** Gives the call up (RST_STREAM CANCEL); the status becomes CANCELED. Idempotent. */
  cancel(): void;
}

/** What a call needs before its first message. */
export interface GrpcCallStart {
  /** `/gitaly.SSHService/SSHReceivePack` and the like. */
  readonly path: string;
  readonly metadata: GrpcMetadata;
  /** Whether the client sends exactly one message and the server too. */
  readonly isUnary: boolean;
  readonly signal?: AbortSignal;
}

/** HTTP/2 over one connection; many calls may share it. */
export interface GrpcConnection {
  /** Opens a call; waits for the peer's SETTINGS only if the protocol needs them. */
  startCall(start: GrpcCallStart): GrpcCall;
  /** Whether new calls may be started: not closed, no GOAWAY seen. */
  readonly isUsable: boolean;
  /** Whether any byte of the peer's SETTINGS arrived; gitaly.md 10 step 3 asks. */
  readonly sawSettings: boolean;
  /** Settles when the connection is gone, for whatever reason. Never rejects. */
  readonly closed: Promise<void>;
  /** Ends the connection and every call on it. Idempotent. */
  close(): void;
}

/** What HTTP/2 has to know of the connection below it. */
export interface GrpcConnectOptions {
  /** `:authority` of every call. */
  readonly authority: string;
  /** `http` or `https`, the `:scheme` of every call. */
  readonly scheme: "http" | "https";
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** Makes gRPC of a byte stream: the lean carrier, or grpc-js. */
export interface GrpcCarrier {
  /** Name for logs and tables: `lean`, `grpc-js`. */
  readonly name: string;
  /**
   * Starts HTTP/2 on `duplex`, which it owns from then on.
   * @returns At once; a connection that fails fails its calls as UNAVAILABLE.
   */
  connect(duplex: ByteDuplex, options: GrpcConnectOptions): GrpcConnection;
}
