/**
 * Whatever serves connections: this thread alone, or several.
 * @module
 */
import type { Config } from "../config/config.ts";
import { watchEventLoop } from "../core/event_loop_delay.ts";
import type { Host } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { MetricFamily } from "../core/metrics.ts";
import { addHeapMetrics, cpuMs } from "../ssh/process_metrics.ts";
import type { RunningSshServer } from "../ssh/server.ts";
import { prepareProductServer } from "./sshd_server.ts";

/** Prefix of our own metrics. */
export const METRIC_PREFIX = "gitlab_shell_sshd";

/** Serves connections, from the first to the last. */
export interface ServingUnit extends AsyncDisposable {
  /** Rejects if a part of it has broken down; settles in no other way. */
  readonly broken: Promise<never>;
  /** @throws {Error} If the address is bad or taken. */
  listen(): Promise<void>;
  /** What was counted so far, one list for each thread. */
  families(): Promise<MetricFamily[][]>;
  /**
   * Takes what may change while connections are open.
   * @throws {Error} If a start with it would fail; nothing is then changed.
   */
  reload(config: Config): Promise<void>;
  /** Takes no new connections. */
  stopListening(): void;
  /** Waits until the last connection has ended. */
  drained(): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/**
 * Prepares to serve in this thread.
 * @throws {Error} As `prepareProductServer` does.
 */
export async function openSingleUnit(
  config: Config,
  host: Host,
  log: Logger,
): Promise<ServingUnit> {
  const server = await prepareProductServer(config, host, log);
  const { registry } = server.ssh.metrics;
  addHeapMetrics(registry);
  const stopWatching = watchEventLoop(registry, METRIC_PREFIX, {
    monotonicMs: () => host.clock.monotonicMs(),
    cpuMs,
  });
  let running: RunningSshServer | undefined;
  return {
    broken: new Promise(() => {}),
    listen() {
      running = server.ssh.listen();
      void server.warmUp();
      return Promise.resolve();
    },
    families: () => Promise.resolve([registry.families()]),
    reload: (config) => Promise.resolve(running?.reload(config)),
    stopListening: () => running?.stopListening(),
    drained: () => running?.drained() ?? Promise.resolve(),
    close: () => running?.close() ?? Promise.resolve(),
    [Symbol.asyncDispose]() {
      stopWatching();
      server.close();
      return Promise.resolve();
    },
  };
}
