/**
 * gitlab-shell: the forced command that sshd starts once per session.
 * Everything that a session does not need is loaded late: its start is what
 * the user waits for.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-shell.
 * @module
 */
import type { Identity } from "../api/access.ts";
import type { CommandRequest } from "../command/command.ts";
import { type AllowedCommand, selectCommand } from "../command/allowlist.ts";
import type { Config } from "../config/config.ts";
import {
  loadConfig,
  type LoadedConfig,
  RootNotFoundError,
} from "../config/load.ts";
import { openLog } from "../config/open_log.ts";
import { formatWarningBlock } from "../core/console_message.ts";
import { makeCorrelationId } from "../core/correlation_id.ts";
import { CommandLineError, errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import type { LogFields, Logger } from "../core/log.ts";
import { parseCommandWords } from "../git/command_words.ts";
import { errorForUser, exitStatusOfBrokenPipe } from "./failure.ts";
import { openSessionContext } from "./session_context.ts";
import { formatVersion, isVersionRequest } from "./version.ts";

/** Words of an operator at a shell; sshd's own never look like these. */
const OPERATOR_WORDS: ReadonlySet<string> = new Set([
  "config",
  "doctor",
  "help",
  "--help",
  "-h",
]);
const KEY_WORD = /^key-([0-9]+)$/;
// Five ASCII characters alone end a name: other white space may be part of it.
const USERNAME_WORD = /^username-([^\t\n\f\r ]+)$/;

/** What the environment and the arguments say before anything is asked. */
interface Session {
  request: CommandRequest;
  command: AllowedCommand;
}

/**
 * Finds whom sshd vouches for: the last word of the first argument that names
 * a key or a user. A login shell passes everything as one argument.
 * @example
 * ```ts
 * import { parseIdentity } from "./gitlab_shell.ts";
 * parseIdentity(["-c", "/opt/bin/gitlab-shell key-7"]); // { kind: "key", keyId: "7" }
 * ```
 */
export function parseIdentity(args: readonly string[]): Identity {
  for (const argument of args) {
    const word = argument.slice(argument.lastIndexOf(" ") + 1);
    const keyId = KEY_WORD.exec(word)?.[1];
    if (keyId !== undefined) return { kind: "key", keyId };
    const username = USERNAME_WORD.exec(word)?.[1];
    if (username !== undefined) return { kind: "username", username };
  }
  return { kind: "none" };
}

/**
 * Runs gitlab-shell to its end.
 * @returns The exit status; never throws.
 */
export async function runGitlabShell(host: Host): Promise<number> {
  try {
    if (isVersionRequest(host)) {
      await writeText(host.io.stdout, formatVersion(host));
      return EXIT_OK;
    }
    if (isOperatorRequest(host)) {
      const { runOperatorCommand } = await import("./operator_command.ts");
      return await runOperatorCommand(host);
    }
    return await runSession(host);
  } catch (error) {
    const brokenPipe = exitStatusOfBrokenPipe(error);
    if (brokenPipe !== undefined) return brokenPipe;
    // Nothing above should get here. The user learns no detail of it.
    await writeText(host.io.stderr, "Internal error\n").catch(() => {});
    return EXIT_FAILURE;
  }
}

/**
 * Whether an operator has typed one of our own words, outside of any session.
 * What a client sends is never an argument of ours by itself: sshd passes the
 * forced command's words, a login shell `-c` and one word.
 */
function isOperatorRequest({ args: [word = ""], env }: Host): boolean {
  return OPERATOR_WORDS.has(word) && env("SSH_CONNECTION") === undefined &&
    env("SSH_ORIGINAL_COMMAND") === undefined;
}

async function runSession(host: Host): Promise<number> {
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig(host);
  } catch (error) {
    return await refuse(
      host,
      error instanceof RootNotFoundError
        ? "Failed to determine executable, exiting"
        : `Failed to read config, exiting: ${errorText(error)}`,
    );
  }
  const { config, warnings } = loaded;
  await using openedLog = openLog(config, host, { fallback: "discard" });
  const session = parseSession(host, config);
  if (typeof session === "string") return await refuse(host, session);
  const correlationId = host.env("CORRELATION_ID") ||
    makeCorrelationId(host.clock.nowMs());
  const log = openedLog.with({ correlation_id: correlationId });
  for (const warning of warnings) log.warn(warning);
  return await runCommand(session, { host, config, log, correlationId });
}

/** @returns The session, or the line that refuses it. */
function parseSession(host: Host, config: Config): Session | string {
  const connection = host.env("SSH_CONNECTION") ?? "";
  if (connection === "") return "Only SSH allowed";
  const originalCommand = host.env("SSH_ORIGINAL_COMMAND") ?? "";
  let words: string[];
  try {
    words = parseCommandWords(originalCommand);
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    return `Invalid SSH command: ${error.message}`;
  }
  const command = selectCommand(words, config, "");
  if (!command) return "Disallowed command";
  const request: CommandRequest = {
    words,
    originalCommand,
    identity: parseIdentity(host.args),
    gitProtocol: host.env("GIT_PROTOCOL") ?? "",
    remoteAddress: connection.trim().split(/\s+/)[0] ?? "",
    namespacePath: "",
  };
  return { request, command };
}

async function runCommand(
  { request, command }: Session,
  { host, config, log, correlationId }: {
    host: Host;
    config: Config;
    log: Logger;
    correlationId: string;
  },
): Promise<number> {
  log.info("gitlab-shell: main: executing command", {
    env: {
      GitProtocolVersion: request.gitProtocol,
      IsSSHConnection: true,
      OriginalCommand: request.originalCommand,
      RemoteAddr: request.remoteAddress,
      NamespacePath: "",
    },
    command: command.logName,
  });
  let phases: LogFields = {};
  const reportPhases = (fields: LogFields) => void (phases = fields);
  using context = openSessionContext(host, config, {
    log,
    correlationId,
    reportPhases,
  });
  try {
    const { run } = await command.load();
    await run(request, context);
  } catch (error) {
    log.warn("gitlab-shell: main: command execution failed", {
      error_message: errorText(error),
      ...phases,
    });
    const brokenPipe = exitStatusOfBrokenPipe(error);
    if (brokenPipe !== undefined) return brokenPipe;
    const text = errorForUser(error);
    await writeText(host.io.stderr, formatWarningBlock([text]));
    return EXIT_FAILURE;
  }
  log.info("gitlab-shell: main: command executed successfully", phases);
  return EXIT_OK;
}

async function refuse(host: Host, line: string): Promise<number> {
  await writeText(host.io.stderr, `${line}\n`);
  return EXIT_FAILURE;
}
