/**
 * LFS objects on disk, by project. An object is there whole and right, or not
 * at all.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ByteReader } from "../../core/io.ts";

/** An object to be read; its file is closed at the end, or by disposing. */
export interface StoredObject extends ByteReader, Disposable {
  readonly sizeBytes: number;
}

/** What came in, and whether it was kept. */
export interface StoreOutcome {
  readonly isStored: boolean;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Whether the sender broke off. */
  readonly isAborted: boolean;
}

const READ_BYTES = 256 * 1024;
const OID = /^[0-9a-f]{64}$/;

/** One folder of objects. */
export class ObjectStore {
  readonly folder: string;
  #incomingCount = 0;

  /** @param folder Made when it is first needed. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** Path of an object's file, whether it is there or not. */
  pathOf(projectId: number, oid: string): string {
    if (!OID.test(oid)) throw new RangeError(`No object id: ${oid}`);
    return join(this.folder, String(projectId), oid);
  }

  /** @returns Size of an object; `undefined` if it is not there. */
  async sizeOf(projectId: number, oid: string): Promise<number | undefined> {
    if (!OID.test(oid)) return undefined;
    try {
      return (await Deno.stat(this.pathOf(projectId, oid))).size;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Opens an object. @returns `undefined` if it is not there. */
  async open(
    projectId: number,
    oid: string,
  ): Promise<StoredObject | undefined> {
    const sizeBytes = await this.sizeOf(projectId, oid);
    if (sizeBytes === undefined) return undefined;
    const file = await Deno.open(this.pathOf(projectId, oid));
    return new FileObject(file, sizeBytes);
  }

  /** Takes an object from `body`, and keeps it if it is what it should be. */
  async put(
    projectId: number,
    { oid, sizeBytes: wantedBytes }: { oid: string; sizeBytes: number },
    body: ByteReader,
  ): Promise<StoreOutcome> {
    await Deno.mkdir(join(this.folder, String(projectId)), { recursive: true });
    const incoming = join(this.folder, `incoming-${++this.#incomingCount}`);
    try {
      const received = await receive(incoming, body);
      const { sizeBytes, sha256, isAborted } = received;
      const isStored = !isAborted && sizeBytes === wantedBytes &&
        sha256 === oid;
      if (isStored) await Deno.rename(incoming, this.pathOf(projectId, oid));
      return { isStored, ...received };
    } finally {
      await Deno.remove(incoming).catch(() => {});
    }
  }

  /** Names of all files, those that are still coming in included. */
  async list(): Promise<string[]> {
    const names: string[] = [];
    const walk = async (folder: string) => {
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        if (isDirectory) await walk(join(folder, name));
        else names.push(name);
      }
    };
    await walk(this.folder).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
    return names.toSorted();
  }
}

async function receive(
  path: string,
  body: ByteReader,
): Promise<Omit<StoreOutcome, "isStored">> {
  using file = await Deno.open(path, { write: true, create: true });
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let isAborted = false;
  for (;;) {
    const chunk = await body.read().catch(() => undefined);
    isAborted = chunk === undefined;
    if (!chunk) break;
    hash.update(chunk);
    sizeBytes += chunk.length;
    // The system keeps it in memory for now: waiting would take longer.
    for (let at = 0; at < chunk.length;) {
      at += file.writeSync(chunk.subarray(at));
    }
  }
  return { sizeBytes, sha256: hash.digest("hex"), isAborted };
}

class FileObject implements StoredObject {
  readonly sizeBytes: number;
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #isClosed = false;

  constructor(file: Deno.FsFile, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#isClosed) return null;
    const sizeBytes = await this.#file.read(this.#buffer);
    if (sizeBytes !== null) return this.#buffer.subarray(0, sizeBytes);
    this[Symbol.dispose]();
    return null;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.close();
  }
}
