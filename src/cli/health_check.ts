/**
 * gitlab-shell-check: whether the internal API answers, and Redis behind it.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-shell-check.
 * @module
 */
import { Deadline } from "../core/deadline.ts";
import { createApiClient } from "../api/internal_api.ts";
import { loadConfig, RootNotFoundError } from "../config/load.ts";
import { openLog } from "../config/open_log.ts";
import { chooseCorrelationId } from "../core/correlation_id.ts";
import { ApiError, errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { maskControls } from "../keys/line.ts";
import { exitStatusOfBrokenPipe } from "./failure.ts";
import { formatVersion, isVersionRequest } from "./version.ts";

/** Bound of the whole check: a GitLab that is just starting may take long. */
export const CHECK_TIMEOUT_MS = 60_000;

/**
 * Runs gitlab-shell-check to its end.
 * @returns The exit status; never throws.
 */
export async function runHealthCheck(host: Host): Promise<number> {
  try {
    if (isVersionRequest(host)) {
      await writeText(host.io.stdout, formatVersion(host));
      return EXIT_OK;
    }
    return await check(host);
  } catch (error) {
    const brokenPipe = exitStatusOfBrokenPipe(error);
    if (brokenPipe !== undefined) return brokenPipe;
    await fail(host, "internal error").catch(() => {});
    return EXIT_FAILURE;
  }
}

async function check(host: Host): Promise<number> {
  let loaded;
  try {
    loaded = await loadConfig(host);
  } catch (error) {
    const what = error instanceof RootNotFoundError
      ? "determine executable"
      : "read config";
    return await fail(host, `Failed to ${what}, exiting: ${shown(error)}`);
  }
  const { config, warnings } = loaded;
  const { clock, signal, env, setEnv } = host;
  const correlationId = chooseCorrelationId(
    host.env("CORRELATION_ID"),
    clock.nowMs(),
  );
  await using opened = openLog(config, host, { fallback: "stderr" });
  const log = opened.with({ correlation_id: correlationId });
  for (const warning of warnings) log.warn(warning);
  let isRedisAvailable: boolean;
  using deadline = new Deadline(CHECK_TIMEOUT_MS, signal);
  try {
    const api = createApiClient({
      config,
      log,
      correlationId,
      clock,
      env,
      setEnv,
    });
    isRedisAvailable = (await api.check(deadline.signal)).hasRedis;
  } catch (error) {
    const reason = error instanceof ApiError && error.message === ""
      ? `Internal API error (${error.status})`
      : shown(error);
    return await fail(host, `Internal API available: FAILED - ${reason}`);
  }
  await writeText(host.io.stdout, "Internal API available: OK\n");
  if (!isRedisAvailable) {
    return await fail(host, "Redis available via internal API: FAILED");
  }
  await writeText(host.io.stdout, "Redis available via internal API: OK\n");
  return EXIT_OK;
}

function shown(error: unknown): string {
  return maskControls(errorText(error));
}

async function fail(host: Host, line: string): Promise<number> {
  await writeText(host.io.stderr, `${line}\n`);
  return EXIT_FAILURE;
}
