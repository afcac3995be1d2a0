/**
 * The managed file on disk: where it really is, whose it is, whether it is
 * still the one that was looked at.
 * @module
 */
import { attempt, KeyFileError } from "./file_error.ts";

/** The only mode that sshd and GitLab want. */
export const KEY_FILE_MODE = 0o600;
const MODE_BITS = 0o7777;
const LINKS_MAX = 8;

/** A managed file, symbolic links followed. */
export interface KeyFileTarget {
  /** Path as configured. */
  readonly authFile: string;
  /** Path of the file itself, which a link may lead to. */
  readonly path: string;
  readonly directory: string;
  readonly name: string;
  /** `undefined` if there is no such file yet. */
  readonly found: FileIdentity | undefined;
}

/** What tells that nobody has touched a file. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number | null;
  readonly sizeBytes: number;
  readonly mtimeMs: number | undefined;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly mode: number | null;
}

/** The directory part of a path, `.` if there is none. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}

/**
 * Finds the file behind a path.
 * @throws {KeyFileError} If something else than a file is in its place, or a
 * link whose owner has no right to lead us there.
 */
export function resolveTarget(authFile: string): KeyFileTarget {
  return attempt(`could not open ${authFile}`, () => {
    let path = authFile;
    for (let links = 0; links <= LINKS_MAX; links++) {
      const info = statIfPresent(path, "lstat");
      if (!info?.isSymlink) return makeTarget(authFile, path, info);
      path = followLink(path, info);
    }
    throw new KeyFileError(
      `could not open ${authFile}: Too many levels of symbolic links`,
    );
  });
}

/** What `info` says that must not change under our hands. */
export function identityOf(info: Deno.FileInfo): FileIdentity {
  return {
    dev: info.dev,
    ino: info.ino,
    sizeBytes: info.size,
    mtimeMs: info.mtime?.getTime(),
    uid: info.uid,
    gid: info.gid,
    mode: info.mode,
  };
}

/** Whether both are the same file with the same content, as far as can be told. */
export function isUntouched(
  before: FileIdentity | undefined,
  now: FileIdentity | undefined,
): boolean {
  if (!before || !now) return before === now;
  return before.dev === now.dev && before.ino === now.ino &&
    before.sizeBytes === now.sizeBytes && before.mtimeMs === now.mtimeMs;
}

/** Sets the mode that the file should have. Does nothing if it has it. */
export function fixMode(path: string, mode: number | null): void {
  if (mode === null || (mode & MODE_BITS) === KEY_FILE_MODE) return;
  attempt(
    `could not set the mode of ${path}`,
    () => Deno.chmodSync(path, KEY_FILE_MODE),
  );
}

/**
 * Gives `path`, which we have made, to the owner of `model`: what root makes
 * in the directory of another account is for that account. Only root can;
 * for anybody else the owner is right already, or not ours to choose.
 */
export function adoptOwner(path: string, model: string): void {
  const wanted = Deno.statSync(model);
  const info = Deno.statSync(path);
  if (info.uid === wanted.uid || wanted.uid === null) return;
  try {
    Deno.chownSync(path, wanted.uid, wanted.gid);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable || isDenied(error))) {
      throw error;
    }
  }
}

/** Makes the entries of a directory survive a power cut. */
export function syncDirectory(directory: string): void {
  using handle = Deno.openSync(directory, { read: true });
  handle.syncSync();
}

/** @returns `undefined` if nothing is there. */
export function statIfPresent(
  path: string,
  call: "stat" | "lstat",
): Deno.FileInfo | undefined {
  try {
    return call === "stat" ? Deno.statSync(path) : Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function makeTarget(
  authFile: string,
  path: string,
  info: Deno.FileInfo | undefined,
): KeyFileTarget {
  if (info?.isDirectory) {
    throw new KeyFileError(`could not open ${authFile}: Is a directory`);
  }
  // Opening a FIFO would wait for its other end.
  if (info && !info.isFile) {
    throw new KeyFileError(`could not open ${authFile}: Not a regular file`);
  }
  return {
    authFile,
    path,
    directory: directoryOf(path),
    name: path.slice(path.lastIndexOf("/") + 1),
    found: info && identityOf(info),
  };
}

/**
 * Root's commands follow a link only where its owner could write without us:
 * else an account could have us rewrite any file of the machine.
 */
function followLink(path: string, link: Deno.FileInfo): string {
  const target = Deno.readLinkSync(path);
  const next = target.startsWith("/")
    ? target
    : `${directoryOf(path)}/${target}`;
  const end = statIfPresent(next, "lstat") ??
    statIfPresent(directoryOf(next), "stat");
  const isTrusted = link.uid === 0 || link.uid === null ||
    end?.uid === link.uid;
  if (!isTrusted) {
    throw new KeyFileError(
      `could not open ${path}: It is a link to a file of another owner`,
    );
  }
  return next;
}

function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Error && "code" in error && error.code === "EPERM";
}
