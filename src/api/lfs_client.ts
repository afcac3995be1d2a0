/**
 * GitLab's LFS API over HTTP, at the address that `/lfs_authenticate` named.
 * Source: GitLab Shell 14.56.1, lfstransfer client; Git LFS, docs/api.
 * @module
 */
import { BODY_BYTES_MAX } from "./attempt.ts";
import type { HeaderLine } from "./http1_request.ts";
import {
  decodeBatch,
  encodeBatch,
  type LfsAction,
  type LfsBatch,
  type LfsBatchObject,
} from "./lfs_batch.ts";
import {
  decodeLock,
  decodeLockList,
  encodeLock,
  encodeLockId,
  encodeUnlock,
  encodeVerify,
  formatVerifyQuery,
  type LfsLock,
  type LfsLockFilter,
  type LfsLockList,
} from "./lfs_locks.ts";
import { WebFailure } from "./web_attempts.ts";
import type { WebRequest } from "./web_call.ts";
import { readWholeBody, type WebAnswer, type WebClient } from "./web_client.ts";

/** What a request about one lock is answered with. */
export interface LockAnswer {
  readonly status: number;
  /** Absent where the answer has none, or its status is no success. */
  readonly lock: LfsLock | undefined;
}

/** Where the API is. */
export interface LfsPlace {
  /** `https://gitlab.example/group/project.git/info/lfs` */
  readonly href: string;
  /** Value of `Authorization`, asked for before each call. */
  authorization(): Promise<string>;
}

const JSON_TYPE: HeaderLine = ["Content-Type", "application/vnd.git-lfs+json"];
/**
 * What the client of HTTP decides itself. GitLab's upload actions really name
 * a transfer coding, which must not stand beside a length.
 */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);
const encoder = new TextEncoder();

/**
 * Calls of one session. Failures of each: a `WebFailure` if there is no usable
 * answer, a `ProtocolError` if an answer is not what it should be.
 */
export class LfsClient {
  readonly web: WebClient;
  readonly #place: LfsPlace;

  constructor(web: WebClient, place: LfsPlace) {
    this.web = web;
    this.#place = place;
  }

  /** @throws {WebFailure | ProtocolError} As above; every refusal. */
  async batch(batch: LfsBatch): Promise<LfsBatchObject[]> {
    using answer = await this.#post("/objects/batch", encodeBatch(batch));
    const { status } = answer.head;
    if (status > 399) throw new WebFailure(`Batch was answered ${status}`);
    return decodeBatch(await readJson(answer), batch.operation);
  }

  /** Asks for a lock; a conflict's lock is that of somebody else. */
  lock(path: string, refname: string): Promise<LockAnswer> {
    return this.#askLock("/locks", encodeLock(path, refname));
  }

  /** Gives a lock back. */
  async unlock(
    id: string,
    { isForced, refname }: { isForced: boolean; refname: string },
  ): Promise<LockAnswer> {
    const part = encodeLockId(id);
    if (part === undefined) return { status: 404, lock: undefined };
    return await this.#askLock(
      `/locks/${part}/unlock`,
      encodeUnlock(isForced, refname),
    );
  }

  /**
   * Lists locks. A refusal in JSON is an empty list, as for the reference:
   * whoever may not push has no locks to verify.
   */
  async listLocks(filter: LfsLockFilter): Promise<LfsLockList> {
    const path = `/locks/verify${formatVerifyQuery(filter)}`;
    using answer = await this.#post(path, encodeVerify(filter));
    return decodeLockList(await readJson(answer));
  }

  /** Asks for an object; the answer's body is the object if its status is 2xx. */
  download(action: LfsAction): Promise<WebAnswer> {
    return this.web.call(formatObjectRequest("GET", action));
  }

  /** Sends a whole object. @returns The status. */
  async upload(action: LfsAction, body: Uint8Array): Promise<number> {
    const request = { ...formatObjectRequest("PUT", action), body };
    using answer = await this.web.call(request);
    return answer.head.status;
  }

  async #askLock(path: string, text: string): Promise<LockAnswer> {
    using answer = await this.#post(path, text);
    const { status } = answer.head;
    const isLock = isSuccess(status) || status === 409;
    const lock = isLock ? decodeLock(await readJson(answer)) : undefined;
    return { status, lock };
  }

  async #post(path: string, text: string): Promise<WebAnswer> {
    const authorization = await this.#place.authorization();
    return await this.web.call({
      method: "POST",
      url: this.#place.href + path,
      headers: [JSON_TYPE, ["Authorization", authorization]],
      body: encoder.encode(text),
    });
  }
}

function readJson(answer: WebAnswer): Promise<Uint8Array> {
  return readWholeBody(answer, BODY_BYTES_MAX);
}

/** Whether a status is one of success. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** The request for an object, with the headers of its action alone. */
export function formatObjectRequest(
  method: "GET" | "PUT",
  { href, headers }: LfsAction,
): WebRequest {
  return {
    method,
    url: href,
    headers: Object.entries(headers)
      .filter(([name]) => !OWN_HEADERS.has(name.toLowerCase())),
  };
}
