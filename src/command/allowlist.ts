/**
 * Every command that a session may run. What has no row here is refused: this
 * table is all that stands between a stranger's key and the host.
 * Adding a command is one file in this room and one row.
 * Source: GitLab Shell 14.56.1, command selection.
 * @module
 */
import type { Config } from "../config/config.ts";
import type { CommandModule } from "./command.ts";

/** One admitted command. */
export interface AllowedCommand {
  /** Go's type name, which log pipelines match. */
  readonly logName: string;
  /** Whether a certificate bound to a namespace may run it. */
  readonly isGitCommand: boolean;
  /** Whether the configuration lets it exist at all. */
  readonly isEnabled?: (config: Config) => boolean;
  /** Loads its file; only the command that runs is paid for. */
  readonly load: () => Promise<CommandModule>;
}

const DISCOVER: AllowedCommand = {
  logName: "*discover.Command",
  isGitCommand: false,
  load: () => import("./discover.ts"),
};

/** A Map, so that `constructor` is as unknown as any other word. */
const COMMANDS: ReadonlyMap<string, AllowedCommand> = new Map([
  ["2fa_recovery_codes", {
    logName: "*twofactorrecover.Command",
    isGitCommand: false,
    load: () => import("./two_factor_recover.ts"),
  }],
  ["2fa_verify", {
    logName: "*twofactorverify.Command",
    isGitCommand: false,
    load: () => import("./two_factor_verify.ts"),
  }],
  ["discover", DISCOVER],
  ["git-lfs-authenticate", {
    logName: "*lfsauthenticate.Command",
    isGitCommand: true,
    load: () => import("./lfs_authenticate.ts"),
  }],
  ["git-lfs-transfer", {
    logName: "*lfstransfer.Command",
    isGitCommand: false,
    isEnabled: ({ lfs }) => lfs.pureSshProtocol,
    load: () => import("./lfs_transfer/lfs_transfer.ts"),
  }],
  ["git-receive-pack", {
    logName: "*receivepack.Command",
    isGitCommand: true,
    load: () => import("./receive_pack.ts"),
  }],
  ["git-upload-archive", {
    logName: "*uploadarchive.Command",
    isGitCommand: true,
    load: () => import("./upload_archive.ts"),
  }],
  ["git-upload-pack", {
    logName: "*uploadpack.Command",
    isGitCommand: true,
    load: () => import("./upload_pack.ts"),
  }],
  ["personal_access_token", {
    logName: "*personalaccesstoken.Command",
    isGitCommand: false,
    isEnabled: ({ pat }) => pat.enabled,
    load: () => import("./personal_access_token.ts"),
  }],
]);

/**
 * Finds the command that `words` name, compared exactly.
 * @param words The split command line; none means `discover`.
 * @param namespacePath Not empty for a group-level certificate, which may run
 * Git commands only.
 * @returns `undefined` for anything that is not admitted.
 */
export function selectCommand(
  words: readonly string[],
  config: Config,
  namespacePath: string,
): AllowedCommand | undefined {
  const [word] = words;
  const command = word === undefined ? DISCOVER : COMMANDS.get(word);
  if (!command || command.isEnabled?.(config) === false) return undefined;
  if (namespacePath !== "" && !command.isGitCommand) return undefined;
  return command;
}
