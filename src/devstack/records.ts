/**
 * Lists of what a stand-in saw.
 * @module
 */

/** Older entries than this many are forgotten. */
const RECORDS_MAX = 10_000;

/** A list that forgets its oldest entries and can be waited for. */
export class RecordList<T> {
  readonly #entries: T[] = [];
  readonly #waiting = new Set<() => void>();

  /** Entries so far, oldest first. */
  get all(): readonly T[] {
    return this.#entries;
  }

  add(entry: T): void {
    if (this.#entries.length >= RECORDS_MAX) this.#entries.shift();
    this.#entries.push(entry);
    this.changed();
  }

  /** Tells those that wait to look again. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Waits until an entry, old or new, is like that. */
  until(isWanted: (entry: T) => boolean): Promise<T> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.#entries.find(isWanted);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}
