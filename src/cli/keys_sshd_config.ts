/**
 * `gitlab-keys sshd-config`: what to put into sshd_config on this machine.
 * @module
 */
import { UsageError } from "../core/errors.ts";
import { EXIT_OK } from "../core/exit_status.ts";
import { writeText } from "../core/io.ts";
import {
  formatSshdConfig,
  SSHD_DEPLOYMENTS,
  type SshdDeployment,
} from "../keys/sshd_config.ts";
import type { KeysRun } from "./keys_run.ts";

const CA_FILE = "/etc/ssh/gitlab_user_ca.pub";

/** Prints the snippet of `[file|command|certificates]`, `command` if not told. */
export async function runSshdConfig(run: KeysRun): Promise<number> {
  const { config, words, shellPath, authFile, options, host } = run;
  const [word = "command"] = words;
  const deployment = SSHD_DEPLOYMENTS.find((name) => name === word);
  if (deployment === undefined) {
    throw new UsageError(`sshd-config knows ${SSHD_DEPLOYMENTS.join(", ")}`);
  }
  const caFile = options.text("ca-file") ?? CA_FILE;
  const text = formatSshdConfig(deployment satisfies SshdDeployment, {
    user: config.user,
    shellPath,
    authFile,
    caFile,
  });
  await writeText(host.io.stdout, text);
  return EXIT_OK;
}
