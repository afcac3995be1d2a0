/**
 * Writing the managed file anew, and again if somebody who holds no lock
 * changed it meanwhile. The caller holds the lock.
 * @module
 */
import {
  type EditSurroundings,
  keepsChanging,
  openForReading,
  warnOverwritten,
} from "./edit_file.ts";
import { KeyFileError } from "./file_error.ts";
import { FileWriter, NULL_SINK } from "./file_writer.ts";
import { NewFile } from "./new_file.ts";
import { resolveTarget } from "./target_file.ts";

const ATTEMPTS_MAX = 5;

/** What the new content is made from, and where it goes. */
export interface ReplaceParts {
  /** The present file; `undefined` if there is none. */
  readonly source: Deno.FsFile | undefined;
  readonly out: FileWriter;
  /** What `out` writes to; `undefined` in a dry run. */
  readonly draft: NewFile | undefined;
  /** What the last try wrote, which came too late. */
  readonly previous: NewFile | undefined;
}

/**
 * Replaces the file by what `build` writes.
 * @returns What `build` returned.
 * @throws {KeyFileError}
 */
export async function replaceKeyFile<Result>(
  around: EditSurroundings,
  build: (parts: ReplaceParts) => Result | Promise<Result>,
): Promise<Result> {
  let previous: NewFile | undefined;
  try {
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
      const target = resolveTarget(around.authFile);
      if (!target.found && !around.mayCreate) {
        throw new KeyFileError(
          `could not open ${around.authFile}: No such file or directory`,
        );
      }
      using source = openForReading(target);
      if (around.isDryRun) {
        const out = new FileWriter(NULL_SINK);
        return await build({ source, out, draft: undefined, previous });
      }
      const draft = NewFile.create(target, around.nowMs);
      const last = previous;
      previous = draft;
      using _last = last;
      const parts = { source, out: draft.out, draft, previous: last };
      const result = await build(parts);
      const outcome = draft.commit();
      if (outcome === "overwritten") warnOverwritten(target, around);
      if (outcome !== "changed") return result;
    }
  } finally {
    previous?.[Symbol.dispose]();
  }
  throw keepsChanging(around.authFile);
}
