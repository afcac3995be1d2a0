/**
 * `git-receive-pack`: the server's side of a push.
 * Source: GitLab Shell 14.56.1, command of this name.
 * @module
 */
import type { CommandContext, CommandRequest, SessionData } from "./command.ts";
import { runGitService } from "./git_service.ts";
import { sessionDataOf } from "./session_data.ts";

/** @throws {Error} As `runGitService` does. */
export async function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  const { answer, result } = await runGitService(
    "receive-pack",
    request,
    context,
  );
  if (result && answer.needAudit) {
    const { auditGitOperation } = await import("./git_audit.ts");
    const operation = { answer, result, context };
    await auditGitOperation("git-receive-pack", request, operation);
  }
  return sessionDataOf(answer);
}
