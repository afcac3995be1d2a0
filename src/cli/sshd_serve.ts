/**
 * The life of gitlab-sshd: starting, ready, on its way out, closed.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-sshd and sshd.
 * @module
 */
import type { Config } from "../config/config.ts";
import { errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { formatMetrics, joinFamilies } from "../core/metrics.ts";
import { countScrapes, makeProcessMetrics } from "../ssh/process_metrics.ts";
import { openSingleUnit, type ServingUnit } from "./serving_unit.ts";
import { Reloader } from "./sshd_reload.ts";
import { openThreadUnit, threadCountOf } from "./sshd_threads.ts";
import { catchStrayErrors } from "./stray_errors.ts";

/** A timer of more than 24 days would ring at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Names that Go has for the signals. */
const SIGNAL_NAMES: ReadonlyMap<unknown, string> = new Map([
  ["SIGINT", "interrupt"],
  ["SIGTERM", "terminated"],
]);

/** What a server is started with. */
export interface ServeOptions {
  readonly config: Config;
  /** Empty if there is no file. */
  readonly configDir: string;
  readonly host: Host;
  readonly log: Logger;
  /** The process's own. */
  readonly correlationId: string;
}

/**
 * Serves until the program is told to stop and its connections have ended.
 * @returns The exit status; never throws.
 */
export async function serveSsh(options: ServeOptions): Promise<number> {
  const { host, log } = options;
  const state = { isReady: false };
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(catchStrayErrors(log));
  try {
    const unit = cleanup.use(await openUnit(options));
    await openProbes(options, cleanup, { unit, isReady: () => state.isReady });
    await listen(unit, log);
    const reloader = new Reloader(options, unit);
    host.onReload?.(() => reloader.run());
    host.giveUp?.("env");
    state.isReady = true;
    if (await stopOrBreak(unit, options) !== undefined) return EXIT_FAILURE;
    // Whoever sends clients here is told first.
    state.isReady = false;
    await shutDown(unit, options);
    return EXIT_OK;
  } catch (error) {
    log.error("Failed to start Gitlab built-in sshd", {
      error_message: errorText(error),
    });
    return EXIT_FAILURE;
  }
}

/** One thread, this one, or as many as the configuration asks for. */
async function openUnit(options: ServeOptions): Promise<ServingUnit> {
  const { config, host, log, configDir } = options;
  const threadCount = threadCountOf(config);
  return threadCount === 1 || configDir === ""
    ? await openSingleUnit(config, host, log)
    : await openThreadUnit(threadCount, options);
}

/** @throws {Error} If the monitoring address cannot be used. */
async function openProbes(
  { config: { sshd }, host }: ServeOptions,
  cleanup: AsyncDisposableStack,
  { unit, isReady }: { unit: ServingUnit; isReady: () => boolean },
): Promise<void> {
  if (sshd.webListen === "") return;
  const { startWebProbes } = await import("../ssh/web_probes.ts");
  const ofProcess = makeProcessMetrics(host.build);
  const scrapes = countScrapes(ofProcess);
  const probes = startWebProbes({
    listen: sshd.webListen,
    readinessPath: sshd.readinessProbe,
    livenessPath: sshd.livenessProbe,
    isReady,
    metrics: () =>
      scrapes(async () => {
        const parts = await unit.families();
        return formatMetrics(joinFamilies([ofProcess.families(), ...parts]));
      }),
  });
  cleanup.defer(() => probes.close());
}

async function listen(unit: ServingUnit, log: Logger): Promise<void> {
  try {
    await unit.listen();
  } catch (error) {
    const error_message = `failed to listen for connection: ${
      errorText(error)
    }`;
    log.error("GitLab built-in sshd failed to listen for new connections", {
      error_message,
    });
    throw new Error(error_message, { cause: error });
  }
}

/**
 * Waits until the program is told to stop.
 * @returns Why it cannot go on, if that was first.
 */
async function stopOrBreak(
  unit: ServingUnit,
  { host, log }: ServeOptions,
): Promise<unknown> {
  try {
    await Promise.race([untilStopped(host.signal), unit.broken]);
    return undefined;
  } catch (error) {
    log.error("Gitlab built-in sshd cannot go on", {
      error_message: errorText(error),
    });
    return error;
  }
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Takes no new connections and gives the others the grace period. */
async function shutDown(
  unit: ServingUnit,
  { host, config, log }: ServeOptions,
): Promise<void> {
  const graceMs = Math.min(
    Math.max(config.sshd.gracePeriodMs, 0),
    TIMER_MS_MAX,
  );
  unit.stopListening();
  const seconds = (config.sshd.gracePeriodMs / 1000).toFixed(6);
  log.info(`Shutdown initiated with grace period: ${seconds}`, {
    signal: signalName(host.signal.reason),
  });
  const over = new AbortController();
  const drained = unit.drained().then(() => over.abort());
  const grace = host.clock.sleep(graceMs, over.signal)
    .then(() => unit.close(), () => {});
  await Promise.all([drained, grace]);
}

/** The signal that the host was stopped by, in Go's words. */
function signalName(reason: unknown): string {
  const cause = reason instanceof Error ? reason.cause : undefined;
  return SIGNAL_NAMES.get(cause) ?? "terminated";
}
