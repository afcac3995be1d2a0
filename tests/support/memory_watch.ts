/**
 * The most memory that each of the programs which run once per session has
 * taken, looked up in /proc while they run.
 * @module
 */
import { assert } from "@std/assert";
import { listProcesses, memoryMib, type RunningProcess } from "./processes.ts";

/** What the launcher makes of a program's words. */
const PROGRAM =
  / (gitlab-shell|gitlab-shell-authorized-keys-check|gitaly-ssh)@/;
/**
 * The kernel keeps the peak for us, so that it is missed by what the process
 * takes after the last look at most.
 */
const LOOK_EVERY_MS = 50;
/**
 * What one session may take, whatever its peers do. A clone takes about 55 MiB,
 * a key lookup 35, most of which is the runtime and shared by all.
 */
export const SESSION_MIB_MAX = 110;

/** Looks until it is disposed of. */
export class MemoryWatch implements Disposable {
  readonly #belongs: (process: RunningProcess) => boolean;
  readonly #timer: ReturnType<typeof setInterval>;
  /** By process and program: a launcher becomes what it launches. */
  readonly #peaks = new Map<string, number>();

  /** @param belongs Whether a process is one of the test's own. */
  constructor(belongs: (process: RunningProcess) => boolean) {
    this.#belongs = belongs;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /**
   * Asserts that processes of a program were seen, and that none took more than
   * it may.
   */
  assertBounded(program: string): void {
    const peaks = [...this.#peaks].filter(([name]) =>
      name.startsWith(`${program} `)
    );
    assert(peaks.length > 0, `no ${program} was seen`);
    const tooLarge = peaks.filter(([, mib]) => mib > SESSION_MIB_MAX);
    assert(tooLarge.length === 0, JSON.stringify(tooLarge));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const process of listProcesses()) {
      const [, program] = PROGRAM.exec(process.words) ?? [];
      if (program === undefined || !this.#belongs(process)) continue;
      try {
        const mib = memoryMib(process.pid, "VmHWM");
        if (mib > 0) this.#peaks.set(`${program} ${process.pid}`, mib);
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
