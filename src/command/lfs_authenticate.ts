/**
 * `git-lfs-authenticate`: tells a Git LFS client where the objects are and how
 * to be let in.
 * Source: GitLab Shell 14.56.1, lfsauthenticate; Git LFS, docs/api/
 * server-discovery.md.
 * @module
 */
import type { LfsAccess, LfsQuestion } from "../api/lfs_authenticate.ts";
import { DisallowedCommandError, errorText } from "../core/errors.ts";
import { stringifyGoJson } from "../core/go_text.ts";
import { writeText } from "../core/io.ts";
import { checkAccess } from "./access_check.ts";
import type { CommandContext, CommandRequest, SessionData } from "./command.ts";
import { userIdField } from "./gl_user_id.ts";
import { sessionDataOf } from "./session_data.ts";

const LOG_PREFIX = "lfsauthenticate: execute:";

/**
 * Prints one line of JSON, or nothing: a client that is told nothing asks
 * again, and that is what clients of GitLab are used to.
 * @throws {DisallowedCommandError} If there are too few words, or the third is
 * no operation.
 * @throws {ApiError | Error} What `/allowed` refuses with.
 */
export async function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  const [, project, operation] = request.words;
  if (project === undefined || !isOperation(operation)) {
    throw new DisallowedCommandError();
  }
  // The Git service that reads or writes as much.
  const action = operation === "download"
    ? "git-upload-pack"
    : "git-receive-pack";
  const { api, io, log, signal } = context;
  const access = await checkAccess({ action, project }, request, context);
  const { identity } = request;
  const question = { operation, project, identity, access };
  let answer: LfsAccess | undefined;
  try {
    answer = await api.authenticateLfs(question, signal);
  } catch (error) {
    const complaint = `${LOG_PREFIX} failed to parse user_id`;
    const userId = userIdField(access.glId, log, complaint);
    log.debug(`${LOG_PREFIX} LFS authentication failed`, {
      operation,
      gl_repository: project,
      error_message: errorText(error),
      ...userId,
    });
  }
  if (answer) await writeText(io.stdout, await formatAnswer(answer));
  return sessionDataOf(access);
}

function isOperation(
  word: string | undefined,
): word is LfsQuestion["operation"] {
  return word === "download" || word === "upload";
}

async function formatAnswer(answer: LfsAccess): Promise<string> {
  const { formatLfsAuthorization } = await import(
    "../api/lfs_authenticate.ts"
  );
  const line = stringifyGoJson({
    header: { Authorization: formatLfsAuthorization(answer) },
    href: `${answer.repositoryHttpPath}/info/lfs`,
    expires_in: answer.expiresInSeconds || undefined,
  });
  return `${line}\n`;
}
