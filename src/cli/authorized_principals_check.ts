/**
 * gitlab-shell-authorized-principals-check: turns the key identity of a
 * certificate into forced commands, one for each principal. Asks nobody: that
 * the identity is a user of GitLab is for the certificate authority to know.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-shell-authorized-principals-check.
 * @module
 */
import { loadConfig, RootNotFoundError } from "../config/load.ts";
import { openLog } from "../config/open_log.ts";
import { formatWarningBlock } from "../core/console_message.ts";
import { errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import {
  formatPrincipalLine,
  maskControls,
  parseShellPath,
  RefusedLineError,
} from "../keys/line.ts";
import { exitStatusOfBrokenPipe } from "./failure.ts";
import { formatVersion, isVersionRequest } from "./version.ts";

/** A certificate's identity, and the principals that may log in. */
export interface PrincipalsQuestion {
  readonly keyIdentity: string;
  readonly principals: readonly string[];
}

/** How the helper was called. */
export interface PrincipalsCall {
  readonly words: readonly string[];
  /** The command as its usage line names it. */
  readonly command: string;
}

/**
 * Checks the words that sshd passed.
 * @returns The question, or the lines that refuse it.
 */
export function parsePrincipalsQuestion(
  { words, command }: PrincipalsCall,
): PrincipalsQuestion | string {
  const [keyIdentity, ...principals] = words;
  if (keyIdentity === undefined || principals.length === 0) {
    return `# Insufficient arguments. ${words.length}. Usage\n` +
      `#\t${command} <key-id> <principal1> [<principal2>...]`;
  }
  if (keyIdentity === "") return "# No key_id provided";
  if (principals.includes("")) return "# An invalid principal was provided";
  return { keyIdentity, principals };
}

/**
 * Runs gitlab-shell-authorized-principals-check to its end.
 * @returns The exit status; never throws.
 */
export async function runAuthorizedPrincipalsCheck(
  host: Host,
): Promise<number> {
  return await runPrincipals(host, {
    words: host.args,
    command: "gitlab-shell-authorized-principals-check",
  });
}

/**
 * Runs the helper under whichever name.
 * @returns The exit status; never throws.
 */
export async function runPrincipals(
  host: Host,
  call: PrincipalsCall,
): Promise<number> {
  try {
    if (isVersionRequest(host)) {
      await writeText(host.io.stdout, formatVersion(host));
      return EXIT_OK;
    }
    return await printLines(host, call);
  } catch (error) {
    const brokenPipe = exitStatusOfBrokenPipe(error);
    if (brokenPipe !== undefined) return brokenPipe;
    await refuse(host, "internal error").catch(() => {});
    return EXIT_FAILURE;
  }
}

async function printLines(host: Host, call: PrincipalsCall): Promise<number> {
  let loaded;
  try {
    // Nothing is signed here, so that the account needs no secret.
    loaded = await loadConfig(host, { secret: "unused" });
  } catch (error) {
    return await refuse(
      host,
      error instanceof RootNotFoundError
        ? "Failed to determine executable, exiting"
        : `Failed to read config, exiting: ${maskControls(errorText(error))}`,
    );
  }
  const { config, warnings } = loaded;
  await using log = openLog(config, host, { fallback: "stderr" });
  for (const warning of warnings) log.warn(warning);
  const question = parsePrincipalsQuestion(call);
  if (typeof question === "string") return await refuse(host, question);
  const { keyIdentity, principals } = question;
  let lines: string[];
  try {
    const shellPath = parseShellPath(config.rootDir);
    lines = principals.map((principal) =>
      formatPrincipalLine(shellPath, keyIdentity, principal)
    );
  } catch (error) {
    if (!(error instanceof RefusedLineError)) throw error;
    await writeText(host.io.stderr, formatWarningBlock([error.message]));
    return EXIT_FAILURE;
  }
  // All are good before the first is printed.
  await writeText(host.io.stdout, `${lines.join("\n")}\n`);
  return EXIT_OK;
}

async function refuse(host: Host, lines: string): Promise<number> {
  await writeText(host.io.stderr, `${lines}\n`);
  return EXIT_FAILURE;
}
