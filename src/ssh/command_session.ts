/**
 * Runs what a session asks for: the same commands as gitlab-shell, found by
 * the same allowlist, with the texts and exit statuses of the daemon.
 * Source: GitLab Shell 14.56.1, sshd session.
 * @module
 */
import { type AllowedCommand, selectCommand } from "../command/allowlist.ts";
import type { CommandRequest } from "../command/command.ts";
import type { Config } from "../config/config.ts";
import { CommandLineError, errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_NO_COMMAND, EXIT_OK } from "../core/exit_status.ts";
import type { Clock } from "../core/host.ts";
import type { LogFields } from "../core/log.ts";
import { writeText } from "../core/io.ts";
import type { GitalyClient } from "../gitaly/pack_request.ts";
import {
  formatSessionError,
  isSessionFault,
  sessionErrorText,
} from "./session_failure.ts";
import type {
  SessionHandler,
  SessionOutcome,
  SessionStart,
  SessionSurroundings,
} from "./session_handler.ts";
import type { RecordCommand } from "./tracing.ts";

const PROGRAM_NAME = "gitlab-sshd";

/** What the commands of every session have in common. */
export interface CommandSessionOptions {
  readonly config: Config;
  readonly clock: Clock;
  /**
   * Splits a command line into words.
   * @throws {CommandLineError} If it cannot be split.
   */
  readonly parseWords: (commandLine: string) => string[];
  /** Told which command is about to run, by its name in the log. */
  readonly onCommand?: (logName: string) => void;
  /** The one client of the process, loaded when it is first needed. */
  readonly gitaly: () => Promise<GitalyClient>;
  /** Makes spans of commands that have ended; absent unless they are wanted. */
  readonly recordCommand?: RecordCommand;
}

/** A command that may run, and what it runs with. */
interface Invocation {
  readonly request: CommandRequest;
  readonly command: AllowedCommand;
}

/** Makes the handler of the product's sessions. */
export function createCommandSession(
  options: CommandSessionOptions,
): SessionHandler {
  return (start, around) => runCommandSession(options, start, around);
}

async function runCommandSession(
  options: CommandSessionOptions,
  start: SessionStart,
  around: SessionSurroundings,
): Promise<SessionOutcome> {
  const { command, login } = start;
  let words: string[];
  try {
    words = options.parseWords(command);
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    const text =
      `Failed to parse command: Invalid SSH command: ${error.message}`;
    await tellUser(text, around);
    return { exitStatus: EXIT_NO_COMMAND, fault: text };
  }
  const allowed = selectCommand(words, options.config, login.namespacePath);
  if (!allowed) {
    await tellUser(`Unknown command: ${command}`, around);
    return { exitStatus: EXIT_NO_COMMAND };
  }
  const request: CommandRequest = {
    words,
    originalCommand: command,
    identity: login.identity,
    gitProtocol: start.gitProtocol,
    remoteAddress: start.remoteAddress,
    namespacePath: login.namespacePath,
  };
  const establishedMs = options.clock.monotonicMs() - start.openedMs;
  logStart({ request, command: allowed }, around, establishedMs);
  options.onCommand?.(allowed.logName);
  const startedMs = options.clock.nowMs();
  const outcome = await run(options, { request, command: allowed }, around);
  options.recordCommand?.({
    name: words[0] ?? "discover",
    startedMs,
    endedMs: options.clock.nowMs(),
    phases: outcome.phases,
    correlationId: around.correlationId,
    project: outcome.data?.project ?? "",
    username: outcome.data?.username ?? "",
    fault: outcome.fault,
  });
  return { ...outcome, establishedMs };
}

async function run(
  { config, clock, gitaly }: CommandSessionOptions,
  { request, command }: Invocation,
  around: SessionSurroundings,
): Promise<SessionOutcome> {
  let phases: LogFields | undefined;
  try {
    const { run } = await command.load();
    const data = await run(request, {
      ...around,
      programName: PROGRAM_NAME,
      config,
      clock,
      gitaly,
      reportPhases: (fields) => phases = fields,
    });
    around.log.info("session: handleShell: command executed successfully");
    return { exitStatus: EXIT_OK, data, ...(phases && { phases }) };
  } catch (error) {
    const text = sessionErrorText(error);
    if (text !== undefined) await tellUser(text, around);
    return {
      exitStatus: EXIT_FAILURE,
      ...(phases && { phases }),
      ...(isSessionFault(error) && { fault: errorText(error) }),
    };
  }
}

function logStart(
  { request, command }: Invocation,
  { log }: SessionSurroundings,
  establishedMs: number,
): void {
  log.info("session: handleShell: executing command", {
    env: {
      GitProtocolVersion: request.gitProtocol,
      IsSSHConnection: true,
      OriginalCommand: request.originalCommand,
      RemoteAddr: request.remoteAddress,
      NamespacePath: request.namespacePath,
    },
    command: command.logName,
    established_session_duration_s: establishedMs / 1000,
  });
}

/** Shows an error to a user who may be gone already. */
async function tellUser(
  text: string,
  { io, log }: SessionSurroundings,
): Promise<void> {
  const block = formatSessionError(text);
  log.debug("session: toStderr: output", { stderr: block });
  await writeText(io.stderr, block).catch(() => {});
}
