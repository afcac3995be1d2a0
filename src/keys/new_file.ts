/**
 * The file that takes the place of another: written beside it, synced, checked
 * and renamed, so that a reader or a power cut finds the old one or the new
 * one, whole. Only the holder of the lock may make one.
 * @module
 */
import { attempt, KeyFileError, systemErrorText } from "./file_error.ts";
import { FileWriter, writeAllSync } from "./file_writer.ts";
import { BLOCK_BYTES } from "./line_scan.ts";
import {
  adoptOwner,
  type FileIdentity,
  isUntouched,
  KEY_FILE_MODE,
  type KeyFileTarget,
  resolveTarget,
  statIfPresent,
  syncDirectory,
} from "./target_file.ts";

const STALE_MS = 3_600_000;
const RANDOM_BYTES = 6;

/** How a commit ended. `changed`: somebody wrote without the lock; start over. */
export type CommitOutcome = "replaced" | "overwritten" | "changed";

/** Removes itself unless it was committed. */
export class NewFile implements Disposable {
  readonly #target: KeyFileTarget;
  readonly #path: string;
  #isThere = true;
  /** Open for reading and writing. */
  readonly file: Deno.FsFile;
  readonly out: FileWriter;

  private constructor(target: KeyFileTarget, path: string, file: Deno.FsFile) {
    this.#target = target;
    this.#path = path;
    this.file = file;
    const doing = `could not write a new ${target.path}`;
    this.out = new FileWriter({
      writeSync: (bytes) => attempt(doing, () => file.writeSync(bytes)),
    });
  }

  /** @throws {KeyFileError} If the directory takes no file. */
  static create(target: KeyFileTarget, nowMs: number): NewFile {
    removeStaleFiles(target, nowMs);
    const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)).toHex();
    const name = `.${target.name}.${Deno.pid}.${random}`;
    const path = `${target.directory}/${name}`;
    const file = attempt(
      `could not create a file in ${target.directory}`,
      () =>
        Deno.openSync(path, {
          read: true,
          write: true,
          createNew: true,
          mode: KEY_FILE_MODE,
        }),
    );
    return new NewFile(target, path, file);
  }

  /**
   * Syncs the file and puts it in place.
   * @throws {KeyFileError} If the file is not whole or cannot be put there.
   */
  commit(): CommitOutcome {
    const { path, directory, found } = this.#target;
    return attempt(`could not replace ${path}`, () => {
      this.out.flush();
      this.file.syncSync();
      const { size } = this.file.statSync();
      if (size !== this.out.sizeBytes) {
        throw new KeyFileError(
          `could not replace ${path}: The new file has ${size} bytes ` +
            `instead of ${this.out.sizeBytes}`,
        );
      }
      this.#keepOwner(found);
      // GitLab Rails empties the file without taking the lock.
      const now = resolveTarget(this.#target.authFile);
      if (now.path !== path || !isUntouched(found, now.found)) {
        return "changed";
      }
      const outcome = this.#putInPlace();
      syncDirectory(directory);
      return outcome;
    });
  }

  /** Cuts the end off; what was written must be flushed. */
  shrink(sizeBytes: number): void {
    this.file.truncateSync(sizeBytes);
    this.file.seekSync(sizeBytes, Deno.SeekMode.Start);
    this.out.sizeBytes = sizeBytes;
  }

  [Symbol.dispose](): void {
    this.file.close();
    if (this.#isThere) Deno.removeSync(this.#path);
    this.#isThere = false;
  }

  #keepOwner(found: FileIdentity | undefined): void {
    const { path, directory } = this.#target;
    Deno.chmodSync(this.#path, KEY_FILE_MODE);
    adoptOwner(this.#path, found ? path : directory);
  }

  #putInPlace(): CommitOutcome {
    try {
      Deno.renameSync(this.#path, this.#target.path);
      this.#isThere = false;
      return "replaced";
    } catch (error) {
      // A file that is mounted on its own into a container cannot be replaced.
      if (!isMountPoint(error)) throw error;
      this.#overwrite();
      return "overwritten";
    }
  }

  #overwrite(): void {
    using old = Deno.openSync(this.#target.path, { write: true });
    this.file.seekSync(0, Deno.SeekMode.Start);
    const block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const count = this.file.readSync(block) ?? 0;
      if (count === 0) break;
      writeAllSync(old, block.subarray(0, count));
    }
    old.truncateSync(this.out.sizeBytes);
    old.syncSync();
  }
}

function isMountPoint(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  return code === "EBUSY" || code === "EXDEV" ||
    /busy|cross-device/i.test(systemErrorText(error));
}

/** What a killed process left; a younger one may belong to a writer elsewhere. */
function removeStaleFiles(
  { directory, name }: KeyFileTarget,
  nowMs: number,
): void {
  const prefix = `.${name}.`;
  for (const entry of Deno.readDirSync(directory)) {
    if (!entry.isFile || !entry.name.startsWith(prefix)) continue;
    if (!/^\d+\.[0-9a-f]{12}$/.test(entry.name.slice(prefix.length))) continue;
    const path = `${directory}/${entry.name}`;
    const modified = statIfPresent(path, "lstat")?.mtime?.getTime();
    if (modified !== undefined && nowMs - modified > STALE_MS) {
      Deno.removeSync(path);
    }
  }
}
