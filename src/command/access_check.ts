/**
 * The access check that every Git and LFS command begins with.
 * Source: GitLab Shell 14.56.1, access verifier.
 * @module
 */
import type { AccessAnswer, AccessQuestion } from "../api/access.ts";
import { formatInfoBlock } from "../core/console_message.ts";
import { writeText } from "../core/io.ts";
import type { CommandContext, CommandRequest } from "./command.ts";

/** What a command wants to do, and what it does while GitLab thinks. */
export interface AccessCheck
  extends Pick<AccessQuestion, "action" | "project"> {
  /** Called when the question is on its way: the time to load what comes next. */
  readonly onSent?: () => void;
}

/**
 * Asks GitLab whether this session may do `action` to `project`, and shows its
 * console messages, which come first even when the answer is no.
 * @returns An answer whose `status` is true.
 * @throws {ApiError | Error} GitLab's refusal; an empty text prints nothing.
 */
export async function checkAccess(
  { action, project, onSent }: AccessCheck,
  request: CommandRequest,
  context: CommandContext,
): Promise<AccessAnswer> {
  const { identity, remoteAddress, namespacePath } = request;
  const answer = await context.api.allowed(
    { action, project, identity, remoteAddress, namespacePath },
    context.signal,
    onSent,
  );
  const block = formatInfoBlock(answer.consoleMessages);
  if (block !== "") await writeText(context.io.stderr, block);
  // A plain error, not a policy one: gitlab-sshd counts it as the reference does.
  if (!answer.status) throw new Error(answer.message);
  return answer;
}
