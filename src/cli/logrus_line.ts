/**
 * Lines as gitaly-ssh writes them to standard error, which git shows its user.
 * Source: Gitaly 18.9 (logrus text form, no terminal).
 * @module
 */
import { formatUtcTime } from "../core/utc_time.ts";
import { quoteGo } from "../core/go_text.ts";

const BARE_VALUE = /^[A-Za-z0-9\-._/@^+]+$/;

/** What one line says. */
export interface LogrusLine {
  readonly nowMs: number;
  readonly level: "info" | "error";
  readonly message: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly pid: number;
}

/** Formats a line, its end included; fields are sorted by name. */
export function formatLogrusLine(line: LogrusLine): string {
  const { nowMs, level, message, fields = {}, pid } = line;
  const time = formatUtcTime(nowMs);
  const named = Object.entries({ ...fields, pid: String(pid) })
    .sort(([left], [right]) => left < right ? -1 : 1)
    .map(([name, value]) => ` ${name}=${quoteIfNeeded(value)}`);
  return `time="${time}" level=${level} msg=${quoteIfNeeded(message)}` +
    `${named.join("")}\n`;
}

function quoteIfNeeded(value: string): string {
  return BARE_VALUE.test(value) ? value : quoteGo(value);
}
