/**
 * `list-lock`, and `list-locks`, as older clients call it.
 * @module
 */
import type { LfsLock, LfsLockFilter } from "../../api/lfs_locks.ts";
import type { Arguments } from "./arguments.ts";
import type { Reply } from "./packet_writer.ts";
import { TransferError } from "./transfer_error.ts";
import { readArguments, type TransferSession } from "./transfer_session.ts";

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;

/** Runs the command. */
export async function runListLocks(
  _words: readonly string[],
  session: TransferSession,
): Promise<Reply> {
  const args = await readArguments(session);
  const path = args.get("path") ?? "";
  return path === ""
    ? await listAll(args, session)
    : await listOne(path, args.get("cursor") ?? "", session);
}

/**
 * Finds the lock of one path. GitLab ignores the filter and answers all locks
 * of the project; the reference then takes whatever came as the one.
 */
export async function findLock(
  path: string,
  { lfs }: TransferSession,
): Promise<LfsLock | undefined> {
  const filter = { path, id: "", cursor: "", limit: 1, refname: "" };
  const { ours, theirs } = await lfs.listLocks(filter);
  return [...ours, ...theirs].find((lock) => lock.path === path);
}

async function listOne(
  path: string,
  cursor: string,
  session: TransferSession,
): Promise<Reply> {
  const filter = { path, id: "", cursor: "", limit: 1, refname: "" };
  const { ours, theirs } = await session.lfs.listLocks(filter);
  const isWanted = (lock: LfsLock) => lock.path === path && lock.id >= cursor;
  const found = formatLocks({
    ours: ours.filter(isWanted),
    theirs: theirs.filter(isWanted),
    limit: 1,
  }, session);
  if (found.length > 0) return { status: 200, lines: found };
  throw new TransferError(404, `lock for path ${path} not found`);
}

async function listAll(
  args: Arguments,
  session: TransferSession,
): Promise<Reply> {
  const filter: LfsLockFilter = {
    path: "",
    id: args.get("id") ?? "",
    cursor: args.get("cursor") ?? "",
    limit: parseLimit(args.get("limit") ?? ""),
    refname: args.get("refname") ?? "",
  };
  const { limit } = filter;
  const { ours, theirs, nextCursor } = await session.lfs.listLocks(filter);
  // Of a list that was cut no page can follow: GitLab ignores the cursor, and
  // the client would ask for the same page for ever.
  const isCut = ours.length + theirs.length > limit;
  const hasNext = nextCursor !== "" && !isCut;
  return {
    status: 200,
    args: hasNext ? [`next-cursor=${nextCursor}`] : [],
    lines: formatLocks({ ours, theirs, limit }, session),
  };
}

/** Anything that is no number of locks means the usual one. */
function parseLimit(text: string): number {
  const limit = /^[+]?[0-9]{1,18}$/.test(text) ? Number(text) : 0;
  return limit <= 0 ? LIMIT_DEFAULT : Math.min(limit, LIMIT_MAX);
}

function formatLocks(
  { ours, theirs, limit }: {
    readonly ours: readonly LfsLock[];
    readonly theirs: readonly LfsLock[];
    readonly limit: number;
  },
  { operation }: TransferSession,
): string[] {
  const owned = [
    ...ours.map((lock) => ({ lock, owner: "ours" })),
    ...theirs.map((lock) => ({ lock, owner: "theirs" })),
  ];
  return owned.slice(0, limit).flatMap(({ lock, owner }) => [
    `lock ${lock.id}`,
    `path ${lock.id} ${lock.path}`,
    `locked-at ${lock.id} ${lock.lockedAt}`,
    `ownername ${lock.id} ${lock.ownerName}`,
    ...(operation === "upload" ? [`owner ${lock.id} ${owner}`] : []),
  ]);
}
