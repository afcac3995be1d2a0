/**
 * One serving thread of gitlab-sshd, seen from the main one: what it is asked,
 * and how it is noticed that it has ended or hangs.
 * @module
 */
import type { Logger } from "../core/log.ts";
import type {
  FromThread,
  ThreadNote,
  ThreadResults,
  ThreadTask,
  ThreadTasks,
} from "./sshd_thread_messages.ts";

/** How long a thread may take to load and to answer anything but `drained`. */
const TASK_TIMEOUT_MS = 30_000;
const PING_INTERVAL_MS = 5_000;
/**
 * A thread is given up after so many rounds without an answer: rounds, not
 * seconds, because a machine that was stopped for a while is not its fault.
 */
const SILENT_ROUNDS_MAX = 6;

/** What is done with a thread. */
export interface ThreadHandleOptions {
  readonly log: Logger;
  /** Told of what all threads have to know. */
  readonly onNote: (note: ThreadNote) => void;
  /** Told once if it ends by itself or hangs; not of what `end` does. */
  readonly onBroken: (error: Error) => void;
  /** Starts the thread; this program's entry unless a test has another. */
  readonly open?: (name: string) => Worker;
  readonly pingMs?: number;
}

interface Waiter {
  resolve(value: ThreadResults[ThreadTask]): void;
  reject(error: Error): void;
}

/** One serving thread. */
export class ServingThreadHandle {
  readonly #options: ThreadHandleOptions;
  readonly #worker: Worker;
  readonly #waiters = new Map<number, Waiter>();
  readonly #ready = Promise.withResolvers<void>();
  #nextId = 0;
  #fault: Error | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  /** @param number For people, from 1. */
  constructor(number: number, options: ThreadHandleOptions) {
    this.#options = options;
    const open = options.open ?? openEntry;
    this.#worker = open(`gitlab-sshd ${number}`);
    this.#worker.onmessage = ({ data }: MessageEvent<FromThread>) =>
      this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      options.log.error("panic", { recovered_error: event.message });
      this.#break(new Error(`a thread has ended: ${event.message}`));
    };
  }

  /** Whether it can be asked nothing any more. */
  get hasEnded(): boolean {
    return this.#fault !== undefined;
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

  /** Passes on what another thread has seen. */
  tell(note: ThreadNote): void {
    if (!this.#fault) this.#worker.postMessage(note);
  }

  /** Begins to make sure that it still answers. */
  watch(): void {
    let silentRounds = 0;
    this.#watch = setInterval(() => {
      if (this.#fault) return clearInterval(this.#watch);
      if (silentRounds++ >= SILENT_ROUNDS_MAX) {
        return this.#break(new Error("a thread does not answer any more"));
      }
      this.ask("ping", undefined).then(() => silentRounds = 0, () => {});
    }, this.#options.pingMs ?? PING_INTERVAL_MS);
  }

  /** Ends the thread at once. */
  end(): void {
    this.#fail(new Error("the thread was ended"));
    this.#worker.terminate();
  }

  #receive(data: FromThread): void {
    switch (data.kind) {
      case "ready":
        return this.#ready.resolve();
      case "broken":
        return this.#break(new Error(data.text));
      case "offence":
      case "balancer":
        return this.#options.onNote(data);
    }
    const waiter = this.#waiters.get(data.id);
    this.#waiters.delete(data.id);
    if (data.kind === "result") waiter?.resolve(data.value);
    else waiter?.reject(new Error(data.text));
  }

  #break(error: Error): void {
    if (this.#fault) return;
    this.#fail(error);
    this.#worker.terminate();
    this.#options.onBroken(error);
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    clearInterval(this.#watch);
    this.#ready.resolve();
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

function openEntry(name: string): Worker {
  return new Worker(Deno.mainModule, { type: "module", name });
}
