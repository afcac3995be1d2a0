/**
 * What both front doors hand to a command, and what a command hands back.
 * A command cannot tell which door was used but by `programName`.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import type { Identity } from "../api/access.ts";
import type { Config } from "../config/config.ts";
import type { Clock, Host } from "../core/host.ts";
import type { StandardStreams } from "../core/io.ts";
import type { LogFields, Logger } from "../core/log.ts";
import type { GitalyClient } from "../gitaly/pack_request.ts";

/** One command of one session, as the client asked for it. */
export interface CommandRequest {
  /** The command line split into words, `git x` joined to `git-x`. */
  readonly words: readonly string[];
  /** The command line as it came. */
  readonly originalCommand: string;
  readonly identity: Identity;
  /** `GIT_PROTOCOL`, verbatim; empty when not sent. */
  readonly gitProtocol: string;
  /** Client address: without port from sshd, with port from gitlab-sshd. */
  readonly remoteAddress: string;
  /** Namespace of a group-level certificate; empty otherwise. */
  readonly namespacePath: string;
}

/** Everything a command may use; nothing else of the process is its business. */
export interface CommandContext {
  readonly programName: string;
  readonly config: Config;
  readonly io: StandardStreams;
  readonly api: ApiClient;
  /** Loads the Gitaly client late: only Git commands pay for it. */
  gitaly(): Promise<GitalyClient>;
  /** Carries the correlation id. */
  readonly log: Logger;
  readonly correlationId: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told once how a Git command went, for the record that closes it. */
  readonly reportPhases?: (fields: LogFields) => void;
  /** Absent in a server, whose sessions share what the process may do. */
  readonly giveUp?: Host["giveUp"];
}

/** What the access log of gitlab-sshd tells of a command. */
export interface SessionData {
  readonly username: string;
  readonly project: string;
  readonly rootNamespace: string;
  readonly projectId: number;
  readonly rootNamespaceId: number;
}

/**
 * Runs a command to its end.
 * @throws {Error} What the front door frames for the user: a
 * DisallowedCommandError, ApiError, GitalyError, GitTransportError, or plain
 * Error whose message is fit to be read by the remote user.
 */
export type RunCommand = (
  request: CommandRequest,
  context: CommandContext,
) => Promise<SessionData>;

/** A file of this room that runs one command. */
export interface CommandModule {
  readonly run: RunCommand;
}
