/**
 * What the steps of the demo talk to, and how they judge what comes back.
 * @module
 */
import type { CommandOutcome } from "./demo_runner.ts";

/** The stack that the steps talk to. */
export interface DemoTarget {
  /** `ssh://git@127.0.0.1:2222` */
  readonly sshUrl: string;
  /** Address words for ssh itself: `-p 2222 git@127.0.0.1`. */
  readonly sshWords: readonly string[];
  readonly username: string;
  /** A project that the user may read and write. */
  readonly project: string;
  /** A project that the user may not see. */
  readonly privateProject: string;
  /** A project of its own for the rate limit, so that no other step meets it. */
  readonly busyProject: string;
  /** Calls a minute that one key may make to one project. */
  readonly rateLimit: number;
  /** Folder of the demo; clones are made in it. */
  readonly folder: string;
  /** Whether there is a Git LFS client that can speak over SSH alone. */
  readonly hasGitLfs: boolean;
  /** What one Gitaly server passes to git to read from another. */
  readonly gitaly: {
    /** gitaly-ssh as a word for git. */
    readonly program: string;
    readonly address: string;
    readonly token: string;
    readonly payload: string;
  };
}

/** URL of a project. */
export function urlOf(target: DemoTarget, project: string): string {
  return `${target.sshUrl}/${project}.git`;
}

/** @returns What is not as expected, or nothing. */
export function expectOutcome(
  outcome: CommandOutcome,
  expected: { exitStatus: number; stdout?: string; stderrPart?: string },
): string | undefined {
  const { exitStatus, stdout, stderrPart } = expected;
  if (outcome.exitStatus !== exitStatus) {
    return `exit status ${outcome.exitStatus} instead of ${exitStatus}`;
  }
  if (stdout !== undefined && outcome.stdout !== stdout) {
    return `standard output is not ${JSON.stringify(stdout)}`;
  }
  if (stderrPart !== undefined && !outcome.stderr.includes(stderrPart)) {
    return `standard error does not say ${JSON.stringify(stderrPart)}`;
  }
  return undefined;
}
