/**
 * `gitlab-shell doctor`: goes through an installation in the order in which a
 * login does, and says of each part whether it works and what to do if not.
 * Nothing is changed, no secret is printed, and every question has a bound.
 * @module
 */
import type { Identity } from "../api/access.ts";
import { RootNotFoundError } from "../config/load.ts";
import { chooseCorrelationId } from "../core/correlation_id.ts";
import { errorText, UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { checkConfig, type ConfigReport } from "./config_command.ts";
import { checkApi, checkTopology } from "./doctor_api.ts";
import {
  checkConfigFile,
  checkLogFile,
  checkProgram,
  checkSecret,
  judgeSelinux,
} from "./doctor_config.ts";
import {
  type Check,
  failed,
  formatCheck,
  formatJsonReport,
  formatSummary,
  timed,
} from "./doctor_report.ts";
import {
  type DoctorOptions,
  type DoctorRun,
  lookUpAccount,
  readIfThere,
} from "./doctor_run.ts";
import { parseOperatorOptions } from "./operator_options.ts";

const SSHD_CONFIG = "/etc/ssh/sshd_config";
const DEFAULT_USER = "git";

/**
 * Runs doctor.
 * @returns 0 if no check failed; warnings do not count.
 * @throws {UsageError} If the arguments cannot be read.
 */
export async function runDoctor(
  host: Host,
  args: readonly string[],
): Promise<number> {
  const options = parseDoctorOptions(args);
  const checks: Check[] = [];
  for await (const check of runChecks(host, options)) {
    checks.push(check);
    if (!options.isJson) await writeText(host.io.stdout, formatCheck(check));
  }
  await writeText(
    host.io.stdout,
    options.isJson ? formatJsonReport(checks) : formatSummary(checks),
  );
  return checks.some(({ result }) => result === "failed")
    ? EXIT_FAILURE
    : EXIT_OK;
}

/**
 * Reads the arguments behind `doctor`.
 * @throws {UsageError} If they cannot be read or do not belong together.
 */
export function parseDoctorOptions(args: readonly string[]): DoctorOptions {
  const { words, flags, values } = parseOperatorOptions(args, {
    flags: ["json"],
    values: ["user", "project", "key", "sshd-config"],
  });
  if (words.length > 0) throw new UsageError("doctor takes options alone");
  const [user, project, key] = ["user", "project", "key"]
    .map((name) => values.get(name));
  if (user !== undefined && key !== undefined) {
    throw new UsageError("--user and --key exclude each other");
  }
  const hasIdentity = user !== undefined || key !== undefined;
  if (project !== undefined && !hasIdentity) {
    throw new UsageError("--project needs --user or --key");
  }
  if (user !== undefined && project === undefined) {
    throw new UsageError("--user needs --project");
  }
  return {
    isJson: flags.has("json"),
    user,
    project,
    key,
    sshdConfig: values.get("sshd-config") ?? SSHD_CONFIG,
  };
}

async function* runChecks(
  host: Host,
  options: DoctorOptions,
): AsyncGenerator<Check> {
  let report: ConfigReport;
  try {
    report = await checkConfig(host);
  } catch (error) {
    if (!(error instanceof RootNotFoundError)) throw error;
    yield await timed("config", () =>
      failed(
        errorText(error),
        "correct GITLAB_SHELL_DIR, or install the program into <root>/bin",
      ));
    return;
  }
  const accountName = report.config?.user ?? DEFAULT_USER;
  const run: DoctorRun = {
    host,
    options,
    report,
    accountName,
    account: lookUpAccount(accountName),
    correlationId: chooseCorrelationId(
      host.env("CORRELATION_ID"),
      host.clock.nowMs(),
    ),
  };
  yield* checkConfigFile(run);
  yield* checkInstallation(run);
}

/** Everything that the configuration leads to, or sshd alone without one. */
async function* checkInstallation(run: DoctorRun): AsyncGenerator<Check> {
  const { config } = run.report;
  if (!config) return;
  yield await checkSecret(run, config);
  let isApiUp = true;
  for await (const check of checkApi(run, config)) {
    isApiUp &&= check.result !== "failed" || check.id === "api.redis";
    yield check;
  }
  if (config.topologyService.enabled) yield await checkTopology(run, config);
  yield await checkLogFile(run, config);
  yield await checkProgram(run, config);
  const denials = judgeSelinux(readIfThere("/etc/selinux/config"));
  if (denials) yield await timed("selinux", () => denials);
  const { checkSshd, readSshdWay } = await import("./doctor_sshd.ts");
  const way = await readSshdWay(run);
  yield* checkSshd(run, config, way);
  const { checkHostKeys } = await import("./doctor_host_keys.ts");
  yield* checkHostKeys(config);
  const { checkDrift } = await import("./doctor_drift.ts");
  yield await checkDrift(run, config, isApiUp);
  const { user, key, project } = run.options;
  let identity: Identity | undefined = user === undefined
    ? undefined
    : { kind: "username", username: user };
  if (key !== undefined) {
    const { checkKey } = await import("./doctor_key.ts");
    const outcome: { keyId?: string } = {};
    const known = "result" in way ? undefined : way;
    yield* checkKey(run, config, { way: known, outcome });
    const { keyId } = outcome;
    if (keyId !== undefined) identity = { kind: "key", keyId };
  }
  if (project === undefined || !identity) return;
  const { checkAccess } = await import("./doctor_access.ts");
  yield* checkAccess(run, config, { identity, project });
}
