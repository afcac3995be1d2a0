/**
 * `gitlab-sshd check`, `-t` and `-T`: whether the server would start, and what
 * it would run with. It prepares a server as a start does and listens for a
 * moment, so that what is checked is what would happen.
 * @module
 */
import type { Config } from "../config/config.ts";
import { joinPath } from "../config/go_path.ts";
import { lintKeys } from "../config/lint.ts";
import { lintValues } from "../config/lint_values.ts";
import {
  CONFIG_FILE_NAME,
  exportCertDir,
  loadConfigFrom,
  readConfigText,
} from "../config/load.ts";
import { parseConfig } from "../config/parse.ts";
import { applyServerEnv } from "../config/server_env.ts";
import { errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { Logger } from "../core/log.ts";
import { describeKeyFinding, formatSettings } from "./config_command.ts";
import { checkHostKeys } from "./doctor_host_keys.ts";
import {
  type Check,
  failed,
  formatCheck,
  formatJsonReport,
  formatSummary,
  ok,
  timed,
  warning,
} from "./doctor_report.ts";
import { findFault } from "./gitlab_sshd.ts";
import { checkPorts } from "./sshd_check_ports.ts";

const NO_DIRECTORY = "-config-dir is needed: there is nothing to look at\n";
/** Variables that replace a setting, in the order of the settings. */
const ENVIRONMENT = [
  ["gitlab_url", "GITLAB_URL"],
  ["secret", "GITLAB_SHELL_SECRET"],
  ["gitlab_tracing", "GITLAB_TRACING"],
] as const;

/**
 * Checks all that a start depends on.
 * @returns 0 if the server would start; never throws.
 */
export async function runSshdCheck(
  host: Host,
  { configDir, isJson }: { configDir: string; isJson: boolean },
): Promise<number> {
  const checks: Check[] = [];
  for await (const check of checkAll(host, configDir)) {
    checks.push(check);
    if (!isJson) await writeText(host.io.stdout, formatCheck(check));
  }
  const report = isJson ? formatJsonReport(checks) : formatSummary(checks);
  await writeText(host.io.stdout, report);
  return checks.some(({ result }) => result === "failed")
    ? EXIT_FAILURE
    : EXIT_OK;
}

/** Prints every setting with its value and its source; secrets are hidden. */
export async function runSshdShow(
  host: Host,
  configDir: string,
): Promise<number> {
  if (configDir === "") {
    await writeText(host.io.stderr, NO_DIRECTORY);
    return EXIT_FAILURE;
  }
  const file = joinPath(configDir, CONFIG_FILE_NAME);
  try {
    const { values } = await parseConfig(readConfigText(file), file);
    const replaced = new Map<string, string>();
    for (const [path, name] of ENVIRONMENT) {
      const value = host.env(name);
      if (value) replaced.set(path, value);
    }
    await writeText(host.io.stdout, formatSettings(file, values, replaced));
    return EXIT_OK;
  } catch (error) {
    await writeText(host.io.stderr, `${errorText(error)}\n`);
    return EXIT_FAILURE;
  }
}

async function* checkAll(
  host: Host,
  configDir: string,
): AsyncGenerator<Check> {
  if (configDir === "") {
    yield await timed(
      "config",
      () => failed(NO_DIRECTORY.trim(), "gitlab-sshd -t -config-dir <folder>"),
    );
    return;
  }
  let config: Config | undefined;
  yield await timed("config", async () => {
    const loaded = await loadConfigFrom(configDir);
    config = applyServerEnv(loaded.config, host);
    return judgeConfig(config, configDir);
  });
  if (!config) return;
  yield await checkLint(config, configDir);
  exportCertDir(config, host);
  for await (const check of checkHostKeys(config)) {
    // Other programs do without; this one does not start.
    yield check.result === "skipped"
      ? {
        ...check,
        ...failed(
          "none of sshd.host_key_files is there",
          "ssh-keygen -t ed25519 -N '' -f <file>, named in sshd.host_key_files",
        ),
      }
      : check;
  }
  yield await checkPreparation(config, host);
  yield* checkPorts(config);
}

function judgeConfig(config: Config, configDir: string) {
  const fault = findFault(config);
  if (fault !== undefined) {
    return failed(fault, "set it in config.yml, or in the environment");
  }
  const fatal = lintValues(config).filter(({ isFatal }) => isFatal);
  if (fatal.length > 0) {
    return failed(
      fatal.map(({ path, advice }) => `${path} ${advice}`).join("\n"),
      `correct it in ${joinPath(configDir, CONFIG_FILE_NAME)}`,
    );
  }
  return ok(`${joinPath(configDir, CONFIG_FILE_NAME)} can be used`);
}

function checkLint(config: Config, configDir: string): Promise<Check> {
  return timed("config.keys", async () => {
    const file = joinPath(configDir, CONFIG_FILE_NAME);
    const keys = await lintKeys(readConfigText(file), file);
    const values = lintValues(config).filter(({ isFatal, path }) =>
      // Without a file the server logs to standard error, as is usual.
      !isFatal && !(path === "log_file" && config.logFile === "")
    );
    const texts = [
      ...keys.map(describeKeyFinding),
      ...values.map(({ path, advice }) => `${path} ${advice}`),
    ];
    return texts.length === 0
      ? ok("every key has its effect")
      : warning(texts.join("\n"), `change them in ${file}`);
  });
}

/** Prepares a server as a start does; what it logs is what there is to say. */
function checkPreparation(config: Config, host: Host): Promise<Check> {
  return timed("server", async () => {
    const records: Record<string, unknown>[] = [];
    const decoder = new TextDecoder();
    const log = new Logger({
      sink: {
        writeLine: (line) => records.push(JSON.parse(decoder.decode(line))),
      },
      clock: host.clock,
      threshold: 4,
      format: "json",
    });
    const { prepareProductServer } = await import("./sshd_server.ts");
    const { readProxySettings } = await import("../ssh/proxy_policy.ts");
    const server = await prepareProductServer(config, host, log);
    server.close();
    readProxySettings(config.sshd);
    const texts = records.map(describeRecord);
    return texts.length === 0
      ? ok("algorithms, certificates and limits can be used")
      : warning(
        [...new Set(texts)].join("\n"),
        "a start goes on without what is named: correct or remove it",
      );
  });
}

function describeRecord(record: Record<string, unknown>): string {
  const { msg, error_message, filename } = record;
  return [msg, filename, error_message]
    .filter((part) => part !== undefined)
    .map(String).join(": ");
}
