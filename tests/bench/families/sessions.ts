/**
 * Many sessions at once: memory that each shares with nobody, while all of
 * them wait for their clients.
 * @module
 */
import { buildSingleProgram } from "../../../src/build/dist.ts";
import { SAMPLE } from "../../../src/devstack/sample.ts";
import {
  BASE_ENV,
  type BenchWorld,
  contendersOf,
  type Family,
  OURS,
} from "../bench_world.ts";
import type { Question, Series } from "../question.ts";
import { readUnsharedMib } from "../usage.ts";
import { median } from "../question.ts";

const CROWDS = [1, 10, 50, 100];
const QUICK_CROWDS = [1, 5];
const JUDGED_CROWD = 50;
const UNSHARED_MIB_MAX = 20;
/** What an empty Deno needs that waits for its input. */
const WAITING = "empty program that waits";
const FLUSH = "0000";
const SESSION_TIMEOUT_MS = 60_000;
const encoder = new TextEncoder();

/** A program that waits for input once it has said `0000`. */
interface Waiter {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** gitlab-shell in the middle of a fetch. */
export const sessionsFamily: Family = {
  name: "sessions",
  sizesMib: () => [],
  async run(world, tell) {
    const waiters = await listWaiters(world);
    for (const crowd of world.isQuick ? QUICK_CROWDS : CROWDS) {
      tell(await askCrowd(waiters, crowd));
    }
  },
};

async function listWaiters(world: BenchWorld): Promise<Waiter[]> {
  const command = await buildSingleProgram(`${world.folder}/empty`, {
    name: "waiting",
    source: `Deno.stdout.writeSync(new TextEncoder().encode("${FLUSH}"));
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(0);
`,
  });
  const { rootPath } = await world.api(0);
  const env = {
    ...BASE_ENV,
    GITLAB_SHELL_DIR: rootPath,
    GIT_PROTOCOL: "version=2",
    SSH_ORIGINAL_COMMAND: `git-upload-pack '${SAMPLE.project}'`,
  };
  return [
    { name: WAITING, command, args: [], env: BASE_ENV },
    ...contendersOf("gitlab-shell").map(([name, command]) => ({
      name,
      command,
      args: ["key-1"],
      env,
    })),
  ];
}

async function askCrowd(
  waiters: readonly Waiter[],
  crowd: number,
): Promise<Question> {
  const series: Series[] = [];
  for (const waiter of waiters) {
    series.push(await measureCrowd(waiter, crowd));
  }
  const isJudged = crowd === JUDGED_CROWD;
  return {
    family: "sessions",
    title: `unshared memory of each of ${crowd} gitlab-shells at once`,
    unit: "MiB",
    samples: "sessions",
    series,
    goals: isJudged ? [{ of: OURS, atMost: UNSHARED_MIB_MAX }] : [],
    point: { curve: "memory of a session", at: crowd, unit: "sessions" },
  };
}

async function measureCrowd(waiter: Waiter, crowd: number): Promise<Series> {
  const startMs = performance.now();
  const sessions = Array.from({ length: crowd }, () => startSession(waiter));
  try {
    await Promise.all(sessions.map(({ isWaiting }) => isWaiting));
    const readyMs = performance.now() - startMs;
    const sizes = sessions.map(({ child }) => readUnsharedMib(child.pid));
    for (const session of sessions) await session.end();
    return {
      name: waiter.name,
      values: sizes,
      notes: {
        "ms until all wait": readyMs,
        "MiB of all": median(sizes) * crowd,
      },
    };
  } finally {
    for (const { kill } of sessions) kill();
  }
}

interface Session {
  readonly child: Deno.ChildProcess;
  /** Settles when the advertisement has ended. */
  readonly isWaiting: Promise<void>;
  /** Says that there is nothing to fetch. @throws {Error} If it then fails. */
  end(): Promise<void>;
  kill(): void;
}

function startSession({ name, command, args, env }: Waiter): Session {
  const child = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(SESSION_TIMEOUT_MS),
  }).spawn();
  const reader = child.stdout.getReader();
  return {
    child,
    isWaiting: (async () => {
      const decoder = new TextDecoder();
      let text = "";
      while (!text.endsWith(FLUSH)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`${name} ended after ${text}`);
        text += decoder.decode(value, { stream: true });
      }
    })(),
    async end() {
      const writer = child.stdin.getWriter();
      await writer.write(encoder.encode(FLUSH));
      await writer.close().catch(() => {});
      const { success, code } = await child.status;
      if (!success) throw new Error(`${name} ended with ${code}`);
      await reader.cancel();
    },
    kill() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
    },
  };
}
