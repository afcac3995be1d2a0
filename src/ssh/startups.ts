/**
 * How many connections may be on their way to a login, and which of the next
 * ones are turned away at random before that many are. Pure but for the count.
 * Source: OpenSSH, sshd_config(5), MaxStartups.
 * @module
 */

/** From `start` on some are refused, from `full` on all. */
export interface MaxStartups {
  readonly start: number;
  /** Percentage that is refused at `start`; it rises to 100 at `full`. */
  readonly percent: number;
  readonly full: number;
}

/** A number that several threads may count together. */
export interface Count {
  readonly value: number;
  /** Counts one more. @returns How many there were before it. */
  enter(): number;
  /** Counts one less. */
  leave(): void;
}

const COUNT_MAX = 1_000_000;

/**
 * Reads `start:percent:full`, or one number that is the bound.
 * @returns `undefined` for `none` and for nothing.
 * @throws {Error} If it is none of these.
 * @example
 * ```ts
 * import { parseMaxStartups } from "./startups.ts";
 * parseMaxStartups("10:30:100"); // { start: 10, percent: 30, full: 100 }
 * ```
 */
export function parseMaxStartups(text: string): MaxStartups | undefined {
  if (text === "" || text === "none") return undefined;
  const numbers = text.split(":").map((part) =>
    /^[0-9]{1,7}$/.test(part) ? Number(part) : NaN
  );
  const [start = NaN, percent = 100, full = start] = numbers;
  const isRight = (numbers.length === 1 || numbers.length === 3) &&
    start >= 1 && full >= start && full <= COUNT_MAX && percent >= 1 &&
    percent <= 100;
  if (!isRight) {
    throw new Error(
      `sshd.max_startups: cannot read ${JSON.stringify(text)}: ` +
        "start:percent:full, one number, or none is needed",
    );
  }
  return { start, percent, full };
}

/**
 * Whether the next connection is turned away.
 * @param count Connections that are on their way to a login now.
 * @param random From 0 up to but not 1.
 * @example
 * ```ts
 * import { isTurnedAway } from "./startups.ts";
 * const limit = { start: 10, percent: 30, full: 100 };
 * isTurnedAway(limit, 9, 0); // false
 * isTurnedAway(limit, 100, 0.99); // true
 * ```
 */
export function isTurnedAway(
  { start, percent, full }: MaxStartups,
  count: number,
  random: number,
): boolean {
  if (count < start) return false;
  if (count >= full) return true;
  const rise = (100 - percent) * (count - start) / (full - start);
  return random * 100 < percent + rise;
}

/** A count of this thread alone. */
export function localCount(): Count {
  let value = 0;
  return {
    get value() {
      return value;
    },
    enter: () => value++,
    leave: () => void value--,
  };
}
