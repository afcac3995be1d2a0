/**
 * A thread of gitlab-sshd that serves connections, and does what the main
 * thread tells it.
 * @module
 */
import type { Config } from "../config/config.ts";
import { loadConfigFrom } from "../config/load.ts";
import { openLog } from "../config/open_log.ts";
import { applyServerEnv } from "../config/server_env.ts";
import { watchEventLoop } from "../core/event_loop_delay.ts";
import { errorText } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { addHeapMetrics, cpuMs } from "../ssh/process_metrics.ts";
import type { RunningSshServer } from "../ssh/server.ts";
import { SharedGate } from "../ssh/shared_gate.ts";
import { catchStrayErrors } from "./stray_errors.ts";
import { METRIC_PREFIX } from "./serving_unit.ts";
import { prepareProductServer, type ProductServer } from "./sshd_server.ts";
import type {
  FromThread,
  ThreadNote,
  ThreadResults,
  ThreadTask,
  ThreadTasks,
  ToThread,
} from "./sshd_thread_messages.ts";
import type { ThreadScope } from "./worker_thread.ts";

/**
 * Serves until the main thread closes it.
 * @param configDir Where the main thread has read its configuration.
 */
export async function runSshdThread(
  host: Host,
  scope: ThreadScope,
  configDir: string,
): Promise<number> {
  try {
    await serveUntilClosed(host, scope, configDir);
    return EXIT_OK;
  } catch (error) {
    scope.postMessage({ kind: "broken", text: errorText(error) });
    return EXIT_FAILURE;
  }
}

async function serveUntilClosed(
  host: Host,
  scope: ThreadScope,
  configDir: string,
): Promise<void> {
  const config = await loadAgain(host, configDir);
  await using log = openLog(config, host, {
    fallback: "stderr",
    isNoticed: true,
  });
  const stopCatching = catchStrayErrors(log);
  const thread = new ServingThread({ host, config, configDir, log, scope });
  const over = Promise.withResolvers<void>();
  scope.onmessage = ({ data }: MessageEvent<ToThread>) => {
    if (data.kind !== "task") return thread.learn(data);
    void thread.answer(data).then((message) => {
      scope.postMessage(message);
      if (data.task === "close") over.resolve();
    });
  };
  scope.postMessage({ kind: "ready" });
  await over.promise;
  thread.end();
  stopCatching();
}

async function loadAgain(host: Host, configDir: string): Promise<Config> {
  const { config } = await loadConfigFrom(configDir);
  return applyServerEnv(config, host);
}

interface ThreadOptions {
  readonly host: Host;
  readonly config: Config;
  readonly configDir: string;
  readonly log: Logger;
  readonly scope: ThreadScope;
}

/** The server of this thread. */
class ServingThread {
  readonly #options: ThreadOptions;
  #server: ProductServer | undefined;
  #running: RunningSshServer | undefined;
  #stopWatching = () => {};

  readonly #tasks: {
    [Task in ThreadTask]: (
      given: ThreadTasks[Task],
    ) => ThreadResults[Task] | Promise<ThreadResults[Task]>;
  } = {
    prepare: (given) => this.#prepare(given),
    listen: ({ address }) => {
      this.#running = this.#server?.ssh.listen({
        reusePort: true,
        ...(address && { address }),
      });
      if (!this.#running) throw new TypeError("Cannot listen unprepared");
      this.#options.host.giveUp?.("env");
      void this.#server?.warmUp();
      return this.#running.address;
    },
    ping: () => undefined,
    recall: () =>
      this.#server?.ssh.admission.recall() ?? { penalties: [], balancers: [] },
    learn: (memory) => void this.#server?.ssh.admission.learn(memory),
    families: () => this.#server?.ssh.metrics.registry.families() ?? [],
    reload: async () => {
      const { host, configDir } = this.#options;
      this.#running?.reload(await loadAgain(host, configDir));
      return undefined;
    },
    stopListening: () => void this.#running?.stopListening(),
    drained: async () => void await this.#running?.drained(),
    close: async () => void await this.#running?.close(),
  };

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** Does one task; never rejects. */
  async answer(
    message: Extract<ToThread, { kind: "task" }>,
  ): Promise<FromThread> {
    const { id } = message;
    try {
      return { kind: "result", id, value: await this.#run(message) };
    } catch (error) {
      return { kind: "failure", id, text: errorText(error) };
    }
  }

  /** Takes in what another thread has seen. */
  learn(note: ThreadNote): void {
    const admission = this.#server?.ssh.admission;
    if (note.kind === "balancer") admission?.learnBalancer(note.peer);
    else admission?.punish(note.source, note.offence);
  }

  end(): void {
    this.#stopWatching();
    this.#server?.close();
  }

  #run<Task extends ThreadTask>(
    { task, given }: { readonly task: Task; readonly given: ThreadTasks[Task] },
  ): ThreadResults[Task] | Promise<ThreadResults[Task]> {
    return this.#tasks[task](given);
  }

  async #prepare(
    { gate: memory, thread, correlationId }: ThreadTasks["prepare"],
  ): Promise<undefined> {
    const { config, host, scope } = this.#options;
    const log = this.#options.log.with({ correlation_id: correlationId });
    const gate = new SharedGate(memory);
    const tell = (note: ThreadNote) => scope.postMessage(note);
    this.#server = await prepareProductServer(config, host, log, {
      count: gate.countOf(thread),
      sources: gate.sourcesOf(thread),
      onOffence: (source, offence) =>
        tell({ kind: "offence", source, offence }),
      onBalancer: (peer) => tell({ kind: "balancer", peer }),
    });
    const { registry } = this.#server.ssh.metrics;
    addHeapMetrics(registry);
    this.#stopWatching = watchEventLoop(registry, METRIC_PREFIX, {
      monotonicMs: () => host.clock.monotonicMs(),
      cpuMs,
    });
    return undefined;
  }
}
