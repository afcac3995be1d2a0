/**
 * The lock that every writer of an authorized_keys file holds, GitLab Rails
 * included: `flock(2)` on a file beside it, which is never deleted. The system
 * drops the lock with its process, so none is left behind.
 * Source: GitLab Rails, authorized_keys handling; gitlab-keys 9.4.2.
 * @module
 */
import type { Clock } from "../core/host.ts";
import { attempt, KeyFileError } from "./file_error.ts";
import { adoptOwner, directoryOf, statIfPresent } from "./target_file.ts";

const POLL_MS_MIN = 5;
const POLL_MS_MAX = 50;

/** How long a lock is waited for. */
export interface LockWait {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/**
 * Takes the lock of `authFile`.
 * @returns What frees it.
 * @throws {KeyFileError} If it cannot be had in time, or not at all.
 */
export async function lockKeyFile(
  authFile: string,
  { clock, signal, timeoutMs }: LockWait,
): Promise<Disposable> {
  const path = `${authFile}.lock`;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (let pollMs = POLL_MS_MIN;;) {
    const file = openLockFile(path);
    if (file.tryLockSync(true) && isStillThere(path, file)) {
      return { [Symbol.dispose]: () => file.close() };
    }
    file.close();
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      throw new KeyFileError(
        `could not lock ${path} within ${timeoutMs / 1_000} s`,
      );
    }
    // Uneven steps, so that writers that wait together do not poll together.
    const stepMs = pollMs * (0.5 + Math.random() / 2);
    await clock.sleep(Math.min(stepMs, leftMs), signal);
    pollMs = Math.min(pollMs * 2, POLL_MS_MAX);
  }
}

function openLockFile(path: string): Deno.FsFile {
  return attempt(`could not open ${path}`, () => {
    const before = statIfPresent(path, "lstat");
    if (before && !before.isFile) {
      throw new KeyFileError(`could not open ${path}: Not a regular file`);
    }
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
    // A lock file of root's would keep the account itself out for ever.
    if (!before) adoptOwner(path, directoryOf(path));
    return file;
  });
}

/** A lock on a file that somebody has deleted excludes nobody. */
function isStillThere(path: string, file: Deno.FsFile): boolean {
  const now = statIfPresent(path, "lstat");
  const held = file.statSync();
  return now?.ino === held.ino && now.dev === held.dev;
}
