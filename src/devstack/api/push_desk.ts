/**
 * The phones of the users: questions that wait for somebody to tap yes.
 * @module
 */

/** GitLab's second factor waits about as long. */
const WAIT_MS = 30_000;

/** Open questions by the number of the user. */
export class PushDesk {
  readonly #open = new Map<number, Set<(isApproved: boolean) => void>>();
  readonly #waitMs: number;
  #isClosed = false;

  constructor(waitMs = WAIT_MS) {
    this.#waitMs = waitMs;
  }

  /** Asks. @returns Whether the user said yes in time. */
  async ask(userId: number): Promise<boolean> {
    if (this.#isClosed) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const questions = this.#open.get(userId) ?? new Set();
    this.#open.set(userId, questions.add(resolve));
    const timer = setTimeout(() => resolve(false), this.#waitMs);
    const isApproved = await promise;
    clearTimeout(timer);
    questions.delete(resolve);
    return isApproved;
  }

  /** Says yes for the user. @returns How many questions that answered. */
  approve(userId: number): number {
    const questions = this.#open.get(userId) ?? new Set();
    const { size } = questions;
    for (const answer of questions) answer(true);
    questions.clear();
    return size;
  }

  /** Answers everything, now and later, with no. */
  close(): void {
    this.#isClosed = true;
    for (const questions of this.#open.values()) {
      for (const answer of questions) answer(false);
    }
  }
}
