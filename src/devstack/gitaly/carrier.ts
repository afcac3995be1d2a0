/**
 * The small interface that HTTP/2 and gRPC sit behind. There are two carriers:
 * grpc-js, which shares nothing with the product and so shares no mistake with
 * it, and a lean one that keeps up with a benchmark.
 * @module
 */
import type { ByteDuplex } from "../../core/io.ts";
import type { StatusError } from "./status.ts";

/** One call, from the server's side. Messages are bytes without their prefix. */
export interface IncomingCall {
  /** `/gitaly.SSHService/SSHReceivePack` and the like. */
  readonly path: string;
  /** What was sent more than once is joined by `, `. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Aborted when the caller cancels or is gone. */
  readonly signal: AbortSignal;
  /** @returns `null` after the caller's half-close. One at a time. */
  receive(): Promise<Uint8Array | null>;
  /**
   * @returns When flow control lets the next message follow.
   * @throws {Error} If the call has ended or `stop` was called.
   */
  send(message: Uint8Array): Promise<void>;
  /** Makes sends and receives that wait come to an end. Idempotent. */
  stop(): void;
  /** Ends the call; `undefined` is OK. Idempotent. */
  end(status: StatusError | undefined): void;
}

/** Who is told of what happens on a connection. */
export interface CarrierEvents {
  /** Every path that `onCall` may be given. */
  readonly paths: readonly string[];
  onCall(call: IncomingCall): void;
  /** HTTP/2 has ended; the connection is of no more use. */
  onEnd(): void;
}

/** HTTP/2 on one connection. */
export interface CarrierConnection {
  /** Sends GOAWAY; running calls get `graceMs` to end. */
  drain(graceMs: number): void;
  /** Ends every call. Idempotent. */
  close(): void;
}

/** Makes gRPC calls of a byte stream. */
export interface ServerCarrier {
  /** Starts HTTP/2 on `duplex`, which it owns from then on. */
  serve(duplex: ByteDuplex, events: CarrierEvents): CarrierConnection;
}

/** The carriers by name. */
export type CarrierName = "grpc-js" | "lean";
