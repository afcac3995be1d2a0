/**
 * Penalties of sources that misbehave before login: each offence adds seconds,
 * and a source with enough of them is not let in until they have passed.
 * Source: OpenSSH, sshd_config(5), PerSourcePenalties.
 * @module
 */

/** What a connection can do wrong before it has logged in. */
export type Offence =
  /** It proved no key that may log in. */
  | "authfail"
  /** It asked for another user than the one there is. */
  | "invaliduser"
  /** It went without having tried. */
  | "noauth"
  /** It was still there when the time for a login was over. */
  | "grace-exceeded"
  /** It ran into a fault of ours. */
  | "crash";

/** Times in seconds, as they are configured. */
export interface PenaltySettings {
  readonly seconds: Readonly<Record<Offence, number>>;
  /** Below this nothing happens. */
  readonly min: number;
  readonly max: number;
  /** Sources that are remembered; the one that was quiet longest goes first. */
  readonly sourcesMax: number;
}

const DEFAULTS = new Map([
  ["authfail", 5],
  ["invaliduser", 5],
  ["noauth", 1],
  ["grace-exceeded", 10],
  ["crash", 90],
  ["min", 15],
  ["max", 600],
  ["max-sources", 65_536],
]);
/** Words of OpenSSH that have no meaning here and do no harm. */
const OTHER_WORDS: ReadonlySet<string> = new Set([
  "refuseconnection",
  "max-sources4",
  "max-sources6",
  "overflow",
  "overflow4",
  "overflow6",
]);
const NUMBER_MAX = 1_000_000;

/**
 * Reads `yes`, `no`, or words such as `authfail:10 min:30`.
 * @returns `undefined` for `no`.
 * @throws {Error} If a word is unknown or has no number.
 */
export function parsePenalties(text: string): PenaltySettings | undefined {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 1 && /^(?:no|false|off|0)$/i.test(text.trim())) {
    return undefined;
  }
  const numbers = new Map(DEFAULTS);
  for (const word of words) {
    if (/^(?:yes|true|on)$/i.test(word)) continue;
    const [name = "", value = ""] = word.split(":");
    if (OTHER_WORDS.has(name)) continue;
    const number = /^[0-9]{1,7}s?$/.test(value) ? parseInt(value, 10) : NaN;
    if (!numbers.has(name) || !(number <= NUMBER_MAX)) {
      throw new Error(
        `sshd.per_source_penalties: cannot read ${JSON.stringify(word)}: ` +
          `yes, no, or ${[...DEFAULTS.keys()].join(", ")} with :seconds ` +
          "is needed",
      );
    }
    numbers.set(name, number);
  }
  const of = (name: string) => numbers.get(name) ?? 0;
  return {
    seconds: {
      authfail: of("authfail"),
      invaliduser: of("invaliduser"),
      noauth: of("noauth"),
      "grace-exceeded": of("grace-exceeded"),
      crash: of("crash"),
    },
    min: of("min"),
    max: of("max"),
    sourcesMax: Math.max(of("max-sources"), 1),
  };
}

interface Entry {
  untilMs: number;
  isActive: boolean;
}

/** What is held against one source. Plain values, for other threads. */
export interface Penalty {
  readonly source: string;
  /** From when it is told; threads have clocks of their own. */
  readonly remainingMs: number;
  /** Whether it shuts the source out. */
  readonly isActive: boolean;
}

/** Who has to wait, and until when. */
export class PenaltyTable {
  /** Least recently penalised first. */
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Notes an offence.
   * @returns Seconds for which the source is shut out from now on, if this was
   * what shut it out.
   */
  add(
    source: string,
    offence: Offence,
    { settings, nowMs }: { settings: PenaltySettings; nowMs: number },
  ): number | undefined {
    const addedMs = settings.seconds[offence] * 1000;
    if (addedMs === 0) return undefined;
    const old = this.#entries.get(source);
    const isOver = !old || old.untilMs <= nowMs;
    const baseMs = isOver ? nowMs : old.untilMs;
    const untilMs = Math.min(baseMs + addedMs, nowMs + settings.max * 1000);
    const wasActive = !isOver && old.isActive;
    const isActive = wasActive || untilMs - nowMs > settings.min * 1000;
    this.#entries.delete(source);
    this.#makeRoom(settings.sourcesMax);
    this.#entries.set(source, { untilMs, isActive });
    return isActive && !wasActive ? (untilMs - nowMs) / 1000 : undefined;
  }

  /** Whether the source has to wait. */
  isShutOut(source: string, nowMs: number): boolean {
    const entry = this.#entries.get(source);
    if (!entry) return false;
    if (entry.untilMs > nowMs) return entry.isActive;
    this.#entries.delete(source);
    return false;
  }

  /** All that is not over, least recent first. */
  list(nowMs: number): Penalty[] {
    return [...this.#entries]
      .filter(([, { untilMs }]) => untilMs > nowMs)
      .map(([source, { untilMs, isActive }]) => ({
        source,
        remainingMs: untilMs - nowMs,
        isActive,
      }));
  }

  /** Takes over what is harder than what is known of a source. */
  merge(
    penalties: readonly Penalty[],
    { settings, nowMs }: { settings: PenaltySettings; nowMs: number },
  ): void {
    for (const { source, remainingMs, isActive } of penalties) {
      const untilMs = nowMs + remainingMs;
      const known = this.#entries.get(source);
      if (known && known.untilMs >= untilMs) continue;
      this.#entries.delete(source);
      this.#makeRoom(settings.sourcesMax);
      this.#entries.set(source, { untilMs, isActive });
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  #makeRoom(sourcesMax: number): void {
    for (const source of this.#entries.keys()) {
      if (this.#entries.size < sourcesMax) return;
      this.#entries.delete(source);
    }
  }
}
