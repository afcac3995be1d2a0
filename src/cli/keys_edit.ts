/**
 * `gitlab-keys add-key` and `rm-key`.
 * Source: gitlab-keys of GitLab Shell 9.4.2.
 * @module
 */
import { UsageError } from "../core/errors.ts";
import { EXIT_OK } from "../core/exit_status.ts";
import { addKey } from "../keys/add_key.ts";
import { parseKeyId, parsePublicKey } from "../keys/record.ts";
import { removeKey } from "../keys/remove_key.ts";
import {
  formatCount,
  type KeysRun,
  LOCK_TIMEOUT_MS,
  printDryRun,
  surroundingsOf,
  withLock,
} from "./keys_run.ts";

/** Adds one key: `add-key <key_id> <key>`. */
export async function runAddKey(run: KeysRun): Promise<number> {
  const [idWord, keyWord] = run.words;
  if (idWord === undefined || keyWord === undefined) {
    throw new UsageError("add-key needs a key_id and a public key");
  }
  // What follows a key means nothing, but what is cut off from one would.
  if (run.words.length > 2 && !keyWord.includes(" ")) {
    throw new UsageError("add-key takes a public key as one word, in quotes");
  }
  const rules = { isStrict: run.options.has("strict") };
  const key = parsePublicKey(keyWord, rules);
  const id = parseKeyId(idWord, rules);
  const plan = await withLock(
    run,
    LOCK_TIMEOUT_MS,
    () => addKey({ id, key }, run.shape, surroundingsOf(run)),
  );
  if (plan.outcome === "present") {
    await printDryRun(run, `change nothing: ${idWord} is there already`);
    return EXIT_OK;
  }
  if (!run.options.has("dry-run")) {
    run.log.info("Adding key", { key_id: idWord, public_key: keyWord.trim() });
  }
  const { otherId, removed } = plan;
  if (plan.added && otherId !== undefined) {
    surroundingsOf(run).warn(
      `the key of ${idWord} belongs to ${otherId} already; ` +
        "sshd uses the first line of a key",
    );
  }
  const replaced = removed.count === 0
    ? ""
    : ` and remove ${formatCount(removed.count, "other line")} of its id`;
  const verb = plan.added ? "add" : "keep";
  await printDryRun(run, `${verb} ${idWord}${replaced}`);
  return EXIT_OK;
}

/** Removes every line of an id: `rm-key <key_id> [<key>]`. */
export async function runRemoveKey(run: KeysRun): Promise<number> {
  const [idWord = ""] = run.words;
  const id = parseKeyId(idWord, { isStrict: false });
  if (!run.options.has("dry-run")) {
    run.log.info("Removing key", { key_id: idWord });
  }
  const plan = await withLock(
    run,
    LOCK_TIMEOUT_MS,
    () => removeKey(id, run.shape, surroundingsOf(run)),
  );
  const { removed: { count }, shouldCompact } = plan;
  await printDryRun(run, `remove ${formatCount(count, "line")} of ${idWord}`);
  if (shouldCompact) {
    const advice = `more than half of ${run.authFile} is removed lines; ` +
      "gitlab-keys compact frees the space";
    run.log.info(advice);
    // A script that reads our standard error has never seen a line here.
    if (Deno.stderr.isTerminal()) run.warnings.push(advice);
  }
  return EXIT_OK;
}
