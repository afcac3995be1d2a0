/**
 * What becomes of an error in a session: words for the user, an exit status,
 * and whether it counts against us. Pure.
 * Source: GitLab Shell 14.56.1, sshd session and connection.
 * @module
 */
import { formatWarningBlock } from "../core/console_message.ts";
import {
  ApiError,
  DisallowedCommandError,
  errorText,
  GitalyError,
  GRPC_CODE,
} from "../core/errors.ts";
import { ChannelClosedError, StalledReaderError } from "./channel.ts";

/** Parts of an internal error of Gitaly that a client caused. */
const CLIENT_FAULTS = [
  'exit status 128, stderr: "fatal: git upload-pack: not our ref ',
  "signal: broken pipe",
] as const;
/** A client that went away while it was being answered. */
const CLIENT_LEFT = "copy response: EOF";

/** Frames a message for the user; it ends its own line and so does the frame. */
export function formatSessionError(text: string): string {
  return formatWarningBlock([`ERROR: ${text}\n`]);
}

/**
 * The text that a failed command leaves for the user.
 * @returns `undefined` for an internal error of Gitaly: git's own words have
 * already been passed on, and the rest is not for strangers.
 */
export function sessionErrorText(error: unknown): string | undefined {
  if (!(error instanceof GitalyError)) return errorText(error);
  return error.code === GRPC_CODE.internal ? undefined : error.details;
}

/**
 * Whether a failed command is our fault, or that of a server behind us.
 * Refusals, and clients that leave, are neither.
 */
export function isSessionFault(error: unknown): boolean {
  if (error instanceof DisallowedCommandError) return false;
  if (error instanceof ChannelClosedError) return false;
  if (error instanceof StalledReaderError) return false;
  if (errorText(error).includes(CLIENT_LEFT)) return false;
  if (error instanceof ApiError) return error.kind === "system";
  if (!(error instanceof GitalyError)) return true;
  const { canceled, unavailable, internal } = GRPC_CODE;
  if (error.code === canceled || error.code === unavailable) return false;
  return error.code !== internal ||
    !CLIENT_FAULTS.some((part) => error.details.includes(part));
}
