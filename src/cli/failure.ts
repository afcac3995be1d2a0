/**
 * What becomes of an error at the edge of a program: a text for the user and
 * an exit status.
 * Source: GitLab Shell 14.56.1, exit handling.
 * @module
 */
import { errorText, GitalyError, GRPC_CODE } from "../core/errors.ts";
import { EXIT_BROKEN_PIPE } from "../core/exit_status.ts";

/**
 * The text that gitlab-shell frames for the user.
 * @returns Nothing for an internal error of Gitaly: git's own words have
 * already been passed on, and the rest is not for strangers.
 */
export function errorForUser(error: unknown): string {
  if (error instanceof GitalyError && error.code === GRPC_CODE.internal) {
    return "";
  }
  return errorText(error);
}

/**
 * The status of a program whose reader has gone away.
 * @returns `undefined` if `error` is anything else, its causes included.
 */
export function exitStatusOfBrokenPipe(error: unknown): number | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; depth++) {
    if (at instanceof Deno.errors.BrokenPipe) return EXIT_BROKEN_PIPE;
    at = at.cause;
  }
  return undefined;
}
