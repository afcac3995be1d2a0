/**
 * What a server is made of.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { ApiPlace, ConnectionLimits } from "./connection_services.ts";
import type { Offence } from "./penalties.ts";
import type { ServerMetrics } from "./server_metrics.ts";
import type { SessionHandler } from "./session_handler.ts";
import type { SourceCounts } from "./source_counts.ts";
import type { Count } from "./startups.ts";

/** What threads that serve one port have in common. */
export interface ServerSharing {
  /** Connections before login. */
  readonly count: Count;
  /** Those of each source. */
  readonly sources: SourceCounts;
  /** Told of what is held against a source here. */
  readonly onOffence: (source: string, offence: Offence) => void;
  /** Told of who is found to send PROXY headers. */
  readonly onBalancer: (peer: string) => void;
}

/** Everything that a server uses and does not make itself. */
export interface SshServerOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  /** Opens one connection's way to the internal API. */
  readonly openApi: (log: Logger, at: ApiPlace) => ApiClient;
  readonly handleSession: SessionHandler;
  /** The process environment; empty when left out. */
  readonly env?: (name: string) => string | undefined;
  /** Replaces limits that the configuration does not have. */
  readonly limits?: Partial<ConnectionLimits>;
  /** Counts of its own unless given. */
  readonly metrics?: ServerMetrics;
  /** None where one thread serves alone. */
  readonly sharing?: ServerSharing;
}
