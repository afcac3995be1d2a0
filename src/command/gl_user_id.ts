/**
 * The number in a `gl_id` such as `user-42`, for records.
 * Source: GitLab Shell 14.56.1, its parser of such ids; Go, strconv (Atoi).
 * @module
 */
import { quoteGo } from "../core/go_text.ts";
import type { LogFields, Logger } from "../core/log.ts";

/**
 * A deploy token has none; for any other form a record of its own says so
 * first, worded as Go's parser words it.
 * @param complaint Message of that record.
 * @returns `gl_user_id`, or nothing.
 */
export function userIdField(
  glId: string,
  log: Logger,
  complaint: string,
): LogFields {
  const [, kind, digits] = /^(user|deploy-token)-(.*)$/s.exec(glId) ?? [];
  let problem: string | undefined;
  if (kind === undefined || digits === undefined) {
    problem = `unknown gl_id format ${quoteGo(glId)}`;
  } else if (!/^[+-]?[0-9]+$/.test(digits)) {
    problem = `invalid ${kind} gl_id ${quoteGo(glId)}: ` +
      `strconv.Atoi: parsing ${quoteGo(digits)}: invalid syntax`;
  }
  if (problem !== undefined) {
    log.warn(complaint, { error_message: problem });
    return {};
  }
  const userId = kind === "user" ? Number(digits) : 0;
  return userId === 0 ? {} : { gl_user_id: userId };
}
