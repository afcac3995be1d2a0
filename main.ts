/**
 * Entry of every program but gitaly-ssh. The first argument names the program:
 * the build bakes it in, and from the sources it is typed,
 * `deno run --allow-all main.ts gitlab-shell key-1`.
 * @module
 */
import { keepDebuggerShut } from "./src/cli/debugger_signal.ts";
import { type ProgramTable, runEntry } from "./src/cli/entry.ts";

const PROGRAMS: ProgramTable = new Map([
  [
    "gitlab-shell",
    async () => (await import("./src/cli/gitlab_shell.ts")).runGitlabShell,
  ],
  [
    "gitlab-sshd",
    async () => (await import("./src/cli/gitlab_sshd.ts")).runGitlabSshd,
  ],
  [
    "gitlab-keys",
    async () => (await import("./src/cli/gitlab_keys.ts")).runGitlabKeys,
  ],
  [
    "gitlab-shell-authorized-keys-check",
    async () =>
      (await import("./src/cli/authorized_keys_check.ts"))
        .runAuthorizedKeysCheck,
  ],
  [
    "gitlab-shell-authorized-principals-check",
    async () =>
      (await import("./src/cli/authorized_principals_check.ts"))
        .runAuthorizedPrincipalsCheck,
  ],
  [
    "gitlab-shell-check",
    async () => (await import("./src/cli/health_check.ts")).runHealthCheck,
  ],
]);

if (import.meta.main) {
  keepDebuggerShut();
  Deno.exit(await runEntry(PROGRAMS, Deno.args));
}
