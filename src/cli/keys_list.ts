/**
 * `gitlab-keys list-keys` and `list-key-ids`.
 * Source: gitlab-keys of GitLab Shell 9.4.2.
 * @module
 */
import { EXIT_OK } from "../core/exit_status.ts";
import { KeyFileError } from "../keys/file_error.ts";
import { openForReading } from "../keys/edit_file.ts";
import { listKeyIds, listKeys } from "../keys/list_keys.ts";
import { fixMode, resolveTarget } from "../keys/target_file.ts";
import type { KeysRun } from "./keys_run.ts";

/** Lists ids and keys, `<id> <base64 and comment>` a line. */
export async function runListKeys(run: KeysRun): Promise<number> {
  run.log.info("Listing all keys");
  return await list(run, listKeys);
}

/** Lists the numbers of all ids, one a line, and sets the file's mode. */
export async function runListKeyIds(run: KeysRun): Promise<number> {
  run.log.info("Listing all key IDs");
  const { path, found } = resolveTarget(run.authFile);
  try {
    if (found) fixMode(path, found.mode);
  } catch (error) {
    // To list is still possible on a file system that cannot be written.
    if (!(error instanceof KeyFileError)) throw error;
    run.warnings.push(error.message);
  }
  return await list(run, listKeyIds);
}

async function list(run: KeysRun, listLines: typeof listKeys): Promise<number> {
  using file = openForReading(resolveTarget(run.authFile));
  if (!file) return EXIT_OK;
  await listLines(file, run.shape, {
    isManagedOnly: run.options.has("managed-only"),
    print: (bytes) => run.host.io.stdout.write(bytes),
  });
  return EXIT_OK;
}
