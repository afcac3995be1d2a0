/**
 * `lock` and `unlock`.
 * @module
 */
import type { LfsLock } from "../../api/lfs_locks.ts";
import { isSuccess, type LockAnswer } from "../../api/lfs_client.ts";
import type { Reply } from "./packet_writer.ts";
import { internalError, TransferError } from "./transfer_error.ts";
import { findLock } from "./list_locks.ts";
import { readArguments, type TransferSession } from "./transfer_session.ts";

/** Runs `lock`. */
export async function runLock(
  _words: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  const args = await readArguments(session);
  const path = args.get("path") ?? "";
  if (path === "") throw internalError();
  const answer = await session.lfs.lock(path, args.get("refname") ?? "");
  if (answer.status === 409) {
    // The reference crashes where GitLab does not say whose lock it is.
    const lock = answer.lock ?? await findLock(path, session);
    if (!lock) throw internalError(new Error("Conflict without a lock"));
    return { status: 409, args: formatLock(lock), lines: ["conflict"] };
  }
  return { status: 201, args: formatLock(expectLock(answer)) };
}

/** Runs `unlock`. */
export async function runUnlock(
  [, id]: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  if (id === undefined) throw new TransferError(400, "unknown command");
  const args = await readArguments(session);
  const answer = await session.lfs.unlock(id, {
    isForced: args.get("force") === "true",
    refname: args.get("refname") ?? "",
  });
  return { status: 200, args: formatLock(expectLock(answer)) };
}

function expectLock({ status, lock }: LockAnswer): LfsLock {
  if (status === 403) throw new TransferError(403, "error: forbidden");
  if (status === 404) throw new TransferError(404, "error: not found");
  if (lock && isSuccess(status)) return lock;
  throw internalError(new Error(`Lock was answered ${status}`));
}

function formatLock({ id, path, lockedAt, ownerName }: LfsLock): string[] {
  return [
    `id=${id}`,
    `path=${path}`,
    `locked-at=${lockedAt}`,
    `ownername=${ownerName}`,
  ];
}
