/**
 * Several threads that serve one port, so that more than one processor works:
 * the system gives each new connection to one of them. The main thread serves
 * none itself; it answers probes, joins metrics and passes on what it is told.
 * A thread that breaks down takes its own sessions with it and is started anew.
 * @module
 */
import type { Config } from "../config/config.ts";
import { errorText } from "../core/errors.ts";
import type { MetricFamily } from "../core/metrics.ts";
import {
  type ListenAddress,
  parseListenAddress,
} from "../ssh/listen_address.ts";
import { openListener } from "../ssh/listener.ts";
import { SharedGate } from "../ssh/shared_gate.ts";
import type { ServingUnit } from "./serving_unit.ts";
import type { ServeOptions } from "./sshd_serve.ts";
import { ServingThreadHandle } from "./sshd_thread_handle.ts";
import type { ThreadNote, ThreadResults } from "./sshd_thread_messages.ts";
import { BreakdownRate, PastMetrics } from "./thread_breakdowns.ts";

/** Pause before a thread is started anew, doubled while it cannot start. */
const RESTART_PAUSE_MS = 1_000;
const RESTART_PAUSE_MS_MAX = 30_000;

type UnitOptions = Pick<ServeOptions, "config" | "log" | "correlationId">;

/**
 * Starts threads that are ready to listen.
 * @throws {Error} What a start in this thread alone would throw.
 */
export async function openThreadUnit(
  threadCount: number,
  options: UnitOptions,
): Promise<ServingUnit> {
  const unit = new ThreadUnit(threadCount, options);
  try {
    await unit.prepare();
  } catch (error) {
    await unit[Symbol.asyncDispose]();
    throw error;
  }
  return unit;
}

class ThreadUnit implements ServingUnit {
  readonly #options: UnitOptions;
  readonly #gate: SharedGate;
  /** The threads by their places at the gate. */
  readonly #threads: ServingThreadHandle[] = [];
  /** Threads that will serve soon and listen to what the others see. */
  readonly #joining = new Set<ServingThreadHandle>();
  readonly #broken = Promise.withResolvers<never>();
  readonly #stop = new AbortController();
  readonly #rate = new BreakdownRate();
  readonly #metrics = new PastMetrics();
  #bound: ListenAddress | undefined;
  #reloadCount = 0;

  constructor(threadCount: number, options: UnitOptions) {
    this.#options = options;
    this.#gate = new SharedGate(SharedGate.allocate(threadCount));
    for (let at = 0; at < threadCount; at++) this.#threads.push(this.#open(at));
    // Nobody waits for it before the server listens.
    this.#broken.promise.catch(() => {});
  }

  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  async prepare(): Promise<void> {
    await Promise.all(
      this.#threads.map((thread, at) => this.#prepare(thread, at)),
    );
  }

  async listen(): Promise<void> {
    const [first, ...others] = this.#threads;
    const address = parseListenAddress(this.#options.config.sshd.listen);
    // Among threads the port is shared, so that another program's use of it
    // would not be noticed.
    if (address.port !== 0) openListener(address).close();
    // From here on one that breaks down is replaced.
    const bound = this.#bound = await first?.ask("listen", {
      address: undefined,
    });
    await Promise.all(others.map(async (thread) => {
      try {
        await thread.ask("listen", { address: bound });
      } catch (error) {
        if (!thread.hasEnded) throw error;
      }
    }));
    for (const thread of this.#threads) thread.watch();
  }

  async families(): Promise<MetricFamily[][]> {
    const families = await this.#askAll("families");
    return this.#metrics.join(families);
  }

  async reload(): Promise<void> {
    this.#reloadCount++;
    await this.#askAll("reload");
  }

  stopListening(): void {
    this.#stop.abort();
    void this.#askAll("stopListening").catch(() => {});
  }

  async drained(): Promise<void> {
    await this.#askAll("drained");
  }

  async close(): Promise<void> {
    await this.#askAll("close");
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const thread of this.#threads) thread.end();
    return Promise.resolve();
  }

  #open(at: number): ServingThreadHandle {
    const { log } = this.#options;
    const handle: ServingThreadHandle = new ServingThreadHandle(at + 1, {
      log,
      onNote: (note) => this.#passOn(handle, note),
      onBroken: (error) => this.#noteBreakdown(handle, error),
    });
    return handle;
  }

  async #prepare(thread: ServingThreadHandle, at: number): Promise<void> {
    const { correlationId } = this.#options;
    const gate = this.#gate.memory;
    await thread.ask("prepare", { gate, thread: at, correlationId });
  }

  #passOn(from: ServingThreadHandle, note: ThreadNote): void {
    for (const thread of [...this.#threads, ...this.#joining]) {
      if (thread !== from) thread.tell(note);
    }
  }

  /** Asks those that can answer; who breaks down meanwhile is left out. */
  async #askAll<
    Task extends "families" | "reload" | "stopListening" | "drained" | "close",
  >(task: Task): Promise<(ThreadResults[Task] | undefined)[]> {
    return await Promise.all(this.#threads.map(async (thread) => {
      try {
        return await thread.ask(task, undefined);
      } catch (error) {
        if (thread.hasEnded) return undefined;
        throw error;
      }
    }));
  }

  #noteBreakdown(thread: ServingThreadHandle, error: Error): void {
    const at = this.#threads.indexOf(thread);
    // Before it has served, whoever has started it is told.
    if (at < 0 || !this.#bound || this.#stop.signal.aborted) return;
    this.#options.log.error("a thread has broken down with its sessions", {
      thread: at + 1,
      error_message: errorText(error),
    });
    this.#metrics.keep(at);
    const fault = this.#rate.note(performance.now());
    if (fault !== undefined) this.#broken.reject(new Error(fault));
    else void this.#replace(at, this.#bound);
  }

  /** Starts a thread anew until it serves; never rejects. */
  async #replace(at: number, address: ListenAddress): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#stop;
    let pauseMs = RESTART_PAUSE_MS;
    for (;;) {
      if (!await pause(pauseMs, signal)) return;
      // By now it has come to a standstill.
      this.#gate.forget(at);
      const thread = this.#open(at);
      const reloadCount = this.#reloadCount;
      try {
        await this.#start(thread, at, address);
      } catch (error) {
        thread.end();
        log.error("a thread cannot be started again", {
          thread: at + 1,
          error_message: errorText(error),
        });
        if (this.#threads.every(({ hasEnded }) => hasEnded)) {
          return this.#broken.reject(new Error("no thread is left"));
        }
        pauseMs = Math.min(pauseMs * 2, RESTART_PAUSE_MS_MAX);
        continue;
      }
      if (signal.aborted) return thread.end();
      this.#threads[at] = thread;
      thread.watch();
      log.info("a thread serves again", { thread: at + 1 });
      if (reloadCount === this.#reloadCount) return;
      // It may have read what was there before.
      return await thread.ask("reload", undefined).then(() => {}, () => {});
    }
  }

  /** Has a thread listen beside the others, with what they have learnt. */
  async #start(
    thread: ServingThreadHandle,
    at: number,
    address: ListenAddress,
  ): Promise<void> {
    await this.#prepare(thread, at);
    this.#joining.add(thread);
    try {
      const other = this.#threads.find(({ hasEnded }) => !hasEnded);
      const memory = await other?.ask("recall", undefined)
        .catch(() => undefined);
      if (memory) await thread.ask("learn", memory);
      await thread.ask("listen", { address });
    } finally {
      this.#joining.delete(thread);
    }
    if (thread.hasEnded) throw new Error("the thread has ended again");
  }
}

/** @returns Whether the time has passed, rather than the server stopped. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** How many threads serve: 0 means one for each processor. */
export function threadCountOf({ sshd: { workers } }: Config): number {
  if (workers !== 0) return Math.max(workers, 1);
  try {
    return Math.max(navigator.hardwareConcurrency, 1);
  } catch (error) {
    throw new Error(`sshd.workers: ${errorText(error)}`, { cause: error });
  }
}
