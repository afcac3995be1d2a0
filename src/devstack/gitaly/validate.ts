/**
 * Finds the repository of a request, or says what is wrong with it.
 * Source: Gitaly, internal/gitaly/storage and config/locator.go.
 * @module
 */
import { join, normalize } from "node:path";
import type { RepositoryMessage } from "./messages.ts";
import { CODE, StatusError } from "./status.ts";

/** Storage names and the folders behind them. */
export type Storages = ReadonlyMap<string, string>;

const REQUIRED_ENTRIES = ["objects", "refs", "HEAD"] as const;

/**
 * @returns The repository's path on disk.
 * @throws {StatusError} In the order of Gitaly's checks.
 */
export async function locateRepository(
  repository: RepositoryMessage | undefined,
  storages: Storages,
): Promise<string> {
  const storage = findStorage(repository, storages);
  if (!await isDirectory(storage)) {
    throw new StatusError(CODE.notFound, "storage does not exist");
  }
  const relativePath = repository?.relativePath ?? "";
  // Lexical on purpose: what a symbolic link does later is not looked at.
  if (/^\.\.(?:\/|$)/.test(normalize(`./${relativePath}`))) {
    const message = "relative path escapes root directory";
    throw new StatusError(CODE.invalidArgument, message);
  }
  const path = join(storage, relativePath);
  await checkRepository(path);
  return path;
}

function findStorage(
  repository: RepositoryMessage | undefined,
  storages: Storages,
): string {
  const { storageName = "", relativePath = "" } = repository ?? {};
  const refuse = (message: string) =>
    new StatusError(CODE.invalidArgument, message);
  if (storageName === "" && relativePath === "") {
    throw refuse("repository not set");
  }
  if (relativePath === "") throw refuse("repository path not set");
  if (storageName === "") throw refuse("storage name not set");
  const storage = storages.get(storageName);
  if (storage === undefined) throw refuse("storage name not found");
  return storage;
}

async function checkRepository(path: string): Promise<void> {
  const info = await stat(path);
  if (!info) throw new StatusError(CODE.notFound, "repository not found");
  if (!info.isDirectory) {
    const message = "validate git directory: not a directory";
    throw new StatusError(CODE.internal, message);
  }
  for (const entry of REQUIRED_ENTRIES) {
    if (await stat(join(path, entry))) continue;
    const message = `repository not valid: "${entry}" does not exist`;
    throw new StatusError(CODE.failedPrecondition, message);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path))?.isDirectory ?? false;
}

async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
