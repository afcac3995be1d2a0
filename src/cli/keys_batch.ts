/**
 * `gitlab-keys batch-add-keys`: records on standard input, all or nothing.
 * Source: gitlab-keys of GitLab Shell 9.4.2.
 * @module
 */
import { EXIT_OK } from "../core/exit_status.ts";
import { KeyBatch } from "../keys/batch_add.ts";
import { RecordParser } from "../keys/record_stream.ts";
import { readInput } from "./keys_input.ts";
import {
  formatCount,
  type KeysRun,
  LONG_LOCK_TIMEOUT_MS,
  printDryRun,
  surroundingsOf,
  withLock,
} from "./keys_run.ts";

/** Adds the keys on standard input. */
export async function runBatch(run: KeysRun): Promise<number> {
  using batch = new KeyBatch(run.shape);
  const rules = { isStrict: run.options.has("strict") };
  const parser = new RecordParser(rules, {
    onRecord: (record) => batch.add(record),
    onInvalid: (error) => {
      throw error;
    },
  });
  using input = {
    reader: run.host.io.stdin,
    totalBytes: undefined,
    [Symbol.dispose]: () => {},
  };
  await readInput(run, { input, parser }, () => batch.count);
  // The producer may be slow: the lock is taken when it is done.
  const { addedCount, otherIds, removed } = await withLock(
    run,
    LONG_LOCK_TIMEOUT_MS,
    () => batch.commit(surroundingsOf(run)),
  );
  if (otherIds.count > 0) {
    const more = otherIds.count > otherIds.examples.length ? ", ..." : "";
    surroundingsOf(run).warn(
      `${formatCount(otherIds.count, "key")} already under another id ` +
        `(${otherIds.examples.join(", ")}${more}); ` +
        "sshd uses the first line of a key",
    );
  }
  if (!run.options.has("dry-run")) {
    run.log.info("Adding keys", { count: addedCount });
  }
  const replaced = removed.count === 0
    ? ""
    : ` and remove ${formatCount(removed.count, "other line")} of their ids`;
  await printDryRun(run, `add ${formatCount(addedCount, "key")}${replaced}`);
  return EXIT_OK;
}
