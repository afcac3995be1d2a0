/**
 * `version`: the client says which protocol it speaks.
 * @module
 */
import type { Reply } from "./packet_writer.ts";
import { internalError, TransferError } from "./transfer_error.ts";
import { readTexts, type TransferSession } from "./transfer_session.ts";

/** Runs the command; what follows an unknown version is not read. */
export async function runVersion(
  [, version]: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  if (version !== "1") throw new TransferError(400, "unknown version");
  try {
    await readTexts(session, "flush");
  } catch (error) {
    throw error instanceof TransferError ? internalError(error) : error;
  }
  return { status: 200, lines: [] };
}
