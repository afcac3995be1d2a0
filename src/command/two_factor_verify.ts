/**
 * `2fa_verify`: a one-time password, typed or approved on the user's phone,
 * whichever comes first. The whole dialogue is on standard output.
 * Source: GitLab Shell 14.56.1, twofactorverify.
 * @module
 */
import { Deadline, isTimeout } from "../core/deadline.ts";
import { errorText } from "../core/errors.ts";
import { writeText } from "../core/io.ts";
import type { CommandContext, CommandRequest, SessionData } from "./command.ts";
import { readWord } from "./read_word.ts";
import { EMPTY_SESSION_DATA } from "./session_data.ts";

/** From the prompt to the result, requests included. */
const TIMEOUT_MS = 30_000;
const OTP_BYTES_MAX = 64;
const PROMPT = "OTP: ";
const ALLOWED = "Git operations are now allowed.";
const PUSH_RESULT = `OTP has been validated by Push Authentication. ${ALLOWED}`;
const MANUAL_RESULT = `OTP validation successful. ${ALLOWED}`;
const FAILED = "OTP validation failed: ";

/** @throws {Error} As `verifyTwoFactor`. */
export function run(
  request: CommandRequest,
  context: CommandContext,
): Promise<SessionData> {
  return verifyTwoFactor(request, context, TIMEOUT_MS);
}

/**
 * Asks user and phone at once, and tells what came of it.
 * @param timeoutMs Until there must be a result.
 * @throws {Error} `error creating http client: …`, before anything is printed;
 * what standard output failed with.
 */
export async function verifyTwoFactor(
  request: CommandRequest,
  context: CommandContext,
  timeoutMs: number,
): Promise<SessionData> {
  const { api, io, log } = context;
  api.checkBase();
  using deadline = new Deadline(timeoutMs, context.signal);
  await writeText(io.stdout, PROMPT);
  const result = await firstResult(request, context, deadline.signal);
  log.info("Two factor verify command finished", { message: result });
  await writeText(io.stdout, `\n${result}\n`);
  return EMPTY_SESSION_DATA;
}

/** @returns The first result; what else is under way is called off. */
async function firstResult(
  request: CommandRequest,
  context: CommandContext,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const calls = new AbortController();
  const giveUp = () => {
    // First: the calls would say that GitLab cannot be reached.
    resolve(FAILED + givenUpText(signal.reason));
    calls.abort(signal.reason);
  };
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  context.api.checkPush(request.identity, calls.signal)
    .then(() => resolve(PUSH_RESULT), () => {});
  checkTyped(request, context, calls.signal).then(resolve);
  const result = await promise;
  signal.removeEventListener("abort", giveUp);
  calls.abort(new Error("Another result came first"));
  return result;
}

/** @returns The result of what the user types; never rejects. */
async function checkTyped(
  { identity }: CommandRequest,
  { api, io, log }: CommandContext,
  signal: AbortSignal,
): Promise<string> {
  try {
    const { word, problem } = await readWord(io.stdin, OTP_BYTES_MAX);
    if (problem !== undefined) {
      log.debug("twofactorverify: getOTP: Failed to get user input", {
        error_message: problem,
      });
    }
    // The reference asks GitLab about it all the same, which may count as a
    // failed attempt.
    if (word === "") return `${FAILED}OTP cannot be blank`;
    // What is typed once there is a result must not be used up.
    signal.throwIfAborted();
    await api.checkOtp(identity, word, signal);
    return MANUAL_RESULT;
  } catch (error) {
    return FAILED + errorText(error);
  }
}

/** Go's words for the two ways in which a context ends. */
function givenUpText(reason: unknown): string {
  return isTimeout(reason) ? "context deadline exceeded" : "context canceled";
}
