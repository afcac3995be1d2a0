/**
 * The seam between this room and what a session runs: the SSH side asks, a
 * handler answers. The product's handler runs the commands of the allowlist;
 * tests have their own.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import type { SessionData } from "../command/command.ts";
import type { StandardStreams } from "../core/io.ts";
import type { LogFields, Logger } from "../core/log.ts";
import type { Login } from "./login.ts";

/** What a client asked for. */
export interface SessionStart {
  /** The command line as it came, not UTF-8 made U+FFFD; empty for a shell. */
  readonly command: string;
  /** `GIT_PROTOCOL`, verbatim; empty when not sent. */
  readonly gitProtocol: string;
  readonly login: Login;
  /** Client address with port. */
  readonly remoteAddress: string;
  /** When the channel was opened, on the monotonic clock. */
  readonly openedMs: number;
}

/** What a session runs with. */
export interface SessionSurroundings {
  /** Writes fail and input ends once the client is gone. */
  readonly io: StandardStreams;
  readonly api: ApiClient;
  /** Carries correlation id and client address. */
  readonly log: Logger;
  readonly correlationId: string;
  /** Aborts some time after the client is gone, and at shutdown. */
  readonly signal: AbortSignal;
}

/** How a session ended. */
export interface SessionOutcome {
  readonly exitStatus: number;
  /** What the access record tells; absent when nothing is known. */
  readonly data?: SessionData;
  /** A fault that counts against us, for the log. */
  readonly fault?: string;
  /** From the opening of the channel to the start of the command, if any. */
  readonly establishedMs?: number;
  /** How the time of a Git command was spent, for the log. */
  readonly phases?: LogFields;
}

/** Runs a session to its end. It throws for nothing but bugs. */
export type SessionHandler = (
  start: SessionStart,
  around: SessionSurroundings,
) => Promise<SessionOutcome>;
