/**
 * Where the data of an upload goes while it is being checked.
 * @module
 */
import type { Hash } from "node:crypto";
import type { LfsAction } from "../../api/lfs_batch.ts";
import { formatObjectRequest } from "../../api/lfs_client.ts";
import { WebUpload } from "../../api/web_upload.ts";
import type { TransferSession } from "./transfer_session.ts";
import { UPLOAD_MEMORY_BYTES } from "./upload_memory.ts";

/** Takes an object's bytes, and lets go of them only when they are right. */
export interface UploadSink extends Disposable {
  /** Takes more; never more than the announced size in all. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sees to it that all that was written is in the hash; nothing is written after it. */
  hashAll(): void;
  /**
   * Makes the upload complete, once everything was found to be right.
   * @returns GitLab's status.
   * @throws {WebFailure} If there is no answer that counts.
   */
  finish(): Promise<number>;
}

/** What is announced of an object. */
export interface UploadAnnouncement {
  readonly oid: string;
  readonly size: bigint;
  readonly action: LfsAction;
  /** Fed by the sink, in large pieces: a call for each packet costs more. */
  readonly hash: Hash;
}

const OID = /^[0-9a-f]{64}$/;

/** Chooses by what was announced. */
export function openUploadSink(
  { oid, size, action, hash }: UploadAnnouncement,
  { lfs, memory }: TransferSession,
): UploadSink {
  // No data at all can match these, so nobody needs to hear of them.
  const canMatch = OID.test(oid) && size >= 0n &&
    size <= BigInt(Number.MAX_SAFE_INTEGER);
  if (!canMatch) return new NoUpload(hash);
  const sizeBytes = Number(size);
  if (sizeBytes <= UPLOAD_MEMORY_BYTES) {
    const bytes = memory.reserve(sizeBytes);
    const send = (body: Uint8Array) => lfs.upload(action, body);
    return new WholeUpload(bytes, hash, send);
  }
  const upload = new WebUpload(lfs.web.options, {
    request: formatObjectRequest("PUT", action),
    sizeBytes,
    replay: memory.reserve(UPLOAD_MEMORY_BYTES),
    onBytes: (bytes) => hash.update(bytes),
  });
  return {
    write: (bytes) => upload.write(bytes),
    hashAll: () => upload.tellAll(),
    finish: () => upload.finish(),
    [Symbol.dispose]: () => upload[Symbol.dispose](),
  };
}

/** Keeps a small object until it is known to be right. */
class WholeUpload implements UploadSink {
  readonly #bytes: Uint8Array;
  readonly #hash: Hash;
  readonly #upload: (body: Uint8Array) => Promise<number>;
  #sizeBytes = 0;
  #hashedBytes = 0;

  constructor(
    bytes: Uint8Array,
    hash: Hash,
    upload: (body: Uint8Array) => Promise<number>,
  ) {
    this.#bytes = bytes;
    this.#hash = hash;
    this.#upload = upload;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#bytes.set(bytes, this.#sizeBytes);
    this.#sizeBytes += bytes.length;
    return Promise.resolve();
  }

  hashAll(): void {
    this.#hash.update(this.#bytes.subarray(this.#hashedBytes, this.#sizeBytes));
    this.#hashedBytes = this.#sizeBytes;
  }

  finish(): Promise<number> {
    return this.#upload(this.#bytes.subarray(0, this.#sizeBytes));
  }

  [Symbol.dispose](): void {}
}

/** Hashes and forgets everything; it is never found to be right. */
class NoUpload implements UploadSink {
  readonly #hash: Hash;

  constructor(hash: Hash) {
    this.#hash = hash;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    return Promise.resolve();
  }

  hashAll(): void {}

  finish(): Promise<number> {
    return Promise.reject(new TypeError("No object can be right here"));
  }

  [Symbol.dispose](): void {}
}
