/**
 * As much of Prometheus' query language as the dashboard uses, over scrapes
 * that were kept: enough to draw it without a Prometheus.
 * Source: Prometheus, "Querying basics", "Operators", "Functions".
 * @module
 */

/** One series at one moment. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All that `/metrics` said at one moment. */
export interface Scrape {
  /** Seconds on any clock. */
  readonly atSeconds: number;
  readonly samples: readonly Sample[];
}

type Values = ReadonlyMap<string, number>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-z_]+)="([^"]*)"/g;

/** Reads what `/metrics` answers. */
export function parseScrape(text: string, atSeconds: number): Scrape {
  const samples = text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = Array.from(
      labels.matchAll(LABEL),
      ([, key = "", word = ""]) => [key, word] as const,
    );
    return [{
      name,
      labels: Object.fromEntries(pairs),
      value: value === "+Inf" ? Infinity : Number(value),
    }];
  });
  return { atSeconds, samples };
}

/**
 * Evaluates a query between two scrapes; selectors of labels are passed over.
 * @returns Values by the labels that are left, written out.
 * @throws {SyntaxError} If the query is of a kind that the dashboard lacks.
 */
export function evaluate(query: string, before: Scrape, now: Scrape): Values {
  const text = query.replaceAll(/\{[^}]*\}/g, "").trim();
  const pair = /^(.+\)) ([-/]) (sum .+)$/.exec(text);
  if (pair) {
    const [, left = "", operator, right = ""] = pair;
    const one = only(evaluate(left, before, now));
    const other = only(evaluate(right, before, now));
    const value = operator === "-" ? one - other : one / other;
    return new Map([["", value]]);
  }
  const quantile = /^histogram_quantile\(([\d.]+), (.+)\)$/.exec(text);
  if (quantile) {
    const buckets = evaluate(quantile[2] ?? "", before, now);
    return new Map([["", interpolate(Number(quantile[1]), buckets)]]);
  }
  const aggregate = /^(sum|max)(?: by \(([^)]*)\))? \((.+)\)$/.exec(text);
  if (aggregate) {
    const [, kind, by = "", inner = ""] = aggregate;
    const names = by.split(", ").filter((name) => name !== "");
    return group(select(inner, before, now), names, kind === "max");
  }
  return group(select(text, before, now), [], false);
}

/** A metric as it is, or how fast it grows. */
function select(text: string, before: Scrape, now: Scrape): Sample[] {
  const rate = /^rate\(([\w:]+)\[\$__rate_interval\]\)$/.exec(text);
  const name = rate?.[1] ?? text;
  if (!/^[\w:]+$/.test(name)) throw new SyntaxError(`Cannot read ${text}`);
  const current = now.samples.filter((sample) => sample.name === name);
  if (!rate) return current;
  const seconds = now.atSeconds - before.atSeconds;
  const old = new Map(
    before.samples.filter((sample) => sample.name === name)
      .map(({ labels, value }) => [JSON.stringify(labels), value]),
  );
  return current.map((sample) => {
    const start = old.get(JSON.stringify(sample.labels)) ?? 0;
    return { ...sample, value: (sample.value - start) / seconds };
  });
}

function group(
  samples: readonly Sample[],
  names: readonly string[],
  isMax: boolean,
): Values {
  const values = new Map<string, number>();
  for (const { labels, value } of samples) {
    const key = names.map((name) => labels[name] ?? "").join(" ");
    const known = values.get(key);
    values.set(
      key,
      known === undefined
        ? value
        : isMax
        ? Math.max(known, value)
        : known + value,
    );
  }
  return values;
}

function only(values: Values): number {
  return [...values.values()].at(0) ?? 0;
}

/** As histogram_quantile() does it: straight lines between the bounds. */
function interpolate(quantile: number, buckets: Values): number {
  const bounds = [...buckets].map(([le, count]) => ({
    le: le === "+Inf" ? Infinity : Number(le),
    count,
  })).toSorted((one, other) => one.le - other.le);
  const rank = quantile * (bounds.at(-1)?.count ?? 0);
  if (!(rank > 0)) return NaN;
  let [start, below] = [0, 0];
  for (const { le, count } of bounds) {
    if (count >= rank) {
      return le === Infinity
        ? start
        : start + (le - start) * (rank - below) / (count - below);
    }
    [start, below] = [le, count];
  }
  return start;
}
