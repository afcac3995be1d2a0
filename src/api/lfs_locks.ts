/**
 * LFS file locks, asked about and answered. Pure.
 * Source: Git LFS, docs/api/locking.md; GitLab Shell 14.56.1, lfstransfer client.
 * @module
 */
import { ProtocolError } from "../core/errors.ts";
import { stringifyGoJson } from "../core/go_text.ts";
import { encodeQuery } from "./base_url.ts";
import { readFields, toText } from "./go_fields.ts";
import { type JsonValue, parseFirstJson } from "./go_json.ts";
import { cutToSeconds, ZERO_TIME } from "./go_time.ts";

/** One lock. */
export interface LfsLock {
  readonly id: string;
  readonly path: string;
  /** RFC 3339, whole seconds. */
  readonly lockedAt: string;
  /** Empty if GitLab did not say. */
  readonly ownerName: string;
}

/** The locks of a project by whose they are, in GitLab's order. */
export interface LfsLockList {
  readonly ours: readonly LfsLock[];
  readonly theirs: readonly LfsLock[];
  /** Where the next page begins; empty for none. */
  readonly nextCursor: string;
}

/** Which locks are wanted. */
export interface LfsLockFilter {
  /** Empty for any. */
  readonly path: string;
  readonly id: string;
  readonly cursor: string;
  readonly limit: number;
  readonly refname: string;
}

const ref = (refname: string) =>
  refname === "" ? {} : { ref: { name: refname } };

/** The body that asks for a lock. */
export function encodeLock(path: string, refname: string): string {
  return stringifyGoJson({ path, ...ref(refname) });
}

/** The body that gives one back. */
export function encodeUnlock(isForced: boolean, refname: string): string {
  return stringifyGoJson({ force: isForced, ...ref(refname) });
}

/** The body that asks whose locks there are. */
export function encodeVerify(filter: LfsLockFilter): string {
  const { cursor, limit, refname } = filter;
  return stringifyGoJson({
    ...(cursor !== "" && { cursor }),
    limit,
    ref: refname === "" ? {} : { name: refname },
  });
}

/** Its query, with a question mark, or nothing. */
export function formatVerifyQuery({ id, path }: LfsLockFilter): string {
  const query = encodeQuery({
    ...(id !== "" && { id }),
    ...(path !== "" && { path }),
  });
  return query === "" ? "" : `?${query}`;
}

/**
 * Makes a lock's id one part of a path. The reference inserts it as it is, so
 * that a client could name another endpoint.
 * @returns `undefined` if no path can hold it.
 */
export function encodeLockId(id: string): string | undefined {
  if (id === "." || id === "..") return undefined;
  return encodeURIComponent(id.toWellFormed());
}

/**
 * Reads the lock in an answer to a lock or an unlock, or in a conflict.
 * @returns `undefined` if there is none.
 * @throws {ProtocolError} If the body is not what GitLab answers.
 */
export function decodeLock(body: Uint8Array): LfsLock | undefined {
  let lock: LfsLock | undefined;
  readFields(parseFirstJson(body), {
    lock: (value) => lock = readLock(value),
    message: (value) => void toText(value),
  });
  return lock;
}

/** @throws {ProtocolError} If the body is no JSON object, or `null`. */
export function decodeLockList(body: Uint8Array): LfsLockList {
  let ours: LfsLock[] = [];
  let theirs: LfsLock[] = [];
  let nextCursor = "";
  readFields(parseFirstJson(body), {
    ours: (value) => ours = readLocks(value),
    theirs: (value) => theirs = readLocks(value),
    next_cursor: (value) => nextCursor = toText(value),
  });
  return { ours, theirs, nextCursor };
}

function readLocks(value: JsonValue): LfsLock[] {
  if (!Array.isArray(value)) throw new ProtocolError("Field is no array", 0);
  return value.filter((item: JsonValue) => item !== null).map(readLock);
}

function readLock(value: JsonValue): LfsLock {
  const lock = { id: "", path: "", lockedAt: ZERO_TIME, ownerName: "" };
  readFields(value, {
    id: (member) => lock.id = toText(member),
    path: (member) => lock.path = toText(member),
    locked_at: (member) => lock.lockedAt = cutToSeconds(toText(member)),
    owner: (member) =>
      readFields(member, { name: (name) => lock.ownerName = toText(name) }),
  });
  return lock;
}
