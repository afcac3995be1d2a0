/**
 * What gitlab-shell does for the people who run it: `doctor` and `config`, from
 * a shell of theirs. An SSH session never gets here: sshd has set
 * `SSH_CONNECTION` for it, and its words are not our arguments.
 * @module
 */
import { errorText, UsageError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { maskControls } from "../keys/line.ts";
import { exitStatusOfBrokenPipe } from "./failure.ts";

/** Status for arguments that cannot be read, as Go's flag package has it. */
export const EXIT_USAGE = 2;

/** What `gitlab-shell --help` prints. */
export const USAGE = `Usage: gitlab-shell <command> [<word>...] [--<option>...]

gitlab-shell is started by sshd, as the forced command of a key:
  gitlab-shell key-<id> | username-<name>

From a shell of yours, outside of SSH sessions:
  doctor                      check the installation step by step
    --json                    one JSON document
    --user=<name>             with --project: what this user may do
    --project=<path>          with --user or --key: access, and its Gitaly
    --key=<file>|<fingerprint>  what a login with this key would do
    --sshd-config=<file>|-    another file; - reads what "sshd -T -C ..." says
  config check [--json]       faults, unknown and misplaced keys, with lines
  config show [--json]        every key as it counts, secrets hidden
  config example              a config.yml to begin with
  config schema               JSON Schema of config.yml, for editors
  -version                    version and time of the build

Exit status: 0 if all is well, 1 if something is wrong, 2 for bad arguments.
`;

/**
 * Runs the command that the arguments name.
 * @returns The exit status; never throws but for a closed standard output.
 */
export async function runOperatorCommand(host: Host): Promise<number> {
  const [command, ...words] = host.args;
  try {
    if (command === "doctor") {
      const { runDoctor } = await import("./doctor.ts");
      return await runDoctor(host, words);
    }
    if (command === "config") {
      const { runConfigCommand } = await import("./config_command.ts");
      return await runConfigCommand(host, words);
    }
    await writeText(host.io.stdout, USAGE);
    return 0;
  } catch (error) {
    if (exitStatusOfBrokenPipe(error) !== undefined) throw error;
    const text = maskControls(errorText(error));
    const hint = error instanceof UsageError
      ? "\nTry: gitlab-shell --help"
      : "";
    await writeText(host.io.stderr, `gitlab-shell: ${text}${hint}\n`);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}
