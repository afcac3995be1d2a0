/**
 * What the stand-in saw, for tests and for whoever watches it.
 * @module
 */
import type { PackRequestMessage, StatisticsMessage } from "./messages.ts";

/** How a call ended. */
export interface RecordedStatus {
  readonly code: number;
  readonly message: string;
}

/** One gRPC call. */
export interface CallRecord {
  /** `SSHReceivePack` and the like. */
  readonly method: string;
  /** Metadata as it came; what was sent twice is joined by `, `. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly connection: ConnectionRecord;
  /** First message, once it was read. */
  request: PackRequestMessage | undefined;
  /** Process number of git, once it runs. */
  gitPid: number | undefined;
  /** Bytes of git's standard output so far. */
  outputBytes: number;
  statistics: StatisticsMessage | undefined;
  /** Settles when the call has ended, however that came about. */
  readonly ended: Promise<RecordedStatus>;
}

/** One connection. */
export interface ConnectionRecord {
  /** Counts from 1. */
  readonly id: number;
  readonly transport: "unix" | "tcp" | "tls";
  /** Undecided until eleven bytes have come. */
  kind: "undecided" | "plain" | "multiplexed";
  /** First bytes after TLS, 64 at most. */
  readonly firstBytes: Uint8Array;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** yamux streams that are open; none on a plain connection. */
  readonly openStreamIds: readonly number[];
  /** What broke the yamux session; absent if the client just went away. */
  readonly failure: Error | undefined;
  /** State of the HTTP/2 client that some eras start towards the caller. */
  backchannel: "none" | "opened" | "settled";
  /** Cuts the connection, as a crash of the server would. */
  cut(): void;
  /** Settles when the connection is gone. Never rejects. */
  readonly closed: Promise<void>;
}
