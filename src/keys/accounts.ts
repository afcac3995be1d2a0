/**
 * Accounts and groups of the machine, and what an account may do with a file,
 * told from the files alone: no program is asked and nobody is impersonated.
 * Source: passwd(5), group(5); POSIX file access permissions.
 * @module
 */

/** An account of the machine. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  /** Primary group and every group that lists the name. */
  readonly gids: ReadonlySet<number>;
  readonly groups: ReadonlySet<string>;
  readonly home: string;
  readonly shell: string;
}

/** Bits of one class of permissions. */
export type AccessKind = "read" | "write" | "enter";

const BIT: Readonly<Record<AccessKind, number>> = {
  read: 4,
  write: 2,
  enter: 1,
};

/**
 * Finds an account in the texts of `/etc/passwd` and `/etc/group`.
 * @returns `undefined` if the account is not there; it may still come from a
 * directory service.
 * @example
 * ```ts
 * import { findAccount } from "./accounts.ts";
 * const passwd = "git:x:998:998::/var/opt/gitlab:/bin/sh\n";
 * findAccount("git", passwd, "git:x:998:\n")?.home; // "/var/opt/gitlab"
 * ```
 */
export function findAccount(
  name: string,
  passwd: string,
  group: string,
): Account | undefined {
  for (const line of passwd.split("\n")) {
    const fields = line.split(":");
    if (fields[0] !== name || fields.length < 7) continue;
    const gid = Number(fields[3]);
    const gids = new Set([gid]);
    const groups = new Set<string>();
    for (const entry of group.split("\n")) {
      const [groupName = "", , id = "", members = ""] = entry.split(":");
      const isMember = members.split(",").includes(name);
      if (Number(id) !== gid && !isMember) continue;
      gids.add(Number(id));
      groups.add(groupName);
    }
    return {
      name,
      uid: Number(fields[2]),
      gids,
      groups,
      home: fields[5] ?? "",
      shell: fields[6] ?? "",
    };
  }
  return undefined;
}

/** Whether the account may do it, by owner, group and mode alone. */
export function mayAccess(
  { uid, gids }: Pick<Account, "uid" | "gids">,
  info: Pick<Deno.FileInfo, "uid" | "gid" | "mode">,
  kind: AccessKind,
): boolean {
  if (uid === 0) return true;
  const mode = info.mode ?? 0;
  const shift = info.uid === uid ? 6 : gids.has(info.gid ?? -1) ? 3 : 0;
  return (mode >> shift & BIT[kind]) !== 0;
}

/**
 * Finds what keeps an account from a file.
 * @param path Absolute.
 * @returns A clause such as `may not enter /srv`; `undefined` if nothing does.
 */
export function findBarrier(
  account: Pick<Account, "uid" | "gids">,
  path: string,
  kind: AccessKind,
): string | undefined {
  for (const folder of foldersAbove(path)) {
    const info = statOrReason(folder);
    if (typeof info === "string") return `${folder}: ${info}`;
    if (!mayAccess(account, info, "enter")) return `may not enter ${folder}`;
  }
  const info = statOrReason(path);
  if (typeof info === "string") return `${path}: ${info}`;
  return mayAccess(account, info, kind) ? undefined : `may not ${kind} ${path}`;
}

/**
 * What sshd says against running a program: the file and every folder above it
 * must be root's and writable by nobody else.
 * Source: OpenSSH 9.2, misc.c (safe_path); sshd_config(5), AuthorizedKeysCommand.
 * @param path Absolute; links are followed, as sshd follows them.
 */
export function findUnsafeOwner(path: string): string | undefined {
  return findUnsafe(path, new Set([0]), "root's");
}

/**
 * The same for a file of keys under `StrictModes`: the account's or root's, up
 * to the home folder.
 * Source: OpenSSH 9.2, misc.c (safe_path_fd).
 */
export function findUnsafeKeyFile(
  path: string,
  { uid, home }: Pick<Account, "uid" | "home">,
): string | undefined {
  return findUnsafe(path, new Set([0, uid]), "the account's or root's", home);
}

function findUnsafe(
  path: string,
  owners: ReadonlySet<number>,
  whose: string,
  last?: string,
): string | undefined {
  let real: string;
  try {
    real = Deno.realPathSync(path);
  } catch {
    return `${path} is not there, or cannot be looked at`;
  }
  const above = foldersAbove(real).reverse();
  for (const [at, name] of [real, ...above].entries()) {
    const info = statOrReason(name);
    if (typeof info === "string") return `${name}: ${info}`;
    if (at === 0 && !info.isFile) return `${name} is not a regular file`;
    if (!owners.has(info.uid ?? -1)) {
      return `${name} belongs to uid ${info.uid}, and must be ${whose}`;
    }
    const mode = info.mode ?? 0;
    if ((mode & 0o022) !== 0) {
      return `${name} is writable by others than its owner ` +
        `(mode ${(mode & 0o7777).toString(8)})`;
    }
    if (name === last) break;
  }
  return undefined;
}

/** From `/` down to the folder that holds the path. */
function foldersAbove(path: string): string[] {
  const folders = ["/"];
  for (
    let slash = path.indexOf("/", 1);
    slash > 0;
    slash = path.indexOf("/", slash + 1)
  ) folders.push(path.slice(0, slash));
  return folders;
}

function statOrReason(path: string): Deno.FileInfo | string {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "is not there";
    return "cannot be looked at by this account";
  }
}
