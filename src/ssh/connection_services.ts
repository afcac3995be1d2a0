/**
 * What all connections of a server have in common.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import type { Clock } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { RekeyLimits } from "./rekey_schedule.ts";
import type { ServerMetrics } from "./server_metrics.ts";
import type { SessionLimits } from "./session.ts";
import type { SessionHandler } from "./session_handler.ts";
import type { Ssh2Library, Ssh2Server } from "./ssh2_types.ts";
import type { TransportOffer } from "./transport.ts";
import type { TrustedUserCas } from "./trusted_user_cas.ts";

/** What the log says of every record of a connection. */
export interface ConnectionLog {
  readonly log: Logger;
  readonly correlationId: string;
}

/** Made once; nothing in it belongs to one connection. */
export interface ConnectionServices {
  readonly ssh2: Ssh2Library;
  readonly ssh2Server: Ssh2Server;
  readonly offer: TransportOffer;
  /** The one user name that may log in with a plain key. */
  readonly user: string;
  readonly trustedCas: TrustedUserCas;
  /** The process environment. */
  readonly env: (name: string) => string | undefined;
  readonly limits: ConnectionLimits;
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  /** Opens a connection's own way to the internal API. */
  openApi(log: Logger, at: ApiPlace): ApiClient;
  readonly handleSession: SessionHandler;
}

/** What the internal API is told of a connection with each question. */
export interface ApiPlace {
  readonly correlationId: string;
  /** For `X-Forwarded-For`; empty for none. */
  readonly forwardedFor: string;
}

/** Limits of one connection; times in milliseconds. */
export interface ConnectionLimits extends SessionLimits {
  /** From accept to the client's identification. */
  readonly identMs: number;
  /** From accept to the end of authentication; none if not positive. */
  readonly loginGraceMs: number;
  /** Between keepalives; none are sent if not positive. */
  readonly keepaliveMs: number;
  readonly rekey: RekeyLimits;
  /** Sessions at one time. */
  readonly sessionsMax: number;
}
