/**
 * Log records: one line each, in the order and spelling of GitLab Shell's.
 * Pure but for the sink: formatting is text to text.
 * Source: GitLab Shell 14.56.1 (LabKit v2, Go's log/slog).
 * @module
 */
import { quoteGo } from "./go_text.ts";
import { formatUtcTime } from "./utc_time.ts";
import type { Clock } from "./host.ts";

/** Levels, least urgent first. */
export const LOG_LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;
/** Name of a level as records spell it. */
export type LogLevel = typeof LOG_LEVELS[number];
/** What a field may hold. A nested object prints in Go's `%+v` form as text. */
export type LogValue =
  | string
  | number
  | boolean
  | null
  | readonly LogValue[]
  | { readonly [name: string]: LogValue };
/** Fields of one record, in the order in which they are printed. */
export type LogFields = Readonly<Record<string, LogValue | undefined>>;

/** Where whole lines go; one call is one write. */
export interface LogSink {
  writeLine(line: Uint8Array): void;
}

/** How records are written. */
export interface LogOptions {
  sink: LogSink;
  clock: Clock;
  /**
   * Lowest level that is written, as a number on slog's scale: DEBUG -4,
   * INFO 0, WARN 4, ERROR 8, so that `info+2` has a place.
   */
  threshold: number;
  format: "json" | "text";
  /** IANA zone of the times; UTC when absent. */
  timeZone?: string;
}

const SLOG_LEVEL: Record<LogLevel, number> = {
  DEBUG: -4,
  INFO: 0,
  WARN: 4,
  ERROR: 8,
};
const LEVEL_OFFSET = /^[+-][0-9]+$/;
const encoder = new TextEncoder();

/** Writes records with some fields already bound. */
export class Logger {
  readonly #options: LogOptions;
  readonly #bound: LogFields;

  constructor(options: LogOptions, bound: LogFields = {}) {
    this.#options = options;
    this.#bound = bound;
  }

  /** A logger whose records carry `fields` too, before their own. */
  with(fields: LogFields): Logger {
    return new Logger(this.#options, { ...this.#bound, ...fields });
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("DEBUG", message, fields);
  }
  info(message: string, fields?: LogFields): void {
    this.#write("INFO", message, fields);
  }
  warn(message: string, fields?: LogFields): void {
    this.#write("WARN", message, fields);
  }
  error(message: string, fields?: LogFields): void {
    this.#write("ERROR", message, fields);
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    const { sink, clock, threshold, format, timeZone } = this.#options;
    if (SLOG_LEVEL[level] < threshold) return;
    const time = formatLogTime(clock.nowMs(), timeZone);
    const all = { time, level, msg: message, ...this.#bound, ...fields };
    const line = format === "json" ? formatJson(all) : formatText(all);
    sink.writeLine(encoder.encode(`${line}\n`));
  }
}

/**
 * Reads the name of a level, in any case, with an offset such as `info+2`.
 * @returns The level on slog's scale; `undefined` for any other text, such as
 * `warning` or a bare number.
 */
export function parseLogLevel(text: string): number | undefined {
  const upper = text.toUpperCase();
  const level = LOG_LEVELS.find((name) => upper.startsWith(name));
  if (level === undefined) return undefined;
  const offset = upper.slice(level.length);
  if (offset === "") return SLOG_LEVEL[level];
  return LEVEL_OFFSET.test(offset)
    ? SLOG_LEVEL[level] + Number(offset)
    : undefined;
}

/** A logger that keeps nothing. */
export const SILENT_LOGGER: Logger = new Logger({
  sink: { writeLine: () => {} },
  clock: {
    nowMs: () => 0,
    monotonicMs: () => 0,
    sleep: () => Promise.resolve(),
  },
  threshold: Infinity,
  format: "json",
});

/** RFC 3339 with three fraction digits, `Z` in UTC, an offset elsewhere. */
export function formatLogTime(nowMs: number, timeZone?: string): string {
  if (timeZone === undefined || timeZone === "UTC") {
    return formatUtcTime(nowMs);
  }
  const utc = new Date(Math.floor(nowMs));
  const parts: ReadonlyMap<string, string> = new Map(
    zoneFormatter(timeZone).formatToParts(utc)
      .map(({ type, value }) => [type, value]),
  );
  const part = (name: string) => parts.get(name) ?? "";
  const offset = part("timeZoneName").slice("GMT".length) || "Z";
  const fraction = String(utc.getUTCMilliseconds()).padStart(3, "0");
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:` +
    `${part("minute")}:${part("second")}.${fraction}${offset}`;
}

/** Making one takes longer than writing a record, and a process has one zone. */
const zoneFormatters = new Map<string, Intl.DateTimeFormat>();

function zoneFormatter(timeZone: string): Intl.DateTimeFormat {
  const known = zoneFormatters.get(timeZone);
  if (known) return known;
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  });
  zoneFormatters.set(timeZone, formatter);
  return formatter;
}

function formatJson(fields: LogFields): string {
  // JSON.stringify leaves out what is undefined and escapes every control
  // character, so that no value can start a second line. The two separators
  // that it leaves alone are line ends to some readers; Go escapes them too.
  return JSON.stringify(fields)
    .replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function formatText(fields: LogFields): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) pairs.push(`${name}=${quoteIfNeeded(value)}`);
  }
  return pairs.join(" ");
}

function quoteIfNeeded(value: LogValue): string {
  const text = formatGoValue(value);
  // What slog's text handler leaves bare: printable characters but for quotes,
  // equals signs and the one that stands for invalid text. Made of text, here:
  // V8 would read a literal, and a constant be made, at every start (0.6 ms).
  const isBare = new RegExp(
    '^(?:(?!["=\\ufffd])[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}])+$',
    "u",
  );
  return isBare.test(text) ? text : quoteGo(text);
}

function formatGoValue(value: LogValue): string {
  if (value === null) return "<nil>";
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(formatGoValue).join(" ")}]`;
  const members = Object.entries(value).map(([name, member]) =>
    `${name}:${formatGoValue(member)}`
  );
  return `{${members.join(" ")}}`;
}
