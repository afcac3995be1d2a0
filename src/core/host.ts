/**
 * What a program sees of the machine it runs on. Entries build the real one;
 * tests build their own, so that nothing below them touches the process.
 * @module
 */
import type { StandardStreams } from "./io.ts";

/** The two clocks, and waiting on them. */
export interface Clock {
  /** Wall clock, milliseconds since 1970 with fraction. */
  nowMs(): number;
  /** A clock that never goes back, in milliseconds; only differences mean anything. */
  monotonicMs(): number;
  /**
   * Waits.
   * @throws {unknown} `signal.reason`, at once when the signal aborts.
   */
  sleep(timeoutMs: number, signal?: AbortSignal): Promise<void>;
}

/** Version and time of the build, as `-version` prints them. */
export interface BuildStamp {
  /** `v14.56.1`, or `(unknown version)` when nothing was stamped. */
  readonly version: string;
  /** UTC as `YYYYMMDD.HHMMSS`. */
  readonly buildTime: string;
}

/**
 * What a program can do from its start on until it gives it up: read the
 * environment; open files and sockets that have a path; dial and look up.
 */
export type Authority = "env" | "files" | "net";

/** One program's view of its process. */
export interface Host {
  /** The program's own name, baked in by the build: `gitlab-shell`. */
  readonly programName: string;
  /** Base name of `argv[0]` as the caller gave it, for `-version` alone. */
  readonly invokedAs: string;
  /** Absolute path of the running executable, links resolved; absent if unknown. */
  readonly executablePath: string | undefined;
  readonly build: BuildStamp;
  readonly args: readonly string[];
  readonly io: StandardStreams;
  readonly clock: Clock;
  /** Aborts when the program is told to stop. */
  readonly signal: AbortSignal;
  /**
   * Calls back each time the program is told to read its files again; absent
   * for programs that are not told.
   */
  readonly onReload?: (listener: () => void) => void;
  /** An environment variable; `undefined` when it is not set. */
  env(name: string): string | undefined;
  /** Changes this process's environment, which TLS reads for its roots. */
  setEnv(name: string, value: string): void;
  /**
   * Gives up for the rest of the process what is not needed any more. What is
   * open stays open, and variables that dialling asks for are remembered.
   * Absent where nothing can be given up, as in tests.
   */
  readonly giveUp?: (...authorities: readonly Authority[]) => void;
}

/** The clock of this process. */
export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  monotonicMs: () => performance.now(),
  sleep(timeoutMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(done, timeoutMs);
      signal?.addEventListener("abort", stop, { once: true });
      function done() {
        signal?.removeEventListener("abort", stop);
        resolve();
      }
      function stop() {
        clearTimeout(timer);
        reject(signal?.reason);
      }
    });
  },
};
