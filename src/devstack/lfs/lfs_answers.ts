/**
 * What GitLab answers to LFS requests that carry JSON: batches and locks.
 * Source: GitLab Rails, app/controllers/repositories/lfs_api_controller.rb and
 * lfs_locks_api_controller.rb.
 * @module
 */
import type { ApiAnswer } from "../api/endpoint.ts";
import type { DevProject } from "../api/directory.ts";
import type { LfsRoute } from "./lfs_route.ts";
import type { DevLock, LockTable } from "./lock_table.ts";
import type { ObjectStore } from "./object_store.ts";

/** A request whose sender is known. */
export interface LfsRequest {
  readonly route: LfsRoute;
  readonly body: Readonly<Record<string, unknown>>;
  readonly project: DevProject;
  readonly username: string;
  readonly canPush: boolean;
}

/** What answers are made from. */
export interface LfsState {
  readonly store: ObjectStore;
  readonly locks: LockTable;
  /** GitLab itself ignores the filters of a list and gives no pages. */
  honoursLockFilters: boolean;
}

/** Where objects are, and what opens the door to them. */
export interface ObjectDoor {
  readonly projectUrl: string;
  readonly authorization: string;
}

const MISSING =
  "Object does not exist on the server or you don't have permissions to access it";
const DOCUMENTATION = "https://gitlab.example/help/topics/git/lfs/_index";
const PAGE = 2;

/** An answer that is only a message. */
export function refuse(status: number, message: string): ApiAnswer {
  return { status, body: { message, documentation_url: DOCUMENTATION } };
}

/** Answers `POST /info/lfs/objects/batch`. */
export async function answerBatch(
  request: LfsRequest,
  { store }: LfsState,
  door: ObjectDoor,
): Promise<ApiAnswer> {
  const { operation, objects } = request.body;
  if (!Array.isArray(objects) || objects.length === 0) {
    return refuse(404, "Not found.");
  }
  if (operation !== "download" && operation !== "upload") {
    return refuse(404, "Not found.");
  }
  if (operation === "upload" && !request.canPush) {
    return refuse(403, "You don't have permission to push.");
  }
  const { project } = request;
  const limit = project.pushSizeBytesMax ?? Infinity;
  const total = objects.reduce((sum, each) => sum + Number(each.size), 0);
  if (operation === "upload" && total > limit) {
    return refuse(406, "Your push is larger than the limit.");
  }
  const answers = [];
  for (const { oid, size } of objects) {
    const isThere = await store.sizeOf(project.id, String(oid)) !== undefined;
    answers.push({
      oid,
      size,
      ...(operation === "upload"
        ? describeUpload({ oid, size, isThere }, door)
        : describeDownload({ oid, isThere }, door)),
    });
  }
  return { status: 200, body: { objects: answers } };
}

function describeUpload(
  { oid, size, isThere }: { oid: unknown; size: unknown; isThere: boolean },
  { projectUrl, authorization }: ObjectDoor,
): Record<string, unknown> {
  if (isThere) return {};
  const href = `${projectUrl}/gitlab-lfs/objects/${oid}/${size}`;
  const header = {
    Authorization: authorization,
    "Content-Type": "application/octet-stream",
    // GitLab really says so.
    "Transfer-Encoding": "chunked",
  };
  return { actions: { upload: { href, header } } };
}

function describeDownload(
  { oid, isThere }: { oid: unknown; isThere: boolean },
  { projectUrl, authorization }: ObjectDoor,
): Record<string, unknown> {
  if (!isThere) return { error: { code: 404, message: MISSING } };
  const href = `${projectUrl}/gitlab-lfs/objects/${oid}`;
  const header = { Authorization: authorization };
  return { actions: { download: { href, header } }, authenticated: true };
}

/** Answers `POST /info/lfs/locks`. */
export function answerLock(
  { body, project, username, canPush }: LfsRequest,
  { locks }: LfsState,
): ApiAnswer {
  if (!canPush) return refuse(403, "You must have push access to create locks");
  const path = String(body["path"] ?? "");
  if (path === "") return refuse(500, "Path can't be blank");
  const { lock, isNew } = locks.add(project.id, { path, username });
  if (isNew) return { status: 201, body: { lock: describeLock(lock) } };
  return {
    status: 409,
    body: {
      lock: describeLock(lock),
      message: "already locked",
      documentation_url: DOCUMENTATION,
    },
  };
}

/** Answers `POST /info/lfs/locks/<id>/unlock`. */
export function answerUnlock(
  { route, body, project, username, canPush }: LfsRequest,
  { locks }: LfsState,
): ApiAnswer {
  if (!canPush) return refuse(403, "You must have push access to delete locks");
  const lock = locks.find(project.id, route.id);
  if (!lock) return refuse(404, "No lock could be found");
  // Force would want a maintainer, which nobody is here.
  if (lock.username !== username) {
    const why = body["force"] === true
      ? "You must have maintainer access to force delete a lock"
      : `'${lock.path}' is locked by @${lock.username}`;
    return refuse(403, why);
  }
  locks.remove(lock);
  return { status: 200, body: { lock: describeLock(lock) } };
}

/** Answers `POST /info/lfs/locks/verify`. */
export function answerVerify(
  request: LfsRequest,
  state: LfsState,
): ApiAnswer {
  const { project, username, canPush } = request;
  if (!canPush) return refuse(403, "You must have push access to verify locks");
  const all = state.locks.of(project.id);
  const { page, nextCursor } = state.honoursLockFilters
    ? choosePage(all, request)
    : { page: all, nextCursor: undefined };
  return {
    status: 200,
    body: {
      ours: page.filter((lock) => lock.username === username)
        .map(describeLock),
      theirs: page.filter((lock) => lock.username !== username)
        .map(describeLock),
      ...(nextCursor !== undefined && { next_cursor: nextCursor }),
    },
  };
}

/** What a server does that takes the specification of LFS at its word. */
function choosePage(
  all: readonly DevLock[],
  { route: { query }, body }: LfsRequest,
): { page: DevLock[]; nextCursor: string | undefined } {
  const path = query.get("path");
  const id = query.get("id");
  const from = Number(body["cursor"] ?? 0);
  const found = all.filter((lock) =>
    (path === null || lock.path === path) &&
    (id === null || String(lock.id) === id) && lock.id >= from
  );
  const limit = Number(body["limit"] ?? PAGE);
  const next = found[limit];
  return {
    page: found.slice(0, limit),
    nextCursor: next && String(next.id),
  };
}

function describeLock(lock: DevLock): Record<string, unknown> {
  return {
    id: String(lock.id),
    path: lock.path,
    locked_at: lock.lockedAt,
    owner: { name: lock.username },
  };
}
