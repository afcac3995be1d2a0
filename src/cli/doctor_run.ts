/**
 * What the checks of one doctor have in common.
 * @module
 */
import { createApiClient } from "../api/internal_api.ts";
import type { ApiClient } from "../api/client.ts";
import type { Config } from "../config/config.ts";
import type { Host } from "../core/host.ts";
import { SILENT_LOGGER } from "../core/log.ts";
import { type Account, findAccount } from "../keys/accounts.ts";
import type { ConfigReport } from "./config_command.ts";

/** What was asked for. */
export interface DoctorOptions {
  readonly isJson: boolean;
  readonly user: string | undefined;
  readonly project: string | undefined;
  /** File of a public key, or a fingerprint. */
  readonly key: string | undefined;
  /** `-` for standard input. */
  readonly sshdConfig: string;
}

/** One doctor at work. */
export interface DoctorRun {
  readonly host: Host;
  readonly options: DoctorOptions;
  readonly report: ConfigReport;
  readonly correlationId: string;
  /** Account that sessions run as; absent if the machine does not list it. */
  readonly account: Account | undefined;
  /** Its name, known or not. */
  readonly accountName: string;
}

/** Bound of every question to GitLab and of every step to Gitaly. */
export const STEP_TIMEOUT_MS = 10_000;

/** Finds the account in the machine's own lists. */
export function lookUpAccount(name: string): Account | undefined {
  return findAccount(
    name,
    readIfThere("/etc/passwd"),
    readIfThere("/etc/group"),
  );
}

/** A client that leaves no record: doctor tells all it finds itself. */
export function openDoctorApi(
  { host, correlationId }: DoctorRun,
  config: Config,
): ApiClient {
  return createApiClient({
    config,
    log: SILENT_LOGGER,
    correlationId,
    clock: host.clock,
    env: host.env,
    setEnv: host.setEnv,
    keyLookupTimeoutMs: STEP_TIMEOUT_MS,
  });
}

/** Path of the file of keys: `auth_file`, else the account's own. */
export function authFileOf(
  { account }: DoctorRun,
  { authFile, rootDir }: Config,
): string | undefined {
  if (authFile.startsWith("/")) return authFile;
  if (authFile !== "") return `${rootDir}/${authFile}`;
  return account && `${account.home}/.ssh/authorized_keys`;
}

/** A small file of the machine; nothing if it cannot be read. */
export function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
