/**
 * Exit statuses of the programs.
 * Source: GitLab Shell 14.56.1; the remote git's own status is never passed on.
 * @module
 */

/** Everything went well, or the command reports its failure in its output. */
export const EXIT_OK = 0;
/** Every failure of gitlab-shell, and of a command that ran in gitlab-sshd. */
export const EXIT_FAILURE = 1;
/** gitlab-sshd only: the command does not parse or does not exist. */
export const EXIT_NO_COMMAND = 128;
/**
 * Standard output or standard error was closed by its reader. The Go programs
 * die of SIGPIPE there, which a shell reports as this number; Deno ignores the
 * signal and may not send itself one without permission to run programs.
 */
export const EXIT_BROKEN_PIPE = 141;
/**
 * Somebody has sent SIGUSR1, which ends the Go programs; a shell reports that
 * as this number.
 */
export const EXIT_SIGUSR1 = 138;
