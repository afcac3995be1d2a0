/**
 * The real host: this process, as the programs see it.
 * @module
 */
import { neverAborts } from "../core/never.ts";
import { type Host, SYSTEM_CLOCK } from "../core/host.ts";
import { makeAuthority } from "./authority.ts";
import type { ProgramWord } from "./program_word.ts";
import { openStandardStreams } from "./standard_streams.ts";
import { findThreadScope } from "./worker_thread.ts";

/** Signals that a server finishes its work for. */
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Makes the host of this process.
 *
 * One-shot programs listen for no signal but that of `debugger_signal.ts`: each
 * has its default action, so that a session ends with its client however busy
 * it is.
 * @param args What the caller passed to the program itself.
 */
export function makeDenoHost(
  word: ProgramWord,
  args: readonly string[],
): Host {
  const { program, build, launcherPath } = word;
  // One thread hears them and tells the others.
  const hearsSignals = program === "gitlab-sshd" && !findThreadScope();
  let executable: { path: string | undefined } | undefined;
  return {
    programName: program,
    invokedAs: baseName(launcherPath ?? program),
    get executablePath() {
      executable ??= { path: findExecutable(word) };
      return executable.path;
    },
    build,
    args,
    io: openStandardStreams(),
    clock: SYSTEM_CLOCK,
    signal: hearsSignals ? listenForStop() : neverAborts(),
    ...(hearsSignals && { onReload: listenForReload() }),
    ...makeAuthority(program === "gitlab-sshd"),
  };
}

/**
 * The file that the caller started, links resolved: the launcher of the
 * portable form, the executable of the compiled one, the entry in the sources.
 */
function findExecutable(
  { isBuilt, launcherPath }: ProgramWord,
): string | undefined {
  try {
    if (launcherPath !== undefined) return Deno.realPathSync(launcherPath);
    if (isBuilt) return Deno.execPath();
    return Deno.realPathSync(new URL(Deno.mainModule));
  } catch {
    return undefined;
  }
}

/**
 * Aborts at the first signal and listens no more: the second one kills.
 * Source: GitLab Shell 14.56.1, cmd/gitlab-sshd.
 */
function listenForStop(): AbortSignal {
  const stop = new AbortController();
  const listeners = STOP_SIGNALS.map((name) => {
    const listener = () => {
      for (const [other, heard] of listeners) {
        Deno.removeSignalListener(other, heard);
      }
      stop.abort(new Error(`Stopped by ${name}`, { cause: name }));
    };
    return [name, listener] as const;
  });
  for (const [name, listener] of listeners) {
    Deno.addSignalListener(name, listener);
  }
  return stop.signal;
}

/**
 * Hears SIGHUP from the start on, which would otherwise end the program while
 * it is still starting.
 */
function listenForReload(): (listener: () => void) => void {
  const listeners: (() => void)[] = [];
  Deno.addSignalListener("SIGHUP", () => {
    for (const listener of listeners) listener();
  });
  return (listener) => void listeners.push(listener);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
