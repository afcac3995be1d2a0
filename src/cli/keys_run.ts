/**
 * What the commands of gitlab-keys have in common: configuration, log, the
 * managed file and its lock.
 * @module
 */
import type { Config } from "../config/config.ts";
import {
  loadConfig,
  type LoadOptions,
  RootNotFoundError,
} from "../config/load.ts";
import { type OpenedLog, openLog } from "../config/open_log.ts";
import { chooseCorrelationId } from "../core/correlation_id.ts";
import { ConfigError, UsageError } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import type { Logger } from "../core/log.ts";
import type { EditSurroundings } from "../keys/edit_file.ts";
import { lockKeyFile } from "../keys/file_lock.ts";
import { maskControls, parseShellPath, type ShellPath } from "../keys/line.ts";
import { type LineShape, makeLineShape } from "../keys/line_class.ts";
import type { KeysArguments } from "./keys_options.ts";

/** Bound of the wait for the lock of a command that is soon done. */
export const LOCK_TIMEOUT_MS = 10_000;
/** The same for a command that may hold it for long itself. */
export const LONG_LOCK_TIMEOUT_MS = 300_000;

/** One run of one command. */
export interface KeysRun extends KeysArguments {
  readonly host: Host;
  readonly config: Config;
  readonly shellPath: ShellPath;
  readonly shape: LineShape;
  /** The managed file as configured. */
  readonly authFile: string;
  readonly log: Logger;
  readonly correlationId: string;
  /** Told on standard error when the command has ended. */
  readonly warnings: string[];
  readonly opened: OpenedLog;
  readonly startedMs: number;
}

const ASKS_GITLAB = new Set(["lookup"]);

/**
 * Loads what every command needs.
 * @throws {ConfigError | UsageError | RefusedLineError} What is wrong with it.
 */
export async function openKeysRun(
  host: Host,
  parsed: KeysArguments,
): Promise<KeysRun> {
  const { clock } = host;
  const startedMs = clock.monotonicMs();
  const asksGitlab = ASKS_GITLAB.has(parsed.command) ||
    parsed.options.has("from-api");
  // A command about the file alone needs no secret, and gets none.
  const { config, warnings } = await load(host, {
    secret: asksGitlab ? "required" : "unused",
  });
  const shellPath = parseShellPath(config.rootDir);
  const authFile = findAuthFile(host, parsed, config);
  const correlationId = chooseCorrelationId(
    host.env("CORRELATION_ID"),
    clock.nowMs(),
  );
  const opened = openLog(config, host, { fallback: "stderr" });
  const log = opened.with({ correlation_id: correlationId, pid: Deno.pid });
  for (const warning of warnings) log.warn(warning);
  return {
    ...parsed,
    host,
    config,
    shellPath,
    shape: makeLineShape(shellPath),
    authFile,
    log,
    correlationId,
    warnings: [],
    opened,
    startedMs,
  };
}

/** Tells what is left to be told, and closes the log. */
export async function closeKeysRun(run: KeysRun): Promise<void> {
  const { host, warnings, log, opened, command, startedMs } = run;
  for (const warning of warnings) {
    const line = `gitlab-keys: warning: ${maskControls(warning)}\n`;
    await writeText(host.io.stderr, line).catch(() => {});
  }
  log.debug("metrics", {
    name: `command-${command}`,
    wall_time: Math.round(host.clock.monotonicMs() - startedMs),
  });
  await opened[Symbol.asyncDispose]();
}

/** Leaves a record of a command that does not exist. */
export async function logRefusal(host: Host, command: string): Promise<void> {
  try {
    const { config } = await load(host, { secret: "unused" });
    await using log = openLog(config, host, { fallback: "discard" });
    log.with({ pid: Deno.pid }).warn(
      "Attempt to execute invalid gitlab-keys command",
      { command: quoteGo(command) },
    );
  } catch {
    // The answer does not depend on whether it could be noted.
  }
}

/**
 * Runs `work` while holding the lock of the managed file; a dry run holds none.
 * @param timeoutMs Bound of the wait, unless the operator gave another.
 * @throws {KeyFileError} If the lock cannot be had.
 */
export async function withLock<Result>(
  run: KeysRun,
  timeoutMs: number,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  const { host: { clock, signal }, authFile, options } = run;
  // A dry run writes nothing, the lock file included.
  if (options.has("dry-run")) return await work();
  const asked = options.number("lock-timeout");
  using _lock = await lockKeyFile(authFile, {
    clock,
    signal,
    timeoutMs: asked === undefined ? timeoutMs : asked * 1_000,
  });
  return await work();
}

/** What the room of the keys needs to know of the run. */
export function surroundingsOf(run: KeysRun): EditSurroundings {
  return {
    authFile: run.authFile,
    nowMs: run.host.clock.nowMs(),
    mayCreate: true,
    isDryRun: run.options.has("dry-run"),
    warn: (message) => {
      run.warnings.push(message);
      run.log.warn(message);
    },
  };
}

/** Prints a line on standard output. */
export async function print(run: KeysRun, line: string): Promise<void> {
  await writeText(run.host.io.stdout, `${line}\n`);
}

/** What a dry run says it would do. */
export async function printDryRun(run: KeysRun, what: string): Promise<void> {
  if (run.options.has("dry-run")) await print(run, `would ${what}`);
}

/** `1 line`, `2 lines`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

async function load(host: Host, options: LoadOptions) {
  try {
    return await loadConfig(host, options);
  } catch (error) {
    if (error instanceof RootNotFoundError) {
      throw new UsageError(`failed to determine executable: ${error.message}`);
    }
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`failed to read config: ${error.message}`);
  }
}

function findAuthFile(
  { env }: Host,
  { options }: KeysArguments,
  { authFile, rootDir }: Config,
): string {
  const given = options.text("auth-file");
  if (given !== undefined) return given;
  if (authFile !== "") {
    return authFile.startsWith("/") ? authFile : `${rootDir}/${authFile}`;
  }
  const home = env("HOME") ?? "";
  if (home !== "") return `${home}/.ssh/authorized_keys`;
  throw new UsageError("no auth_file in config.yml, and HOME is not set");
}
