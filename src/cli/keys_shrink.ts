/**
 * `gitlab-keys clear`, `compact` and `dedupe`.
 * Source: gitlab-keys of GitLab Shell 9.4.2 for `clear`; the others are new.
 * @module
 */
import { EXIT_OK } from "../core/exit_status.ts";
import {
  clearKeyFile,
  compactKeyFile,
  dedupeKeyFile,
  type ShrinkCounts,
} from "../keys/shrink_file.ts";
import type { Repeats } from "../keys/drop_repeats.ts";
import {
  formatCount,
  type KeysRun,
  LOCK_TIMEOUT_MS,
  LONG_LOCK_TIMEOUT_MS,
  printDryRun,
  surroundingsOf,
  withLock,
} from "./keys_run.ts";

/** Empties the file but for its marker, and foreign lines with `--keep-foreign`. */
export async function runClear(run: KeysRun): Promise<number> {
  const keepsForeign = run.options.has("keep-foreign");
  const counts = await withLock(
    run,
    LOCK_TIMEOUT_MS,
    () => clearKeyFile(run.shape, keepsForeign, surroundingsOf(run)),
  );
  await printDryRun(run, describeShrink(counts));
  return EXIT_OK;
}

/** Takes removed lines out of the file. */
export async function runCompact(run: KeysRun): Promise<number> {
  const counts = await withLock(
    run,
    LONG_LOCK_TIMEOUT_MS,
    () => compactKeyFile(run.shape, surroundingsOf(run)),
  );
  await printDryRun(run, describeShrink(counts));
  return EXIT_OK;
}

/** Takes lines out whose id or key another line has. */
export async function runDedupe(run: KeysRun): Promise<number> {
  const counts = await withLock(
    run,
    LONG_LOCK_TIMEOUT_MS,
    () => dedupeKeyFile(run.shape, surroundingsOf(run)),
  );
  warnOfRepeats(run, counts.repeats, "dropped");
  await printDryRun(run, describeShrink(counts));
  return EXIT_OK;
}

/** Warns of lines or records that were dropped, or of what was done to them. */
export function warnOfRepeats(
  run: KeysRun,
  { ids, keys, examples }: Repeats,
  verb: string,
): void {
  if (ids + keys === 0) return;
  const more = ids + keys > examples.length ? ", ..." : "";
  surroundingsOf(run).warn(
    `${verb} ${formatCount(ids, "duplicate ID")} and ` +
      `${formatCount(keys, "duplicate key")}: ${examples.join(", ")}${more}`,
  );
}

function describeShrink(
  { keptLines, droppedLines, droppedBytes }: ShrinkCounts,
): string {
  return `keep ${formatCount(keptLines, "line")} and drop ${
    formatCount(droppedLines, "line")
  } of ${formatCount(droppedBytes, "byte")}`;
}
