/**
 * The three ways to let OpenSSH's sshd serve GitLab, as text for sshd_config.
 * Pure.
 * Source: sshd_config(5); GitLab documentation, "Fast lookup of SSH keys" and
 * "OpenSSH AuthorizedPrincipalsCommand".
 * @module
 */
import { maskControls, RefusedLineError, type ShellPath } from "./line.ts";

/** How keys reach sshd. */
export type SshdDeployment = "file" | "command" | "certificates";

/** Names of the deployments, in the order in which they are printed. */
export const SSHD_DEPLOYMENTS: readonly SshdDeployment[] = [
  "file",
  "command",
  "certificates",
];

/** What an installation's snippet is made of. */
export interface SshdPaths {
  /** Account that clients log in as. */
  readonly user: string;
  /** Path of gitlab-shell; the helpers lie beside it. */
  readonly shellPath: ShellPath;
  /** The managed file. */
  readonly authFile: string;
  /** File with the public keys of the certificate authority. */
  readonly caFile: string;
}

const TITLES: Readonly<Record<SshdDeployment, string>> = {
  file: "Keys from the file that gitlab-keys or GitLab Rails maintains",
  command: "Each key looked up in GitLab; no file",
  certificates: "Certificates whose key identity is the GitLab user name",
};
// sshd splits words at blanks, ends them at quotes, and knows `%` and `#`.
const PLAIN_WORD = /^[^\s"'\\%#]+$/;
const PLAIN_USER = /^[a-z_][a-z0-9_.-]*\$?$/i;

/**
 * Makes the snippet of one deployment, with a comment and a final line end.
 * @throws {RefusedLineError} If sshd could not read one of the names.
 */
export function formatSshdConfig(
  deployment: SshdDeployment,
  paths: SshdPaths,
): string {
  const { user, shellPath, authFile, caFile } = paths;
  if (!PLAIN_USER.test(user)) throw unusable("user", user);
  for (const path of [authFile, caFile]) {
    if (!PLAIN_WORD.test(path)) throw unusable("path", path);
  }
  const helper = `${shellPath}-authorized`;
  const lines: Record<SshdDeployment, readonly string[]> = {
    file: [`AuthorizedKeysFile ${authFile}`],
    command: [
      `AuthorizedKeysCommand ${helper}-keys-check ${user} %u %k`,
      `AuthorizedKeysCommandUser ${user}`,
      "AuthorizedKeysFile none",
    ],
    certificates: [
      // Within the block, so that the authority opens no other account.
      `TrustedUserCAKeys ${caFile}`,
      `AuthorizedPrincipalsCommand ${helper}-principals-check %i sshUsers`,
      `AuthorizedPrincipalsCommandUser ${user}`,
    ],
  };
  const inMatch = [...lines[deployment], ...COMMON_LINES].map((line) =>
    `    ${line}\n`
  );
  return `# ${TITLES[deployment]}\n` +
    `Match User ${user}\n${inMatch.join("")}Match all\n`;
}

/**
 * What holds for the account whichever way its keys come. Our lines do not
 * forbid ~/.ssh/rc, which sshd would run before the forced command.
 */
const COMMON_LINES = [
  "PubkeyAuthentication yes",
  "PasswordAuthentication no",
  "KbdInteractiveAuthentication no",
  "PermitUserRC no",
  "AcceptEnv GIT_PROTOCOL",
] as const;

function unusable(what: string, text: string): RefusedLineError {
  return new RefusedLineError(
    `Cannot write ${what} "${maskControls(text)}" into sshd_config`,
  );
}
