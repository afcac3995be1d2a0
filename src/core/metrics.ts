/**
 * Counters, gauges and histograms, and the text in which Prometheus reads
 * them. Pure: numbers in, text out. What one thread counts can be taken as
 * plain values and added to what others count.
 * Source: Prometheus, "Exposition formats", text format 0.0.4.
 * @module
 */

/** One set of label values and what was counted for it. */
export interface MetricSample {
  /** In the order of the family's names. */
  readonly labels: readonly string[];
  /** The count or the level; the sum of what was observed in a histogram. */
  readonly value: number;
  /** Observations up to each bound, and after the last one; histograms only. */
  readonly counts?: readonly number[];
}

/** All that goes by one name. Plain values: it can be sent to other threads. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labelNames: readonly string[];
  /** Upper bounds, ascending; histograms only. */
  readonly bounds?: readonly number[];
  /** How several threads' values become one; they are added unless told. */
  readonly join?: "max";
  readonly samples: readonly MetricSample[];
}

/** A family that is still counted. */
interface Live {
  readonly family: Omit<MetricFamily, "samples">;
  readonly samples: Map<string, MutableSample>;
  readonly read: (() => number) | undefined;
}

interface MutableSample {
  readonly labels: readonly string[];
  value: number;
  readonly counts?: number[];
}

/** Goes up only. */
export interface Counter {
  /** @param labels Values in the order of the names. */
  add(step?: number, labels?: readonly string[]): void;
}
/** Goes up and down. */
export interface Gauge {
  add(step: number): void;
  set(value: number): void;
}
/** Sorts what it observes into buckets. */
export interface Histogram {
  observe(value: number, labels?: readonly string[]): void;
}

/** What a metric is called and what it means. */
export interface MetricName {
  readonly name: string;
  readonly help: string;
  /** None unless given; with some, nothing shows before it was counted. */
  readonly labelNames?: readonly string[];
}

/** The metrics of one thread. */
export class MetricRegistry {
  readonly #live: Live[] = [];

  counter(about: MetricName): Counter {
    const live = this.#open("counter", about);
    return { add: (step = 1, labels = []) => count(live, step, labels) };
  }

  gauge(about: MetricName): Gauge {
    const live = this.#open("gauge", about);
    return {
      add: (step) => count(live, step, []),
      set: (value) => sampleOf(live, []).value = value,
    };
  }

  /** A level that is read when it is asked for. */
  readGauge(
    about: MetricName & { type?: "counter" | "gauge"; join?: "max" },
    read: () => number,
  ): void {
    this.#open(about.type ?? "gauge", about, { read });
  }

  /** @param bounds Upper bounds, ascending, without infinity. */
  histogram(about: MetricName, bounds: readonly number[]): Histogram {
    const live = this.#open("histogram", about, { bounds });
    return {
      observe(value, labels = []) {
        const sample = sampleOf(live, labels);
        sample.value += value;
        const at = bounds.findIndex((bound) => value <= bound);
        const { counts = [] } = sample;
        const bucket = at < 0 ? bounds.length : at;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      },
    };
  }

  /** What was counted so far, as plain values. */
  families(): MetricFamily[] {
    return this.#live.map(({ family, samples, read }) => ({
      ...family,
      samples: read
        ? [{ labels: [], value: read() }]
        : [...samples.values()].map(({ labels, value, counts }) => ({
          labels,
          value,
          ...(counts && { counts: [...counts] }),
        })),
    }));
  }

  #open(
    type: MetricFamily["type"],
    { name, help, labelNames = [], join }: MetricName & { join?: "max" },
    { bounds, read }: { bounds?: readonly number[]; read?: () => number } = {},
  ): Live {
    if (this.#live.some(({ family }) => family.name === name)) {
      throw new TypeError(`Cannot have two metrics ${JSON.stringify(name)}`);
    }
    const family = {
      name,
      help,
      type,
      labelNames,
      ...(bounds && { bounds }),
      ...(join && { join }),
    };
    const live: Live = { family, samples: new Map(), read };
    // Without labels there is one sample, and it shows from the start.
    if (labelNames.length === 0 && !read) sampleOf(live, []);
    this.#live.push(live);
    return live;
  }
}

function count(live: Live, step: number, labels: readonly string[]): void {
  sampleOf(live, labels).value += step;
}

function sampleOf(
  { family, samples }: Live,
  labels: readonly string[],
): MutableSample {
  const key = labels.join("\0");
  let sample = samples.get(key);
  if (!sample) {
    const { bounds } = family;
    sample = {
      labels: [...labels],
      value: 0,
      ...(bounds && { counts: new Array<number>(bounds.length + 1).fill(0) }),
    };
    samples.set(key, sample);
  }
  return sample;
}

/**
 * Joins what several threads have counted.
 * @example
 * ```ts
 * import { joinFamilies, MetricRegistry } from "./metrics.ts";
 * const [one, other] = [new MetricRegistry(), new MetricRegistry()];
 * one.counter({ name: "a_total", help: "A" }).add(1);
 * other.counter({ name: "a_total", help: "A" }).add(2);
 * joinFamilies([one.families(), other.families()])[0]?.samples[0]?.value; // 3
 * ```
 */
export function joinFamilies(
  parts: readonly (readonly MetricFamily[])[],
): MetricFamily[] {
  const joined = new Map<string, MetricFamily>();
  for (const family of parts.flat()) {
    const other = joined.get(family.name);
    joined.set(family.name, other ? joinTwo(other, family) : family);
  }
  return [...joined.values()];
}

function joinTwo(one: MetricFamily, other: MetricFamily): MetricFamily {
  const samples = new Map<string, MetricSample>();
  for (const sample of [...one.samples, ...other.samples]) {
    const key = sample.labels.join("\0");
    const before = samples.get(key);
    samples.set(key, before ? joinSamples(before, sample, one.join) : sample);
  }
  return { ...one, samples: [...samples.values()] };
}

function joinSamples(
  one: MetricSample,
  other: MetricSample,
  join: MetricFamily["join"],
): MetricSample {
  return {
    labels: one.labels,
    value: join === "max"
      ? Math.max(one.value, other.value)
      : one.value + other.value,
    ...(one.counts && {
      counts: one.counts.map((value, at) => value + (other.counts?.[at] ?? 0)),
    }),
  };
}

/**
 * Prints families, sorted by name; those without a sample are left out.
 * @example
 * ```ts
 * import { formatMetrics, MetricRegistry } from "./metrics.ts";
 * const registry = new MetricRegistry();
 * registry.counter({ name: "a_total", help: "Counts" }).add(2);
 * formatMetrics(registry.families());
 * // "# HELP a_total Counts\n# TYPE a_total counter\na_total 2\n"
 * ```
 */
export function formatMetrics(families: readonly MetricFamily[]): string {
  const sorted = families.filter(({ samples }) => samples.length > 0)
    .toSorted((one, other) => one.name < other.name ? -1 : 1);
  return sorted.map(formatFamily).join("");
}

function formatFamily(family: MetricFamily): string {
  const { name, help, type, samples } = family;
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const lines = [`# HELP ${name} ${escaped}`, `# TYPE ${name} ${type}`];
  for (const sample of samples) {
    if (family.bounds) lines.push(...formatHistogram(family, sample));
    else lines.push(`${name}${labelsOf(family, sample)} ${sample.value}`);
  }
  return `${lines.join("\n")}\n`;
}

function formatHistogram(family: MetricFamily, sample: MetricSample) {
  const { name, bounds = [] } = family;
  const lines: string[] = [];
  let total = 0;
  for (const [at, size] of (sample.counts ?? []).entries()) {
    total += size;
    const le = bounds[at] === undefined ? "+Inf" : String(bounds[at]);
    lines.push(`${name}_bucket${labelsOf(family, sample, le)} ${total}`);
  }
  const labels = labelsOf(family, sample);
  lines.push(`${name}_sum${labels} ${sample.value}`);
  lines.push(`${name}_count${labels} ${total}`);
  return lines;
}

function labelsOf(
  { labelNames }: MetricFamily,
  { labels }: MetricSample,
  le?: string,
): string {
  const pairs = labelNames.map((name, at) =>
    `${name}="${escapeLabel(labels[at] ?? "")}"`
  );
  if (le !== undefined) pairs.push(`le="${le}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
