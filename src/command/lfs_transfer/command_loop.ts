/**
 * The commands of a session, one after the other. A command that is refused
 * early leaves its packets behind, and each of them is then a command that
 * nobody knows: so it is with the reference, and clients count on replies.
 * Source: git-lfs-transfer as GitLab Shell 14.56.1 has it.
 * @module
 */
import { WebFailure } from "../../api/web_attempts.ts";
import { errorChainText, ProtocolError } from "../../core/errors.ts";
import { runBatch } from "./batch.ts";
import { runGetObject } from "./get_object.ts";
import { runListLocks } from "./list_locks.ts";
import { runLock, runUnlock } from "./locks.ts";
import type { Reply } from "./packet_writer.ts";
import { runPutObject } from "./put_object.ts";
import { internalError, TransferError } from "./transfer_error.ts";
import type {
  RunTransferCommand,
  TransferSession,
} from "./transfer_session.ts";
import { runVerifyObject } from "./verify_object.ts";
import { runVersion } from "./version.ts";

/** A Map, so that `constructor` is as unknown as any other word. */
const COMMANDS: ReadonlyMap<string, RunTransferCommand> = new Map<
  string,
  RunTransferCommand
>([
  ["version", runVersion],
  ["batch", runBatch],
  ["get-object", runGetObject],
  ["put-object", runPutObject],
  ["verify-object", runVerifyObject],
  ["lock", runLock],
  ["unlock", runUnlock],
  ["list-lock", runListLocks],
  ["list-locks", runListLocks],
]);
const CAPABILITIES = ["version=1", "locking"];

/**
 * Greets the client and does what it asks, until it quits or its input ends.
 * @throws {PacketFault} If what stands where a command should is no packet.
 * @throws {Error} What standard output failed with.
 */
export async function serveCommands(session: TransferSession): Promise<void> {
  const { reader, writer } = session;
  for (const capability of CAPABILITIES) writer.addText(capability);
  await writer.writeFlush();
  for (;;) {
    const { kind, text } = await reader.readText();
    if (kind === "end") return;
    const words = text.split(" ");
    if (words[0] === "quit") return await writer.writeReply({ status: 200 });
    const reply = await answer(words, session);
    if (reply) await writer.writeReply(reply);
  }
}

async function answer(
  words: readonly string[],
  session: TransferSession,
): Promise<Reply | undefined> {
  const [word = ""] = words;
  try {
    const run = COMMANDS.get(word);
    if (!run) throw new TransferError(400, "unknown command");
    return await run(words, session);
  } catch (error) {
    const told = asTransferError(error);
    if (told.cause !== undefined) {
      session.log.warn("lfstransfer: command failed", {
        command: word,
        error_message: errorChainText(told.cause),
      });
    }
    return { status: told.status, lines: [told.message] };
  }
}

/** @throws {unknown} What is no fault of client or GitLab. */
function asTransferError(error: unknown): TransferError {
  if (error instanceof TransferError) return error;
  if (error instanceof WebFailure || error instanceof ProtocolError) {
    return internalError(error);
  }
  throw error;
}
