/**
 * Several threads that serve one port, so that more than one processor works:
 * the system gives each new connection to one of them. The main thread serves
 * none itself; it answers probes, joins metrics and passes on what it is told.
 * @module
 */
import type { Config } from "../config/config.ts";
import { errorText } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { MetricFamily } from "../core/metrics.ts";
import {
  type ListenAddress,
  parseListenAddress,
} from "../ssh/listen_address.ts";
import { openListener } from "../ssh/listener.ts";
import { SharedGate } from "../ssh/shared_gate.ts";
import type { ServingUnit } from "./serving_unit.ts";
import type { ServeOptions } from "./sshd_serve.ts";
import type {
  FromThread,
  ThreadNote,
  ThreadResults,
  ThreadTask,
  ThreadTasks,
  ToThread,
} from "./sshd_thread_messages.ts";

/** How long a thread may take to load and to answer anything but `drained`. */
const TASK_TIMEOUT_MS = 30_000;

/**
 * Starts threads that are ready to listen.
 * @throws {Error} What a start in this thread alone would throw.
 */
export async function openThreadUnit(
  threadCount: number,
  { config, log, correlationId }: Pick<
    ServeOptions,
    "config" | "log" | "correlationId"
  >,
): Promise<ServingUnit> {
  const gate = SharedGate.allocate(threadCount);
  const threads: ServingThreadHandle[] = [];
  const note = (from: ServingThreadHandle, message: ThreadNote) => {
    for (const thread of threads) if (thread !== from) thread.tell(message);
  };
  for (let at = 0; at < threadCount; at++) {
    threads.push(new ServingThreadHandle(at + 1, { note, log }));
  }
  const unit = new ThreadUnit(config, threads);
  try {
    await Promise.all(
      threads.map((handle, thread) =>
        handle.ask("prepare", { gate, thread, correlationId })
      ),
    );
  } catch (error) {
    await unit[Symbol.asyncDispose]();
    throw error;
  }
  return unit;
}

class ThreadUnit implements ServingUnit {
  readonly #config: Config;
  readonly #threads: readonly ServingThreadHandle[];
  readonly broken: Promise<never>;

  constructor(config: Config, threads: readonly ServingThreadHandle[]) {
    this.#config = config;
    this.#threads = threads;
    this.broken = Promise.race(threads.map(({ broken }) => broken));
    // Nobody waits for it before the server listens.
    this.broken.catch(() => {});
  }

  async listen(): Promise<void> {
    const [first, ...others] = this.#threads;
    const address = parseListenAddress(this.#config.sshd.listen);
    // Among threads the port is shared, so that another program's use of it
    // would not be noticed.
    if (address.port !== 0) openListener(address).close();
    const bound: ListenAddress | undefined = await first?.ask("listen", {
      address: undefined,
    });
    await Promise.all(
      others.map((thread) => thread.ask("listen", { address: bound })),
    );
  }

  families(): Promise<MetricFamily[][]> {
    return this.#askAll("families");
  }

  async reload(): Promise<void> {
    await this.#askAll("reload");
  }

  stopListening(): void {
    void this.#askAll("stopListening").catch(() => {});
  }

  async drained(): Promise<void> {
    await this.#askAll("drained");
  }

  async close(): Promise<void> {
    await this.#askAll("close");
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const thread of this.#threads) thread.end();
    return Promise.resolve();
  }

  #askAll<Task extends Exclude<ThreadTask, "prepare" | "listen">>(
    task: Task,
  ): Promise<ThreadResults[Task][]> {
    return Promise.all(
      this.#threads.map((thread) => thread.ask(task, undefined)),
    );
  }
}

interface Waiter {
  resolve(value: ThreadResults[ThreadTask]): void;
  reject(error: Error): void;
}

/** One serving thread, seen from the main one. */
class ServingThreadHandle {
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #broken = Promise.withResolvers<never>();
  #nextId = 0;
  #fault: Error | undefined;

  constructor(
    number: number,
    { note, log }: {
      note: (from: ServingThreadHandle, message: ThreadNote) => void;
      log: Logger;
    },
  ) {
    const name = `gitlab-sshd ${number}`;
    this.#worker = new Worker(Deno.mainModule, { type: "module", name });
    this.#worker.onmessage = ({ data }: MessageEvent<FromThread>) => {
      if (data.kind === "ready") return this.#ready.resolve();
      if (data.kind === "broken") return this.#fail(new Error(data.text));
      if (data.kind === "offence" || data.kind === "balancer") {
        return note(this, data);
      }
      const waiter = this.#waiters.get(data.id);
      this.#waiters.delete(data.id);
      if (data.kind === "result") waiter?.resolve(data.value);
      else waiter?.reject(new Error(data.text));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      log.error("panic", { recovered_error: event.message });
      const error = new Error(`a thread has ended: ${event.message}`);
      this.#fail(error);
      this.#broken.reject(error);
    };
  }

  /** Rejects when the thread has ended by itself. */
  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  /** @throws {Error} With the thread's text, or if it does not answer. */
  async ask<Task extends ThreadTask>(
    task: Task,
    given: ThreadTasks[Task],
  ): Promise<ThreadResults[Task]> {
    if (this.#fault) throw this.#fault;
    const id = this.#nextId++;
    const answer = Promise.withResolvers<ThreadResults[ThreadTask]>();
    this.#waiters.set(id, answer);
    // Connections end when they end.
    const timer = task === "drained" || task === "close"
      ? undefined
      : setTimeout(
        () => answer.reject(new Error("a thread does not answer")),
        TASK_TIMEOUT_MS,
      );
    try {
      await Promise.race([this.#ready.promise, answer.promise]);
      this.#worker.postMessage({ kind: "task", id, task, given });
      // The thread answers each task with a value of its own type.
      return await answer.promise as ThreadResults[Task];
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(id);
    }
  }

  tell(message: Extract<ToThread, ThreadNote>): void {
    if (!this.#fault) this.#worker.postMessage(message);
  }

  /** Ends the thread at once. */
  end(): void {
    this.#fail(new Error("the thread was ended"));
    this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#ready.resolve();
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
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
