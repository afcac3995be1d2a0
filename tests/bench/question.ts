/**
 * What a benchmark asks and what it found: values round by round, so that
 * everything a reader is shown is worked out of them when it is shown. Pure.
 * @module
 */

/** What the values of a question are counted in. */
export type Unit =
  | "ms"
  | "s"
  | "MiB"
  | "KiB"
  | "MiB/s"
  | "per second"
  | "sessions";

/** One contender's answers. */
export interface Series {
  readonly name: string;
  /** One value a round, in the question's unit. */
  readonly values: readonly number[];
  /** Further figures of the same rounds, by name and unit: `CPU-s/GiB`. */
  readonly notes: Readonly<Record<string, number>>;
}

/** What a contender is to reach. */
export interface Goal {
  /** Contender, and the one it is compared with; absent for a plain bound. */
  readonly of: string;
  readonly against?: string;
  /** Exactly one of the two: a ratio, or a value where nothing is compared. */
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Taken off the value before it is compared: a wait that is nobody's. */
  readonly less?: number;
  /** A value that is enough whatever the ratio is. */
  readonly orAtLeast?: number;
  /** Note that the bound is on, instead of the value itself. */
  readonly note?: string;
}

/** Where a question stands on a curve. */
export interface CurvePoint {
  /** Questions of one curve have the same name: `clone, by size`. */
  readonly curve: string;
  readonly at: number;
  /** What `at` counts: `MiB`, `keys`. */
  readonly unit: string;
}

/** One thing that somebody waits or pays for, and who took how much. */
export interface Question {
  readonly family: string;
  /** What is waited for, in a user's words. */
  readonly title: string;
  readonly unit: Unit;
  /** The first one is what the others are compared with. */
  readonly series: readonly Series[];
  readonly goals: readonly Goal[];
  readonly point?: CurvePoint;
  /** Whether the series are parts of one whole, not rivals. */
  readonly isSum?: boolean;
  /** What there is a value of; `rounds` unless given. */
  readonly samples?: string;
  /** What a reader must know besides. */
  readonly remark?: string;
}

/** Units of which more is better. */
const MORE_IS_BETTER: ReadonlySet<Unit> = new Set<Unit>([
  "MiB/s",
  "per second",
]);

/** Whether more of this is better. */
export function isRate(unit: Unit): boolean {
  return MORE_IS_BETTER.has(unit);
}

/**
 * The value below which a `share` of the values lies; NaN of none.
 * @example
 * ```ts
 * import { quantile } from "./question.ts";
 * quantile([3, 1, 2], 0.5); // 2
 * ```
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return sorted[at] ?? NaN;
}

/** The middle value; the mean of the middle two of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1
    ? upper
    : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/**
 * Median of the ratios of two contenders, round by round: a machine that slows
 * down slows both of a round.
 */
export function ratio(own: Series, other: Series): number {
  if (own.values.length !== other.values.length) {
    return median(own.values) / median(other.values);
  }
  return median(
    own.values.map((value, at) => value / (other.values[at] ?? NaN)),
  );
}

/** A goal and what was found: `undefined` where a contender is missing. */
export interface Verdict {
  readonly goal: Goal;
  readonly found: number | undefined;
  readonly isReached: boolean;
}

/** Judges the goals of a question; those without their contenders are left out. */
export function judge({ goals, series }: Question): Verdict[] {
  return goals.flatMap((goal) => {
    const found = findFigure(goal, series);
    if (found === undefined || Number.isNaN(found)) return [];
    const own = series.find(({ name }) => name === goal.of);
    const isReached = found <= (goal.atMost ?? Infinity) &&
        found >= (goal.atLeast ?? -Infinity) ||
      median(own?.values ?? []) >= (goal.orAtLeast ?? Infinity);
    return [{ goal, found, isReached }];
  });
}

function findFigure(
  { of, against, note, less = 0 }: Goal,
  series: readonly Series[],
): number | undefined {
  const found = series.find(({ name }) => name === of);
  if (!found) return undefined;
  const values = found.values.map((value) => value - less);
  const own: Series = { ...found, values };
  if (against === undefined) {
    return note === undefined ? median(own.values) : own.notes[note];
  }
  const other = series.find(({ name }) => name === against);
  if (!other) return undefined;
  if (note === undefined) return ratio(own, other);
  return (own.notes[note] ?? NaN) / (other.notes[note] ?? NaN);
}
