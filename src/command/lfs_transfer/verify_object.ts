/**
 * `verify-object`: GitLab has checked the object when it took it, so there is
 * nothing left to ask.
 * @module
 */
import { quoteGo } from "../../core/go_text.ts";
import { parseInt64 } from "./arguments.ts";
import type { Reply } from "./packet_writer.ts";
import { parseError, TransferError } from "./transfer_error.ts";
import { readArguments, type TransferSession } from "./transfer_session.ts";

/** Runs the command. */
export async function runVerifyObject(
  [, oid]: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  if (oid === undefined) throw new TransferError(400, "bad request");
  const size = (await readArguments(session)).get("size");
  if (size === undefined) throw parseError("missing required size header");
  if (parseInt64(size) === undefined) {
    const fault = /^[+-]?[0-9]+$/.test(size)
      ? "value out of range"
      : "invalid syntax";
    throw parseError(
      `invalid size: strconv.ParseInt: parsing ${quoteGo(size)}: ${fault}`,
    );
  }
  return { status: 200 };
}
