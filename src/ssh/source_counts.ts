/**
 * How many connections of one source are on their way to a login, counted in
 * one thread.
 * @module
 */

/** Connections by source; several threads may count them together. */
export interface SourceCounts {
  /**
   * Takes a place among those of a source.
   * @param source As `sourceOf` names it.
   * @param max Places that the source has.
   * @returns Gives the place back, once; `undefined` if all are taken.
   */
  enter(source: string, max: number): (() => void) | undefined;
}

/** Counts of this thread alone. */
export function localSourceCounts(): SourceCounts {
  const counts = new Map<string, number>();
  const leave = (source: string) => {
    const count = (counts.get(source) ?? 0) - 1;
    if (count > 0) counts.set(source, count);
    else counts.delete(source);
  };
  return {
    enter(source, max) {
      const count = counts.get(source) ?? 0;
      if (count >= max) return undefined;
      counts.set(source, count + 1);
      return () => leave(source);
    },
  };
}
