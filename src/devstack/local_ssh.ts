/**
 * A script that plays `ssh` and the server's sshd in one: it starts
 * gitlab-shell as a forced command would, without a network in between.
 * @module
 */
import { join } from "node:path";

/** What the script starts. */
export interface LocalSshOptions {
  /** Program and first arguments: `["dist/gitlab-shell"]`, absolute. */
  readonly words: readonly string[];
  /** Value of `GITLAB_SHELL_DIR`. */
  readonly shellRoot: string;
  /** `key-1`, or `username-mira`. */
  readonly identity: string;
  /** Address of the client that is pretended. */
  readonly clientAddress?: string;
}

const SCRIPT_MODE = 0o755;
const CLIENT_ADDRESS = "192.0.2.17";

/**
 * Writes the script into `folder`. For git, name it in `GIT_SSH_COMMAND` and
 * set `GIT_SSH_VARIANT` to `ssh`, which passes `GIT_PROTOCOL` on.
 * @returns Path of the script.
 */
export async function writeLocalSsh(
  folder: string,
  { words, shellRoot, identity, clientAddress = CLIENT_ADDRESS }:
    LocalSshOptions,
): Promise<string> {
  const path = join(folder, "ssh");
  const connection = `${clientAddress} 50000 198.51.100.2 22`;
  const lines = [
    "#!/bin/sh",
    "# Takes what git or a person passes to ssh and runs its last word, the",
    "# command, as GitLab's sshd would. A host alone is no command.",
    "command=",
    'while [ $# -gt 0 ]; do case "$1" in',
    "  -o | -p | -i | -l | -F) shift 2 ;;",
    "  -*) shift ;;",
    '  *) shift; command="$*"; break ;;',
    "esac; done",
    `GITLAB_SHELL_DIR=${quote(shellRoot)}`,
    `SSH_CONNECTION=${quote(connection)}`,
    "SSH_ORIGINAL_COMMAND=$command",
    "export GITLAB_SHELL_DIR SSH_CONNECTION SSH_ORIGINAL_COMMAND",
    `exec ${words.map(quote).join(" ")} ${quote(identity)}`,
  ];
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`);
  await Deno.chmod(path, SCRIPT_MODE);
  return path;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
