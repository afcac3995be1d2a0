/**
 * Where the data of an upload goes while it is being checked.
 * @module
 */
import type { LfsAction } from "../../api/lfs_batch.ts";
import { formatObjectRequest } from "../../api/lfs_client.ts";
import { WebUpload } from "../../api/web_upload.ts";
import type { TransferSession } from "./transfer_session.ts";
import { UPLOAD_MEMORY_BYTES } from "./upload_memory.ts";

/** Takes an object's bytes, and lets go of them only when they are right. */
export interface UploadSink extends Disposable {
  /** Takes more; never more than the announced size in all. */
  write(bytes: Uint8Array): Promise<void>;
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
}

const OID = /^[0-9a-f]{64}$/;

/** Chooses by what was announced. */
export function openUploadSink(
  { oid, size, action }: UploadAnnouncement,
  { lfs, memory }: TransferSession,
): UploadSink {
  // No data at all can match these, so nobody needs to hear of them.
  const canMatch = OID.test(oid) && size >= 0n &&
    size <= BigInt(Number.MAX_SAFE_INTEGER);
  if (!canMatch) return new NoUpload();
  const sizeBytes = Number(size);
  if (sizeBytes <= UPLOAD_MEMORY_BYTES) {
    const bytes = memory.reserve(sizeBytes);
    return new WholeUpload(bytes, (body) => lfs.upload(action, body));
  }
  return new WebUpload(lfs.web.options, {
    request: formatObjectRequest("PUT", action),
    sizeBytes,
    replay: memory.reserve(UPLOAD_MEMORY_BYTES),
  });
}

/** Keeps a small object until it is known to be right. */
class WholeUpload implements UploadSink {
  readonly #bytes: Uint8Array;
  readonly #upload: (body: Uint8Array) => Promise<number>;
  #sizeBytes = 0;

  constructor(
    bytes: Uint8Array,
    upload: (body: Uint8Array) => Promise<number>,
  ) {
    this.#bytes = bytes;
    this.#upload = upload;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#bytes.set(bytes, this.#sizeBytes);
    this.#sizeBytes += bytes.length;
    return Promise.resolve();
  }

  finish(): Promise<number> {
    return this.#upload(this.#bytes.subarray(0, this.#sizeBytes));
  }

  [Symbol.dispose](): void {}
}

/** Forgets everything; it is never found to be right. */
class NoUpload implements UploadSink {
  write(): Promise<void> {
    return Promise.resolve();
  }
  finish(): Promise<number> {
    return Promise.reject(new TypeError("No object can be right here"));
  }
  [Symbol.dispose](): void {}
}
