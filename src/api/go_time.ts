/**
 * Times as Go's encoding/json reads them and as Go prints them. Pure.
 * Source: Go, package time (RFC3339, Time.UnmarshalJSON, Time.Format).
 * @module
 */
import { ProtocolError } from "../core/errors.ts";

/** What Go prints for a time that nobody set. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Cuts a time to whole seconds; its offset stays.
 * @throws {ProtocolError} If it is no time of RFC 3339.
 * @example
 * ```ts
 * import { cutToSeconds } from "./go_time.ts";
 * cutToSeconds("2024-01-02T03:04:05.678+02:00"); // "2024-01-02T03:04:05+02:00"
 * ```
 */
export function cutToSeconds(text: string): string {
  const [, ...parts] = RFC_3339.exec(text) ?? [];
  const [year = "", month = "", day = "", ...rest] = parts;
  const [hour = "", minute = "", second = "", offset = ""] = rest;
  const [offsetHours, offsetMinutes] = offset.slice(1).split(":").map(Number);
  const isTime = parts.length > 0 && isDate(year, month, day) &&
    Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60 &&
    (offset === "Z" || (offsetHours ?? 0) <= 24 && (offsetMinutes ?? 0) < 60);
  if (!isTime) throw new ProtocolError("Field is not a time", 0);
  const zone = /^[+-]00:00$/.test(offset) ? "Z" : offset;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`;
}

function isDate(year: string, month: string, day: string): boolean {
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  // The 31st of a shorter month would be one of the next.
  return !Number.isNaN(date.getTime()) &&
    date.getUTCDate() === Number(day) && Number(month) > 0;
}
