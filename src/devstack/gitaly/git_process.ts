/**
 * A git process in a process group of its own.
 * @module
 */

/** What is started. */
export interface GitSpawn {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How git ended; a signal gives the exit status -1, as Go reports it. */
export interface GitExit {
  readonly code: number;
  readonly signal: string | undefined;
}

/** From SIGTERM to SIGKILL. */
const KILL_GRACE_MS = 5000;

/** A running git, with its standard streams piped. */
export class GitProcess {
  readonly pid: number;
  readonly stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly stdout: ReadableStreamBYOBReader;
  readonly stderr: ReadableStreamBYOBReader;
  /** Settles when git has been waited for. Never rejects. */
  readonly exit: Promise<GitExit>;
  #hasExited = false;
  #isKilled = false;

  /** @throws {Error} If the program cannot be started. */
  constructor({ program, args, env }: GitSpawn) {
    const child = new Deno.Command(program, {
      args: [...args],
      env,
      clearEnv: true,
      // A session of its own, so that git's children can be signalled with it.
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = child.pid;
    this.stdin = child.stdin.getWriter();
    this.stdin.closed.catch(() => {});
    this.stdout = child.stdout.getReader({ mode: "byob" });
    this.stderr = child.stderr.getReader({ mode: "byob" });
    this.exit = child.status.then(({ code, signal }) => {
      this.#hasExited = true;
      return signal === null
        ? { code, signal: undefined }
        : { code: -1, signal };
    });
  }

  /**
   * Closes git's streams, stops the whole group and waits for git's end.
   * Idempotent.
   */
  async kill(): Promise<void> {
    if (!this.#isKilled) {
      this.#isKilled = true;
      this.stdin.abort().catch(() => {});
      this.stdout.cancel().catch(() => {});
      this.stderr.cancel().catch(() => {});
      // A group keeps its number while it has members, and git that has
      // ended by itself has waited for its own.
      if (this.#hasExited) return;
      this.#signal("SIGTERM");
      // What of the group outlives git, a hook that minds no signal, goes too.
      this.exit.then(() => this.#signal("SIGKILL"));
    }
    const timer = setTimeout(() => this.#signal("SIGKILL"), KILL_GRACE_MS);
    await this.exit;
    clearTimeout(timer);
  }

  #signal(signal: Deno.Signal): void {
    try {
      Deno.kill(-this.pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Go's words for a failed process, as they stand in Gitaly's errors. */
export function describeExit({ code, signal }: GitExit): string {
  if (signal === undefined) return `exit status ${code}`;
  return `signal: ${GO_SIGNAL_NAMES.get(signal) ?? signal}`;
}

const GO_SIGNAL_NAMES: ReadonlyMap<string, string> = new Map([
  ["SIGTERM", "terminated"],
  ["SIGKILL", "killed"],
  ["SIGPIPE", "broken pipe"],
  ["SIGHUP", "hangup"],
  ["SIGINT", "interrupt"],
  ["SIGSEGV", "segmentation fault"],
  ["SIGABRT", "aborted"],
]);
