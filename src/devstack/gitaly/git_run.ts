/**
 * Runs one git to its end between a call's input and its outputs.
 * @module
 */
import type { ByteReader } from "../../core/io.ts";
import { describeExit, type GitExit, GitProcess } from "./git_process.ts";
import type { GitSpawn } from "./git_process.ts";
import { NegotiationWatch } from "./negotiation.ts";
import type { StatisticsMessage } from "./messages.ts";
import { copyOutput, type OutputSink } from "./output_sink.ts";
import { CODE, StatusError } from "./status.ts";

/** The caller's ends of git's outputs. */
export interface GitOutput {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
  /** Makes a write that waits fail, now and ever after. Idempotent. */
  stop(): void;
}

/** Everything around one run. */
export interface GitRun {
  readonly spawn: GitSpawn;
  readonly stdin: ByteReader;
  readonly output: GitOutput;
  /** Absent for receive-pack, which may take as long as it wants. */
  readonly negotiation:
    | { readonly timeoutMs: number; readonly endsWith: "done" | "flush" }
    | undefined;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
  /** Told of the process, so that its owner can end it. */
  readonly onStart: (git: GitProcess) => void;
  /** Told how much git has written to its standard output, piece by piece. */
  readonly onOutput: (sizeBytes: number) => void;
}

/** How a run ended, when nobody stopped it. */
export interface GitOutcome {
  readonly exit: GitExit;
  /** What git said on standard error. */
  readonly stderr: string;
  readonly isTimedOut: boolean;
  readonly statistics: StatisticsMessage | undefined;
}

/** git's whole answer to a client that goes away. */
const HANG_UP = "fatal: the remote end hung up unexpectedly\n";
/** More of git's complaints than this is not repeated in a status. */
const STDERR_BYTES_MAX = 65_536;

/**
 * @throws {StatusError} CANCELLED if `signal` was aborted or the output could
 * not be sent; git and its children are gone then too.
 * @throws {Error} If git cannot be started.
 */
export async function runGit(run: GitRun): Promise<GitOutcome> {
  const git = startGit(run);
  let isTimedOut = false;
  const watch = run.negotiation && new NegotiationWatch({
    ...run.negotiation,
    onTimeout: () => {
      isTimedOut = true;
      stop();
    },
  });
  const stop = () => {
    git.kill();
    run.output.stop();
  };
  run.signal.addEventListener("abort", stop, { once: true });
  if (run.signal.aborted) stop();
  const complaints = new Complaints();
  // Not waited for: git decides when it has read enough.
  copyInput(run.stdin, git, watch);
  try {
    await Promise.all([
      copyOutput(
        git.stdout,
        run.output.stdout,
        ({ length }) => run.onOutput(length),
      ),
      copyOutput(
        git.stderr,
        run.output.stderr,
        (piece) => complaints.add(piece),
      ),
    ]);
    const exit = await git.exit;
    const stderr = complaints.text;
    const statistics = watch?.statistics;
    if (!run.signal.aborted) return { exit, stderr, isTimedOut, statistics };
  } catch (error) {
    if (!run.signal.aborted && !isTimedOut) throw canceled(error);
  } finally {
    await git.kill();
    watch?.stop();
    run.signal.removeEventListener("abort", stop);
  }
  if (run.signal.aborted) throw canceled(run.signal.reason);
  const exit = await git.exit;
  return { exit, stderr: "", isTimedOut, statistics: watch?.statistics };
}

/** Whether git ended because its client did. */
export function isHangUp({ exit, stderr }: GitOutcome): boolean {
  return exit.code !== 0 && stderr === HANG_UP;
}

/** `cmd wait: exit status 128`, as Gitaly's statuses have it. */
export function describeFailure({ exit }: GitOutcome): string {
  return `cmd wait: ${describeExit(exit)}`;
}

function startGit(run: GitRun): GitProcess {
  try {
    const git = new GitProcess(run.spawn);
    run.onStart(git);
    return git;
  } catch (error) {
    throw new Error(`starting command: ${(error as Error).message}`);
  }
}

async function copyInput(
  source: ByteReader,
  git: GitProcess,
  watch: NegotiationWatch | undefined,
): Promise<void> {
  let isTaking = true;
  try {
    for (;;) {
      const chunk = await source.read();
      if (chunk === null) break;
      watch?.feed(chunk);
      // After git has closed its input the client may go on; nobody listens.
      if (isTaking) await git.stdin.write(chunk).catch(() => isTaking = false);
    }
  } catch {
    // A client's malformed or broken input is, for git, the end of input.
  }
  await git.stdin.close().catch(() => {});
}

function canceled(cause: unknown): StatusError {
  const error = new StatusError(CODE.canceled, "context canceled");
  error.cause = cause;
  return error;
}

/** Keeps the beginning of what git said on standard error. */
class Complaints {
  readonly #pieces: Uint8Array[] = [];
  #sizeBytes = 0;

  add(piece: Uint8Array): void {
    if (this.#sizeBytes >= STDERR_BYTES_MAX) return;
    this.#pieces.push(piece.slice());
    this.#sizeBytes += piece.length;
  }

  get text(): string {
    const decoder = new TextDecoder();
    return this.#pieces.map((piece) => decoder.decode(piece, { stream: true }))
      .join("") + decoder.decode();
  }
}
