/**
 * Reading the configuration again while connections are open: host keys,
 * certificates, authorities, algorithms and limits change for those who come
 * next, and nobody loses a session. What is bad changes nothing.
 * @module
 */
import type { Config } from "../config/config.ts";
import { loadConfigFrom } from "../config/load.ts";
import { applyServerEnv } from "../config/server_env.ts";
import { errorText } from "../core/errors.ts";
import { findFault } from "./gitlab_sshd.ts";
import type { ServingUnit } from "./serving_unit.ts";
import type { ServeOptions } from "./sshd_serve.ts";

/** Settings that are read at a start alone, by their names in the file. */
const START_ONLY: readonly (readonly [string, (config: Config) => unknown])[] =
  [
    ["gitlab_url", (config) => config.gitlabUrl],
    ["gitlab_relative_url_root", (config) => config.gitlabRelativeUrlRoot],
    ["http_settings", (config) => ({ ...config.http, password: "" })],
    ["secret", (config) => config.secret.reveal()],
    ["ssl_cert_dir", (config) => config.sslCertDir],
    ["log_file", (config) => config.logFile],
    ["log_level", (config) => config.logLevel],
    ["lfs", (config) => config.lfs],
    ["pat", (config) => config.pat],
    ["topology_service", (config) => config.topologyService],
    ["sshd.listen", ({ sshd }) => sshd.listen],
    ["sshd.web_listen", ({ sshd }) => sshd.webListen],
    ["sshd.readiness_probe", ({ sshd }) => sshd.readinessProbe],
    ["sshd.liveness_probe", ({ sshd }) => sshd.livenessProbe],
    ["sshd.grace_period", ({ sshd }) => sshd.gracePeriodMs],
    ["sshd.workers", ({ sshd }) => sshd.workers],
  ];

/** Reads again each time it is told to, one time after the other. */
export class Reloader {
  readonly #options: ServeOptions;
  readonly #unit: ServingUnit;
  #isRunning = false;
  #isAskedAgain = false;

  constructor(options: ServeOptions, unit: ServingUnit) {
    this.#options = options;
    this.#unit = unit;
  }

  /** Reads now, or once more when it is done reading; never throws. */
  async run(): Promise<void> {
    this.#isAskedAgain = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#isAskedAgain) {
      this.#isAskedAgain = false;
      await this.#reload();
    }
    this.#isRunning = false;
  }

  async #reload(): Promise<void> {
    const { configDir, host, log, config: running } = this.#options;
    if (configDir === "") {
      log.warn("configuration not reloaded: there is no config-dir");
      return;
    }
    try {
      const loaded = await loadConfigFrom(configDir);
      for (const warning of loaded.warnings) log.warn(warning);
      const config = applyServerEnv(loaded.config, host);
      const fault = findFault(config);
      if (fault !== undefined) throw new Error(fault);
      await this.#unit.reload(config);
      const settings = START_ONLY
        .filter(([, read]) => !isSame(read(running), read(config)))
        .map(([name]) => name);
      if (settings.length > 0) {
        log.warn("settings that need a restart have changed", { settings });
      }
      log.info("configuration reloaded");
    } catch (error) {
      log.error("configuration not reloaded", {
        error_message: errorText(error),
      });
    }
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
