/**
 * Version and time of a build, as `-version` prints them.
 * Source: GitLab Shell 14.56.1, Makefile.
 * @module
 */

/** What the build writes into every program. */
export interface Stamp {
  /** `v14.56.1`, or what `git describe` makes of a commit after it. */
  readonly version: string;
  /** UTC as `YYYYMMDD.HHMMSS`. */
  readonly buildTime: string;
}

/** Newest release of CHANGELOG.md; the heading of what is not out does not count. */
const RELEASE = /^## v?([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+]*)/m;
/** It ends up inside quotation marks of a shell script, and before an at sign. */
const VERSION = /^[0-9A-Za-z.+_-]+$/;

/**
 * Finds the stamp: the version from git's tags, else from CHANGELOG.md; the
 * time from `SOURCE_DATE_EPOCH`, which makes two builds equal, else now.
 * @param root Folder of the repository.
 * @param epoch `SOURCE_DATE_EPOCH`, seconds since 1970; empty counts as unset.
 * @throws {RangeError} If it is no number of seconds.
 */
export async function readStamp(
  root: string,
  epoch = Deno.env.get("SOURCE_DATE_EPOCH"),
): Promise<Stamp> {
  const version = await describeCommit(root) ??
    parseRelease(await Deno.readTextFile(`${root}/CHANGELOG.md`)) ??
    "(unknown version)";
  const date = epoch ? new Date(Number(epoch) * 1000) : new Date();
  return { version, buildTime: formatBuildTime(date) };
}

/**
 * The newest release that a changelog names.
 * @returns `v14.56.1`, or `undefined` if nothing has been released.
 * @example
 * ```ts
 * import { parseRelease } from "./stamp.ts";
 * parseRelease("## Unreleased\n\n## 14.56.1 - 2026-09-01\n"); // "v14.56.1"
 * ```
 */
export function parseRelease(changelog: string): string | undefined {
  const number = RELEASE.exec(changelog)?.[1];
  return number === undefined ? undefined : `v${number}`;
}

/**
 * UTC as Go's build writes it.
 * @throws {RangeError} If the date is invalid.
 * @example
 * ```ts
 * import { formatBuildTime } from "./stamp.ts";
 * formatBuildTime(new Date(0)); // "19700101.000000"
 * ```
 */
export function formatBuildTime(date: Date): string {
  const [day = "", time = ""] = date.toISOString().split("T");
  return `${day.replaceAll("-", "")}.${time.slice(0, 8).replaceAll(":", "")}`;
}

async function describeCommit(root: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["-C", root, "describe", "--match", "v*"],
      stdin: "null",
      stderr: "null",
    }).output();
    const version = new TextDecoder().decode(stdout).trim();
    return success && VERSION.test(version) ? version : undefined;
  } catch {
    return undefined;
  }
}
