/**
 * `2fa_recovery_codes`: new recovery codes, after a question. The whole
 * dialogue is on standard output, and it always ends well.
 * Source: GitLab Shell 14.56.1, twofactorrecover.
 * @module
 */
import { errorText } from "../core/errors.ts";
import { writeText } from "../core/io.ts";
import type { CommandContext, CommandRequest, SessionData } from "./command.ts";
import { readWord } from "./read_word.ts";
import { EMPTY_SESSION_DATA } from "./session_data.ts";

const ANSWER_BYTES_MAX = 1024;
const QUESTION =
  "Are you sure you want to generate new two-factor recovery codes?\n" +
  "Any existing recovery codes you saved will be invalidated. (yes/no)\n";
const DECLINED =
  "\nNew recovery codes have *not* been generated. Existing codes will remain valid.\n";
const FAILED =
  "\nAn error occurred while trying to generate new recovery codes.\n";
const BEFORE_CODES = "\nYour two-factor authentication recovery codes are:\n\n";
const AFTER_CODES =
  "\n\nDuring sign in, use one of the codes above when prompted for\n" +
  "your two-factor code. Then, visit your Profile Settings and add\n" +
  "a new device so you do not lose access to your account again.\n";

/**
 * Asks, and on `yes` shows what GitLab made.
 * @throws {Error} What a standard stream failed with.
 */
export async function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  const { io, log } = context;
  log.debug("twofactorrecover: execute: Waiting for user input");
  await writeText(io.stdout, QUESTION);
  const { word, problem } = await readWord(io.stdin, ANSWER_BYTES_MAX);
  if (problem !== undefined) {
    log.debug("twofactorrecover: getUserAnswer: Failed to get user input", {
      error_message: problem,
    });
  }
  if (word === "yes") {
    log.debug("twofactorrecover: execute: User chose to continue");
    await writeText(io.stdout, await makeCodes(request, context));
  } else {
    log.debug("twofactorrecover: execute: User chose not to continue");
    await writeText(io.stdout, DECLINED);
  }
  return EMPTY_SESSION_DATA;
}

/** @returns What the user is shown, good or bad. */
async function makeCodes(
  { identity }: CommandRequest,
  { api, log, signal }: CommandContext,
): Promise<string> {
  try {
    const codes = await api.recoveryCodes(identity, signal);
    log.debug(
      "twofactorrecover: displayRecoveryCodes: recovery codes successfully generated",
    );
    return BEFORE_CODES + codes.join("\n") + AFTER_CODES;
  } catch (error) {
    const error_message = errorText(error);
    log.error(
      "twofactorrecover: displayRecoveryCodes: failed to generate recovery codes",
      { error_message },
    );
    return `${FAILED}${error_message}\n`;
  }
}
