/**
 * gitlab-shell-authorized-keys-check: asks GitLab whose key sshd was offered,
 * and prints the one line that lets its owner in. sshd waits for it twice per
 * login, so that nothing is loaded that a lookup does not need.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-shell-authorized-keys-check.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import { createApiClient } from "../api/internal_api.ts";
import { loadConfig, RootNotFoundError } from "../config/load.ts";
import { openLog } from "../config/open_log.ts";
import { formatWarningBlock } from "../core/console_message.ts";
import { chooseCorrelationId } from "../core/correlation_id.ts";
import { ApiError, errorChainText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import type { Logger } from "../core/log.ts";
import {
  formatApiKeyId,
  formatKeyLine,
  parseShellPath,
  RefusedLineError,
  type ShellPath,
} from "../keys/line.ts";
import { openCellRoutes } from "./cell_loader.ts";
import { exitStatusOfBrokenPipe } from "./failure.ts";
import { formatVersion, isVersionRequest } from "./version.ts";

/** Bound of a whole lookup; the reference may take a quarter of an hour. */
export const LOOKUP_TIMEOUT_MS = 10_000;
const USER_ARGUMENTS = "<expected-username> <actual-username> <key>";
// Base64 and the words of tests. Anything else could end the comment.
const NOT_ECHOED = /[^A-Za-z0-9+/=._ -]/g;

/** What sshd asks, its words checked. */
export interface KeyQuestion {
  readonly expectedUser: string;
  readonly actualUser: string;
  readonly key: string;
}

/** How a lookup was called. */
export interface LookupCall {
  readonly words: readonly string[];
  /** The command as its usage line names it. */
  readonly command: string;
  readonly timeoutMs: number;
}

/**
 * Checks the words that sshd passed.
 * @returns The question, or the lines that refuse it.
 */
export function parseKeyQuestion(
  { words, command }: Pick<LookupCall, "words" | "command">,
): KeyQuestion | string {
  const [expectedUser, actualUser, key] = words;
  if (
    words.length !== 3 || expectedUser === undefined ||
    actualUser === undefined || key === undefined
  ) {
    return `# Insufficient arguments. ${words.length}. Usage\n` +
      `#\t${command} ${USER_ARGUMENTS}`;
  }
  if (expectedUser === "" || actualUser === "") {
    return "# No username provided";
  }
  if (key === "") return "# No key provided";
  return { expectedUser, actualUser, key };
}

/**
 * Runs gitlab-shell-authorized-keys-check to its end.
 * @returns The exit status; never throws.
 */
export async function runAuthorizedKeysCheck(host: Host): Promise<number> {
  return await runKeyLookup(host, {
    words: host.args,
    command: "gitlab-shell-authorized-keys-check",
    timeoutMs: LOOKUP_TIMEOUT_MS,
  });
}

/**
 * Runs a lookup under whichever name.
 * @returns The exit status; never throws.
 */
export async function runKeyLookup(
  host: Host,
  call: LookupCall,
): Promise<number> {
  try {
    if (isVersionRequest(host)) {
      await writeText(host.io.stdout, formatVersion(host));
      return EXIT_OK;
    }
    return await lookUp(host, call);
  } catch (error) {
    const brokenPipe = exitStatusOfBrokenPipe(error);
    if (brokenPipe !== undefined) return brokenPipe;
    // Nothing above should get here; sshd discards the output of a failure.
    await refuse(host, "internal error").catch(() => {});
    return EXIT_FAILURE;
  }
}

async function lookUp(host: Host, call: LookupCall): Promise<number> {
  let loaded;
  try {
    loaded = await loadConfig(host);
  } catch (error) {
    const what = error instanceof RootNotFoundError
      ? "determine executable"
      : "read config";
    return await refuse(host, `failed to ${what}, exiting`);
  }
  const { config, warnings } = loaded;
  const correlationId = chooseCorrelationId(
    host.env("CORRELATION_ID"),
    host.clock.nowMs(),
  );
  await using opened = openLog(config, host, { fallback: "stderr" });
  const log = opened.with({ correlation_id: correlationId });
  for (const warning of warnings) log.warn(warning);
  const question = parseKeyQuestion(call);
  if (typeof question === "string") return await refuse(host, question);
  const { expectedUser, actualUser } = question;
  if (expectedUser !== actualUser) {
    log.warn("authorized_keys: user mismatch, denying access", {
      expected_user: expectedUser,
      actual_user: actualUser,
    });
    return EXIT_OK;
  }
  let shellPath: ShellPath;
  try {
    shellPath = parseShellPath(config.rootDir);
  } catch (error) {
    if (!(error instanceof RefusedLineError)) throw error;
    return await refuse(host, error.message);
  }
  const api = createApiClient({
    config,
    log,
    correlationId,
    clock: host.clock,
    env: host.env,
    setEnv: host.setEnv,
    giveUp: host.giveUp,
    keyLookupTimeoutMs: call.timeoutMs,
    cells: openCellRoutes(config, {
      clock: host.clock,
      env: host.env,
      setEnv: host.setEnv,
      programName: "gitlab-shell-authorized-keys-check",
    }),
  });
  const found = await ask({ api, log }, question, host.signal);
  return await answer(host, { shellPath, question, found });
}

interface FoundKey {
  id: string;
  key: string;
}

/** @returns `undefined` if there is no such key, or nobody could be asked. */
async function ask(
  { api, log }: { api: ApiClient; log: Logger },
  { key }: KeyQuestion,
  signal: AbortSignal,
): Promise<FoundKey | undefined> {
  try {
    const found = await api.authorizedKey(key, signal);
    const id = formatApiKeyId(found.id);
    if (id === undefined || found.key === "") return undefined;
    return { id, key: found.key };
  } catch (error) {
    // A refusal is an answer. Of everything else the user sees nothing, and
    // sshd must not see a failure, so that the operator finds it here alone.
    if (!(error instanceof ApiError) || error.kind === "system") {
      log.error(
        "authorized_keys: lookup failed, answering that no key was found",
        {
          error_message: errorChainText(error),
        },
      );
    }
    return undefined;
  }
}

async function answer(
  host: Host,
  { shellPath, question, found }: {
    shellPath: ShellPath;
    question: KeyQuestion;
    found: FoundKey | undefined;
  },
): Promise<number> {
  if (!found) {
    const shown = question.key.replace(NOT_ECHOED, "?");
    await writeText(host.io.stdout, `# No key was found for ${shown}\n`);
    return EXIT_OK;
  }
  try {
    const line = formatKeyLine(shellPath, found.id, found.key);
    await writeText(host.io.stdout, `${line}\n`);
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof RefusedLineError)) throw error;
    await writeText(host.io.stderr, formatWarningBlock([error.message]));
    return EXIT_FAILURE;
  }
}

async function refuse(host: Host, lines: string): Promise<number> {
  await writeText(host.io.stderr, `${lines}\n`);
  return EXIT_FAILURE;
}
