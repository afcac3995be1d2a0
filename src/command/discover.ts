/**
 * The welcome line: what a session without a command gets.
 * Source: GitLab Shell 14.56.1, discover.
 * @module
 */
import { ApiError, errorText } from "../core/errors.ts";
import { writeText } from "../core/io.ts";
import type { CommandContext, CommandRequest, SessionData } from "./command.ts";
import { EMPTY_SESSION_DATA } from "./session_data.ts";

/**
 * Asks who the session belongs to and greets them on standard output.
 * @throws {ApiError | Error} `Failed to get username: ` and the cause.
 */
export async function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  const user = await context.api.discover(request.identity, context.signal)
    .catch(rethrowWithPrefix);
  const username = user.id < 1 ? "Anonymous" : user.username;
  const name = user.id < 1 ? "Anonymous" : `@${user.username}`;
  await writeText(context.io.stdout, `Welcome to GitLab, ${name}!\n`);
  return { ...EMPTY_SESSION_DATA, username };
}

function rethrowWithPrefix(cause: unknown): never {
  const message = `Failed to get username: ${errorText(cause)}`;
  if (cause instanceof ApiError) throw new ApiError(message, cause, { cause });
  throw new Error(message, { cause });
}
