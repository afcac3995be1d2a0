/**
 * The way to a project's LFS API, and what opens it for as long as the session
 * lasts: a push of very many objects may outlive its token.
 * @module
 */
import {
  formatLfsAuthorization,
  type LfsAccess,
  type LfsQuestion,
} from "../../api/lfs_authenticate.ts";
import type { LfsPlace } from "../../api/lfs_client.ts";
import { errorText } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";

/** How long before its end a token is replaced, in milliseconds. */
export const RENEWAL_MARGIN_MS = 60_000;

/**
 * Asks GitLab for the way.
 * @throws {ApiError | Error} GitLab's refusal.
 */
export async function openLfsDoor(
  question: LfsQuestion,
  context: CommandContext,
): Promise<LfsPlace> {
  const { api, signal, clock } = context;
  const ask = () => api.authenticateLfs(question, signal);
  let access = await ask();
  let renewMs = renewalMs(access, clock.monotonicMs());
  return {
    href: `${access.repositoryHttpPath}/info/lfs`,
    async authorization() {
      if (clock.monotonicMs() >= renewMs) {
        access = await ask().catch((error) => {
          signal.throwIfAborted();
          // The old one may still do; if not, GitLab says so.
          context.log.warn("lfstransfer: token was not renewed", {
            error_message: errorText(error),
          });
          return access;
        });
        renewMs = renewalMs(access, clock.monotonicMs());
      }
      return formatLfsAuthorization(access);
    },
  };
}

/** When a token that was got now is to be replaced; never if it has no end. */
function renewalMs({ expiresInSeconds }: LfsAccess, nowMs: number): number {
  if (expiresInSeconds <= 0) return Infinity;
  const lifeMs = expiresInSeconds * 1000;
  return nowMs + Math.max(lifeMs - RENEWAL_MARGIN_MS, lifeMs / 2);
}
