/**
 * gitlab-keys: the authorized_keys file, and what an operator asks about keys.
 * Source: gitlab-keys of GitLab Shell 9.4.2, which was the last to have it.
 * @module
 */
import { errorText, UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import { quoteGo } from "../core/go_text.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { maskControls } from "../keys/line.ts";
import { exitStatusOfBrokenPipe } from "./failure.ts";
import { isKeysCommand, parseKeysArguments } from "./keys_options.ts";
import type { KeysRun } from "./keys_run.ts";
import { formatVersion, isVersionRequest } from "./version.ts";

/** Runs one command to its exit status. */
type RunCommand = (run: KeysRun) => Promise<number>;

const COMMANDS: ReadonlyMap<string, () => Promise<RunCommand>> = new Map([
  ["add-key", async () => (await import("./keys_edit.ts")).runAddKey],
  ["batch-add-keys", async () => (await import("./keys_batch.ts")).runBatch],
  [
    "check-permissions",
    async () => (await import("./keys_permissions.ts")).runCheckPermissions,
  ],
  ["clear", async () => (await import("./keys_shrink.ts")).runClear],
  ["compact", async () => (await import("./keys_shrink.ts")).runCompact],
  ["dedupe", async () => (await import("./keys_shrink.ts")).runDedupe],
  [
    "fingerprint",
    async () => (await import("./keys_fingerprint.ts")).runFingerprint,
  ],
  ["list-key-ids", async () => (await import("./keys_list.ts")).runListKeyIds],
  ["list-keys", async () => (await import("./keys_list.ts")).runListKeys],
  ["lookup", async () => (await import("./keys_lookup.ts")).runLookup],
  ["rebuild", async () => (await import("./keys_rebuild.ts")).runRebuild],
  ["rm-key", async () => (await import("./keys_edit.ts")).runRemoveKey],
  [
    "sshd-config",
    async () => (await import("./keys_sshd_config.ts")).runSshdConfig,
  ],
  ["verify", async () => (await import("./keys_verify.ts")).runVerify],
]);

/**
 * Runs gitlab-keys to its end.
 * @returns The exit status; never throws.
 */
export async function runGitlabKeys(host: Host): Promise<number> {
  try {
    return await dispatch(host);
  } catch (error) {
    const brokenPipe = exitStatusOfBrokenPipe(error);
    if (brokenPipe !== undefined) return brokenPipe;
    const line = `gitlab-keys: ${maskControls(errorText(error))}\n`;
    await writeText(host.io.stderr, line).catch(() => {});
    return EXIT_FAILURE;
  }
}

async function dispatch(host: Host): Promise<number> {
  if (isVersionRequest(host)) {
    await writeText(host.io.stdout, formatVersion(host));
    return EXIT_OK;
  }
  // Words that sshd passes are taken whole: a user may be called `--help`.
  const forSshd = await runForSshd(host);
  if (forSshd !== undefined) return forSshd;
  if (["help", "--help", "-h"].includes(host.args[0] ?? "")) {
    const { USAGE } = await import("./keys_usage.ts");
    await writeText(host.io.stdout, USAGE);
    return EXIT_OK;
  }
  const parsed = parseKeysArguments(host.args);
  const { openKeysRun, closeKeysRun } = await import("./keys_run.ts");
  if (!isKeysCommand(parsed.command)) return await refuse(host, parsed.command);
  const run = await openKeysRun(host, parsed);
  try {
    const load = COMMANDS.get(parsed.command);
    if (!load) throw new TypeError(`Cannot run ${quoteGo(parsed.command)}`);
    return await (await load())(run);
  } finally {
    await closeKeysRun(run);
  }
}

/** @returns `undefined` if the command is none of those that sshd runs. */
async function runForSshd(host: Host): Promise<number | undefined> {
  const [command, ...words] = host.args;
  if (command === "principals") {
    const { runPrincipals } = await import("./authorized_principals_check.ts");
    return await runPrincipals(host, {
      words,
      command: "gitlab-keys principals",
    });
  }
  if (command !== "check") return undefined;
  const { LOOKUP_TIMEOUT_MS, runKeyLookup } = await import(
    "./authorized_keys_check.ts"
  );
  const deadline = /^--deadline=(.*)$/s.exec(words[0] ?? "")?.[1];
  if (deadline !== undefined) words.shift();
  return await runKeyLookup(host, {
    words,
    command: "gitlab-keys check [--deadline=<seconds>]",
    timeoutMs: deadline === undefined
      ? LOOKUP_TIMEOUT_MS
      : parseDeadlineMs(deadline),
  });
}

function parseDeadlineMs(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds * 1_000;
  throw new UsageError("--deadline needs a number of seconds above 0");
}

/** The historic answer, on standard output; the hint is ours. */
async function refuse(host: Host, command: string): Promise<number> {
  await writeText(host.io.stdout, "not allowed\n");
  const hint = `gitlab-keys: commands: ${[...COMMANDS.keys()].join(", ")}, ` +
    "check, principals; gitlab-keys --help tells more\n";
  await writeText(host.io.stderr, hint);
  const { logRefusal } = await import("./keys_run.ts");
  await logRefusal(host, command);
  return EXIT_FAILURE;
}
