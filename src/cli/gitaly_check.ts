/**
 * `gitaly-ssh check`: tells step by step whether the Gitaly that the
 * environment names can be used, for people and for scripts.
 * @module
 */
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { LEAN_CARRIER } from "../gitaly/http2/lean_carrier.ts";
import { probeGitaly, type ProbeStep } from "../gitaly/probe.ts";

const STEP_TIMEOUT_MS = 10_000;

/** What `gitaly-ssh --help` prints. */
export const USAGE = `Usage: gitaly-ssh <service> <host> <command>

git starts it in the place of ssh, with GIT_SSH_COMMAND; a person runs
  gitaly-ssh check        address, connection, protocol, token and upload RPC
  gitaly-ssh -version

<service> is upload-pack, receive-pack or upload-archive; <host> and <command>
mean nothing. The rest stands in the environment:
  GITALY_ADDRESS          unix:, tcp://, tls://, dns: or dns+tls:
  GITALY_TOKEN            Gitaly's token; empty for none
  GITALY_PAYLOAD          the request as JSON
  GITALY_WD               folder to change to first
  GITALY_FEATUREFLAGS     <name>:<true|false>,...

Exit status: that of the remote git, or 1.
`;

/** Prints the usage. */
export async function printUsage({ io }: Host): Promise<number> {
  await writeText(io.stdout, USAGE);
  return EXIT_OK;
}

/**
 * Runs the check.
 * @returns 0 if every step went well, 1 otherwise.
 */
export async function runGitalyCheck(host: Host): Promise<number> {
  let hasFailed = false;
  const steps = probeGitaly({
    address: host.env("GITALY_ADDRESS") ?? "",
    token: host.env("GITALY_TOKEN") ?? "",
    carrier: LEAN_CARRIER,
    env: host.env,
    timeoutMs: STEP_TIMEOUT_MS,
  });
  for await (const step of steps) {
    await writeText(host.io.stdout, formatProbeStep(step));
    hasFailed ||= !step.isOk;
  }
  return hasFailed ? EXIT_FAILURE : EXIT_OK;
}

/** One line: step, `ok` or `FAILED`, milliseconds, what was found. */
export function formatProbeStep(step: ProbeStep): string {
  const { name, isOk, text, elapsedMs } = step;
  const verdict = isOk ? "ok" : "FAILED";
  // What a server says may hold anything; one step stays one line.
  const line = text.replaceAll(/\p{Cc}/gu, "?");
  return `${name.padEnd(9)} ${verdict.padEnd(6)} ` +
    `${elapsedMs.toFixed(1).padStart(8)} ms  ${line}\n`;
}
