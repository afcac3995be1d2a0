/**
 * What all connections and calls of one stand-in share.
 * @module
 */
import type { ServerCarrier } from "./carrier.ts";
import type { GitalyEra } from "./era.ts";
import type { GitalyFaults } from "./faults.ts";
import type { GitRuntime } from "./git_command.ts";
import type { GitProcess } from "./git_process.ts";
import type { ConcurrencyLimiter } from "./limiter.ts";
import type { RecordList } from "../records.ts";
import type { CallRecord, ConnectionRecord } from "./call_records.ts";
import type { Storages } from "./validate.ts";
import type { YamuxOptions } from "./yamux_session.ts";

/** Time limits in milliseconds; Gitaly's own are in `GITALY_TIMEOUTS`. */
export interface GitalyTimeouts {
  readonly uploadPackNegotiationMs: number;
  readonly uploadArchiveNegotiationMs: number;
  /** TLS and the first eleven bytes. */
  readonly handshakeMs: number;
  /** From an open sidechannel to the client's `ok`. */
  readonly sidechannelMs: number;
}

/** Gitaly's own time limits. */
export const GITALY_TIMEOUTS: GitalyTimeouts = {
  uploadPackNegotiationMs: 10 * 60_000,
  uploadArchiveNegotiationMs: 60_000,
  handshakeMs: 120_000,
  sidechannelMs: 5000,
};

/** Settings and state of one stand-in. */
export interface GitalyCore {
  readonly storages: Storages;
  readonly era: GitalyEra;
  /** Empty lets every call pass. */
  readonly token: string;
  readonly clock: { nowMs(): number };
  readonly timeouts: GitalyTimeouts;
  readonly yamux: YamuxOptions;
  readonly isBackchannelEager: boolean;
  readonly carrier: ServerCarrier;
  readonly hooks: "none" | "custom";
  readonly git: GitRuntime;
  readonly limiter: ConcurrencyLimiter | undefined;
  readonly faults: GitalyFaults;
  readonly calls: RecordList<CallRecord>;
  readonly connections: RecordList<ConnectionRecord>;
  /** Every git that runs, so that closing leaves none behind. */
  readonly processes: Set<GitProcess>;
}
