/**
 * `get-object`: one object, from GitLab to the client as it comes.
 * @module
 */
import { isSuccess } from "../../api/lfs_client.ts";
import type { WebAnswer } from "../../api/web_client.ts";
import { errorChainText } from "../../core/errors.ts";
import { type Arguments, parseInt64 } from "./arguments.ts";
import { startHash } from "./object_hash.ts";
import { formatStatus } from "./packet_writer.ts";
import { TransferError } from "./transfer_error.ts";
import { readArguments, type TransferSession } from "./transfer_session.ts";

/** Runs the command; its reply is written as the object comes in. */
export async function runGetObject(
  [, oid]: readonly string[],
  session: TransferSession,
): Promise<undefined> {
  if (oid === undefined) throw new TransferError(400, "bad request");
  const args = await readArguments(session);
  const use = { operation: "download", oid } as const;
  const action = await session.tokens.check(args, use);
  using answer = await session.lfs.download(action);
  if (!isSuccess(answer.head.status)) {
    throw new TransferError(404, `object ${oid} not found`);
  }
  const { writer } = session;
  writer.addText(formatStatus(200));
  writer.addText(`size=${findSize(answer, args)}`);
  await writer.writeDelim();
  await copyObject(oid, answer, session);
  await writer.writeFlush();
}

/** The length that was announced, else what the client expects, else -1. */
function findSize(
  { head: { contentLength } }: WebAnswer,
  args: Arguments,
): string {
  const size = contentLength ?? parseInt64(args.get("size") ?? "") ?? -1;
  return String(size);
}

/**
 * Passes the object on, whatever it is: the client checks it by its hash, and
 * there is no way left to tell it of a fault. The operator is told.
 */
async function copyObject(
  oid: string,
  answer: WebAnswer,
  { data, log }: TransferSession,
): Promise<void> {
  const hash = await startHash();
  for (;;) {
    let piece: Uint8Array | null;
    try {
      piece = await answer.read();
    } catch (error) {
      log.warn("lfstransfer: download broke off", {
        oid,
        error_message: errorChainText(error),
      });
      return await data.finish();
    }
    if (piece === null) break;
    hash.update(piece);
    await data.write(piece);
  }
  await data.finish();
  const digest = hash.digest("hex");
  if (digest !== oid) {
    log.error("lfstransfer: object is corrupt", { oid, sha256: digest });
  }
}
