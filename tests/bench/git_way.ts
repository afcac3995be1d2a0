/**
 * Ways by which the machine's own git reaches a repository, and how long it
 * takes by each.
 * @module
 */
import type { BenchWorld } from "./bench_world.ts";
import { PEAK_NOTE } from "./process_timer.ts";
import { median, type Series } from "./question.ts";

/** What was used at the server's end of one operation. */
export interface WayUsage {
  readonly cpuMs: number;
  readonly peakRssMib: number;
}

/** One way. */
export interface GitWay {
  readonly name: string;
  /** URL of a project's repository, or its path. */
  urlOf(project: string): string;
  /** What git is told besides: `GIT_SSH_COMMAND`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Words in front of git's own: `-c protocol.version=2`. */
  readonly options?: readonly string[];
  /** Program of the other end, where git starts it itself. */
  readonly receivePack?: string;
  /** Begins to look at what is used; the result tells it. */
  meter?(): () => Promise<WayUsage>;
  /** Environment that `meter` needs, where looking itself takes time. */
  readonly meterEnv?: Readonly<Record<string, string>>;
}

/** One operation of git, done over and over. */
export interface GitWork {
  /** Words of the command for a way. */
  words(way: GitWay): Promise<readonly string[]>;
  /** Throws unless the work was done, and takes away what it left. */
  finish(): Promise<void>;
  /** What is carried, in MiB. */
  readonly sizeMib: number;
}

const GIT_TIMEOUT_MS = 300_000;
const GIB_MIB = 1024;
const METERED_MIB_MIN = 64;
/** Name of the note with the processor's time. */
export const CPU_PER_GIB_NOTE = "CPU-s/GiB";
const decoder = new TextDecoder();

/** What git is run with, and nothing else. */
export function gitEnv(home: string): Record<string, string> {
  return {
    PATH: Deno.env.get("PATH") ?? "",
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_SSH_VARIANT: "ssh",
    LC_ALL: "C",
  };
}

/**
 * Runs git.
 * @returns What it printed.
 * @throws {Error} If it fails, with what it said.
 */
export async function runGit(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: [...args],
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    signal: AbortSignal.timeout(GIT_TIMEOUT_MS),
  }).output();
  if (!success) {
    throw new Error(`git ${args.join(" ")}: ${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

/**
 * Throughput of each way in turn, in MiB/s. Small operations are looked at in
 * one more round that does not count: to look takes as long as they do.
 */
export async function timeWays(
  { folder }: BenchWorld,
  { ways, work, rounds }: {
    ways: readonly GitWay[];
    work: GitWork;
    rounds: number;
  },
): Promise<Series[]> {
  const rates = ways.map(() => [] as number[]);
  const usages = ways.map(() => [] as WayUsage[]);
  const isLarge = work.sizeMib >= METERED_MIB_MIN;
  for (let round = 0; round < rounds + (isLarge ? 0 : 1); round++) {
    const isMetered = isLarge || round === rounds;
    for (const [index, way] of ways.entries()) {
      const words = await work.words(way);
      const read = isMetered ? way.meter?.() : undefined;
      const startMs = performance.now();
      await runGit([...way.options ?? [], ...words], {
        ...gitEnv(folder),
        ...way.env,
        ...isMetered ? way.meterEnv : {},
      });
      const seconds = (performance.now() - startMs) / 1000;
      const usage = await read?.();
      await work.finish();
      if (round < rounds) rates[index]?.push(work.sizeMib / seconds);
      if (usage) usages[index]?.push(usage);
    }
  }
  return ways.map(({ name }, index) => {
    const values = rates[index] ?? [];
    const notes = summarise(values, usages[index] ?? [], work.sizeMib);
    return { name, values, notes };
  });
}

function summarise(
  rates: readonly number[],
  usages: readonly WayUsage[],
  sizeMib: number,
): Record<string, number> {
  const notes: Record<string, number> = {
    "ms each": sizeMib * 1000 / median(rates),
  };
  if (usages.length === 0) return notes;
  const cpuMs = median(usages.map((usage) => usage.cpuMs));
  notes[CPU_PER_GIB_NOTE] = cpuMs / 1000 / (sizeMib / GIB_MIB);
  notes[PEAK_NOTE] = Math.max(...usages.map((usage) => usage.peakRssMib));
  return notes;
}
