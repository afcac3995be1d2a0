/**
 * What the checks of sshd have in common.
 * @module
 */
import type { Config } from "../config/config.ts";
import type { Account } from "../keys/accounts.ts";
import type { SshdSetting, SshdSettings } from "../keys/sshd_settings.ts";
import type { DoctorRun } from "./doctor_run.ts";

/** How sshd learns about keys, for the checks that follow. */
export interface SshdWay {
  readonly settings: SshdSettings;
  /** Files that sshd reads, expanded; none for `none`. */
  readonly keyFiles: readonly string[];
  readonly hasCommand: boolean;
}

/** What the checks of sshd have in common. */
export interface SshdRun {
  readonly run: DoctorRun;
  readonly config: Config;
  readonly account: Account;
  readonly way: SshdWay;
}

/** Whether a keyword has a value that is not `none`. */
export function isSet(setting: SshdSetting | undefined): boolean {
  const word = setting?.words[0];
  return word !== undefined && word !== "" && word.toLowerCase() !== "none";
}

/** Where the value of a keyword stands. */
export function placeOf(settings: SshdSettings, keyword: string): string {
  return settings.get(keyword)?.place ?? "the default";
}

/** What may not be looked at is taken to be there. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
