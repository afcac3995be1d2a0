/**
 * `personal_access_token`: makes a token for the user's own account.
 * Source: GitLab Shell 14.56.1, personalaccesstoken.
 * @module
 */
import type { TokenWish } from "../api/account.ts";
import { writeText } from "../core/io.ts";
import type { CommandContext, CommandRequest, SessionData } from "./command.ts";
import { EMPTY_SESSION_DATA } from "./session_data.ts";

const USAGE =
  "Usage: personal_access_token <name> <scope1[,scope2,...]> [ttl_days]";
/** Days until a token expires for which nothing was asked. */
const TTL_DAYS = 30n;
/** Go's largest int. */
const TTL_DAYS_MAX = 2n ** 63n - 1n;
/** In Go's calendar, and in ours, the days begin to repeat after so many years. */
const CYCLE_YEARS = 400;
const CYCLE_DAYS = 146_097n;

/**
 * Makes a token and shows it.
 * @throws {Error} The usage, or what is wrong with the days.
 * @throws {ApiError | Error} GitLab's refusal.
 */
export async function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  const { api, config, clock, io, log, signal } = context;
  const now = new Date(clock.nowMs());
  const wish = parseWish(request.words, config.pat.allowedScopes, now);
  const { name, scopes, expiresAt } = wish;
  log.info("personalaccesstoken: execute: requesting token", {
    token_args: { Name: name, Scopes: scopes, ExpiresDate: expiresAt },
  });
  const { identity } = request;
  const created = await api.createToken({ ...wish, identity }, signal);
  await writeText(
    io.stdout,
    `Token:   ${created.token}\n` +
      `Scopes:  ${created.scopes.join(",")}\n` +
      `Expires: ${created.expiresAt}\n`,
  );
  return EMPTY_SESSION_DATA;
}

/**
 * Reads the words of the command.
 * @param allowedScopes Those that may be asked for; any if there are none.
 * @throws {Error} The usage, or what is wrong with the days.
 */
export function parseWish(
  words: readonly string[],
  allowedScopes: readonly string[],
  now: Date,
): Omit<TokenWish, "identity"> {
  const [, name, list, days, ...extra] = words;
  if (name === undefined || list === undefined || extra.length > 0) {
    throw new Error(USAGE);
  }
  // One more than was asked for, and none more than the default: so it is.
  const ttlDays = days === undefined ? TTL_DAYS : parseDays(days) + 1n;
  const asked = list.split(",");
  const scopes = allowedScopes.length === 0
    ? asked
    : asked.filter((scope) => allowedScopes.includes(scope));
  return {
    name,
    scopes: scopes.length === 0 ? null : scopes,
    expiresAt: formatDayAfter(now, ttlDays),
  };
}

/** @throws {Error} For what Go's Atoi refuses, and below zero. */
function parseDays(text: string): bigint {
  const days = /^[+-]?[0-9]+$/.test(text)
    ? BigInt(text.replace(/^\+/, ""))
    : -1n;
  if (days >= 0n && days <= TTL_DAYS_MAX) return days;
  throw new Error(`Invalid value for days_ttl: '${text}'`);
}

/**
 * The day so many days after today, where the program runs.
 * @returns `YYYY-MM-DD`, with more digits for years above 9999.
 * @example
 * ```ts
 * import { formatDayAfter } from "./personal_access_token.ts";
 * formatDayAfter(new Date(2027, 11, 31), 60n); // "2028-02-29"
 * ```
 */
export function formatDayAfter(now: Date, days: bigint): string {
  // A Date holds no more than 100 million days; longer waits are all alike
  // but for the year.
  const cycles = days / CYCLE_DAYS;
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()];
  // In UTC, where every day has 24 hours.
  const then = new Date(
    Date.UTC(year, month, day + Number(days % CYCLE_DAYS)),
  );
  const thenYear = BigInt(then.getUTCFullYear()) +
    cycles * BigInt(CYCLE_YEARS);
  const twoDigits = (number: number) => String(number).padStart(2, "0");
  return [
    String(thenYear).padStart(4, "0"),
    twoDigits(then.getUTCMonth() + 1),
    twoDigits(then.getUTCDate()),
  ].join("-");
}
