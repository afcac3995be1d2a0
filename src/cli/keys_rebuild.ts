/**
 * `gitlab-keys rebuild`: the managed lines anew, from a list of all keys.
 * @module
 */
import { EXIT_OK } from "../core/exit_status.ts";
import { writeText } from "../core/io.ts";
import { parseShellPath } from "../keys/line.ts";
import { makeLineShape, parseManagedLine } from "../keys/line_class.ts";
import { scanLines } from "../keys/line_scan.ts";
import {
  type ReadRecords,
  type RebuildCounts,
  rebuildKeyFile,
} from "../keys/rebuild.ts";
import { askAboutFile, openRecordInput, readInput } from "./keys_input.ts";
import {
  type KeysRun,
  LONG_LOCK_TIMEOUT_MS,
  printDryRun,
  surroundingsOf,
  withLock,
} from "./keys_run.ts";
import { warnOfRepeats } from "./keys_shrink.ts";

/** Rebuilds the file from `[<file>|-]`, or from GitLab with `--from-api`. */
export async function runRebuild(run: KeysRun): Promise<number> {
  const { options, shape } = run;
  const adoptedRoot = options.text("adopt-root");
  const adopted = adoptedRoot === undefined
    ? undefined
    : makeLineShape(parseShellPath(adoptedRoot));
  // Before the producer at the other end of the pipe has looked at its
  // database: a key that is added later waits for the lock, and is kept.
  const counts = await withLock(
    run,
    LONG_LOCK_TIMEOUT_MS,
    () =>
      rebuildKeyFile({
        shape,
        adopted,
        rules: { isStrict: options.has("strict") },
        mayBeEmpty: options.has("allow-empty"),
        skipsInvalid: options.has("skip-invalid"),
        read: options.has("from-api") ? readFromGitlab(run) : readFrom(run),
      }, surroundingsOf(run)),
  );
  await report(run, counts);
  return EXIT_OK;
}

function readFrom(run: KeysRun): ReadRecords {
  return async (parser, counts) => {
    using input = openRecordInput(run);
    await readInput(run, { input, parser }, () => counts.added);
  };
}

function readFromGitlab(run: KeysRun): ReadRecords {
  return async (parser) => {
    const { spool } = await askAboutFile(run);
    using _spool = spool;
    scanLines(spool.open(), (line) => {
      const parts = parseManagedLine(line, run.shape);
      parser.pushRecord({
        id: line.buffer.subarray(parts.idStart, parts.idEnd),
        key: line.buffer.subarray(parts.keyStart, parts.keyEnd),
      });
    });
  };
}

async function report(run: KeysRun, counts: RebuildCounts): Promise<void> {
  const { added, keptForeign, skipped, repeats, firstInvalid } = counts;
  warnOfRepeats(run, repeats, "dropped");
  if (firstInvalid !== undefined) {
    surroundingsOf(run).warn(`skipped ${skipped}, the first: ${firstInvalid}`);
  }
  const summary = `${added} added, ${keptForeign} foreign lines kept, ` +
    `${repeats.ids + repeats.keys} duplicates dropped, ${skipped} skipped`;
  await printDryRun(run, `rebuild: ${summary}`);
  if (run.options.has("dry-run")) return;
  run.log.info("Rebuilt the file", {
    added,
    kept_foreign: keptForeign,
    duplicates: repeats.ids + repeats.keys,
    skipped,
  });
  if (run.options.has("quiet")) return;
  const line = `gitlab-keys: rebuild: ${summary}\n`;
  await writeText(run.host.io.stderr, line);
}
