/**
 * Tells GitLab of a Git operation that has ended well, where it wants to know.
 * Source: GitLab Shell 14.56.1, gitauditevent.
 * @module
 */
import type { AccessAnswer } from "../api/access.ts";
import { Deadline } from "../core/deadline.ts";
import { errorText } from "../core/errors.ts";
import type { PackResult } from "../gitaly/pack_request.ts";
import type { CommandContext, CommandRequest } from "./command.ts";

/**
 * The user has all of their data and waits for nothing but this. Long enough
 * for three attempts that fail at once; the reference waits for as long as
 * they take.
 */
const TIMEOUT_MS = 5_000;

/** One operation that a Gitaly has served. */
export interface GitalyOperation {
  readonly answer: AccessAnswer;
  readonly result: PackResult;
  readonly context: CommandContext;
}

/** Reports an operation that GitLab wants to know of; a failure is a record. */
export async function auditGitOperation(
  action: "git-upload-pack" | "git-receive-pack",
  request: CommandRequest,
  { answer, result, context }: GitalyOperation,
): Promise<void> {
  const { api } = context;
  const fields = {
    gl_repository: answer.glRepository,
    command: action,
    gl_user_name: answer.glUsername,
    gl_key_type: answer.glKeyType,
    gl_key_id: answer.glKeyId,
  };
  const log = context.log.with(fields);
  log.debug("sending git audit event");
  // Not ended by the session: a client that leaves as soon as it has what it
  // came for must not leave without a trace.
  using deadline = new Deadline(TIMEOUT_MS);
  const event = {
    action,
    glRepository: answer.glRepository,
    glUsername: answer.glUsername,
    glKeyId: answer.glKeyId,
    packfile: action === "git-upload-pack"
      ? result.packfileStatistics
      : undefined,
    remoteAddress: request.remoteAddress,
    namespacePath: request.namespacePath,
  };
  try {
    await api.reportGitAudit(event, fields, deadline.signal);
  } catch (error) {
    log.error(`failed to audit git event: ${errorText(error)}`);
  }
}
