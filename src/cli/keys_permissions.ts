/**
 * `gitlab-keys check-permissions`: whether the managed file can be written,
 * making it if it is missing.
 * Source: gitlab-keys of GitLab Shell 9.4.2.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import { attempt } from "../keys/file_error.ts";
import { maskControls } from "../keys/line.ts";
import {
  adoptOwner,
  directoryOf,
  fixMode,
  KEY_FILE_MODE,
  resolveTarget,
  statIfPresent,
} from "../keys/target_file.ts";
import { type KeysRun, print } from "./keys_run.ts";

const MONTHS = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
];
const HALF_YEAR_MS = 182 * 24 * 3_600_000;

/** Says nothing if all is well. */
export async function runCheckPermissions(run: KeysRun): Promise<number> {
  try {
    openForWriting(run.authFile);
    return EXIT_OK;
  } catch (error) {
    await print(run, `error: ${maskControls(errorText(error))}`);
    const listing = describePath(run.authFile, run.host.clock.nowMs());
    if (listing !== undefined) await print(run, maskControls(listing));
    return EXIT_FAILURE;
  }
}

function openForWriting(authFile: string): void {
  const { path, found, directory } = resolveTarget(authFile);
  attempt(`could not open ${authFile}`, () => {
    using _file = Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: KEY_FILE_MODE,
    });
    fixMode(path, Deno.statSync(path).mode);
    if (!found) adoptOwner(path, directory);
  });
}

/** The file, or the directory where it should be, as `ls -ldn` shows it. */
function describePath(authFile: string, nowMs: number): string | undefined {
  for (const path of [authFile, directoryOf(authFile)]) {
    try {
      const info = statIfPresent(path, "lstat");
      if (info) return formatListing(path, info, nowMs);
    } catch {
      // The directory may tell more than the error about its entry.
    }
  }
  return undefined;
}

function formatListing(
  path: string,
  info: Deno.FileInfo,
  nowMs: number,
): string {
  const kind = info.isDirectory ? "d" : info.isSymlink ? "l" : "-";
  const mode = info.mode ?? 0;
  let bits = "";
  for (let shift = 6; shift >= 0; shift -= 3) {
    const three = mode >> shift;
    bits += (three & 4 ? "r" : "-") + (three & 2 ? "w" : "-") +
      (three & 1 ? "x" : "-");
  }
  const fields = [info.nlink ?? 1, info.uid ?? 0, info.gid ?? 0, info.size];
  const date = info.mtime ? formatDate(info.mtime, nowMs) : "?";
  return `${kind}${bits} ${fields.join(" ")} ${date} ${path}`;
}

function formatDate(date: Date, nowMs: number): string {
  const day = String(date.getDate()).padStart(2);
  const two = (number: number) => String(number).padStart(2, "0");
  const time = Math.abs(nowMs - date.getTime()) > HALF_YEAR_MS
    ? ` ${date.getFullYear()}`
    : `${two(date.getHours())}:${two(date.getMinutes())}`;
  return `${MONTHS[date.getMonth()]} ${day} ${time}`;
}
