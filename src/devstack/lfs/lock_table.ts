/**
 * File locks of all projects.
 * Source: GitLab Rails, LfsFileLock and its services.
 * @module
 */

/** One lock. */
export interface DevLock {
  readonly id: number;
  readonly projectId: number;
  readonly path: string;
  readonly username: string;
  /** RFC 3339 with milliseconds, as Rails writes it. */
  readonly lockedAt: string;
}

/** Who holds what. */
export class LockTable {
  readonly #clock: { nowMs(): number };
  readonly #locks = new Map<number, DevLock>();
  #lastId = 0;

  constructor(clock: { nowMs(): number }) {
    this.#clock = clock;
  }

  /** Locks of a project, the oldest first. */
  of(projectId: number): DevLock[] {
    return [...this.#locks.values()]
      .filter((lock) => lock.projectId === projectId);
  }

  /** @returns The new lock, or the one that was there before. */
  add(
    projectId: number,
    { path, username }: { path: string; username: string },
  ): { readonly lock: DevLock; readonly isNew: boolean } {
    const held = this.of(projectId).find((lock) => lock.path === path);
    if (held) return { lock: held, isNew: false };
    const lock: DevLock = {
      id: ++this.#lastId,
      projectId,
      path,
      username,
      lockedAt: new Date(Math.floor(this.#clock.nowMs())).toISOString(),
    };
    this.#locks.set(lock.id, lock);
    return { lock, isNew: true };
  }

  /** Finds a lock by its number, written in decimal. */
  find(projectId: number, id: string): DevLock | undefined {
    const lock = /^[0-9]+$/.test(id) ? this.#locks.get(Number(id)) : undefined;
    return lock?.projectId === projectId ? lock : undefined;
  }

  remove({ id }: DevLock): void {
    this.#locks.delete(id);
  }
}
