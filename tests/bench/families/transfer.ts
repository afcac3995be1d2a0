/**
 * Clones and pushes of small and large repositories through gitlab-shell.
 * @module
 */
import { type BenchWorld, type Family, OURS, RIVAL } from "../bench_world.ts";
import { CPU_PER_GIB_NOTE, timeWays } from "../git_way.ts";
import { cloneWork, pushWork } from "../git_works.ts";
import { PEAK_NOTE } from "../process_timer.ts";
import type { Goal, Question } from "../question.ts";
import { openShellWays, PIPE } from "../shell_ways.ts";

/** Rounds by size in MiB: the small ones are over in a moment. */
const CLONES: ReadonlyMap<number, number> = new Map([
  [1, 15],
  [8, 8],
  [64, 5],
  [256, 2],
  [1024, 7],
]);
const PUSHES: ReadonlyMap<number, number> = new Map([
  [1, 15],
  // Of fewer than a hundred objects receive-pack makes files of their own.
  [256, 3],
  [1024, 2],
]);
const QUICK_MIB_MAX = 8;
const LARGEST_MIB = 1024;

function sizesOf(
  rounds: ReadonlyMap<number, number>,
  isQuick: boolean,
): number[] {
  return [...rounds.keys()].filter((size) => !isQuick || size <= QUICK_MIB_MAX);
}

/** git at both ends, our programs in between. */
export const transferFamily: Family = {
  name: "transfer",
  sizesMib: (isQuick) => sizesOf(CLONES, isQuick),
  async run(world, tell) {
    for (const size of sizesOf(CLONES, world.isQuick)) {
      tell(await ask(world, "clone", size));
    }
    for (const size of sizesOf(PUSHES, world.isQuick)) {
      tell(await ask(world, "push", size));
    }
  },
};

async function ask(
  world: BenchWorld,
  kind: "clone" | "push",
  sizeMib: number,
): Promise<Question> {
  const ways = await openShellWays(world);
  const makeWork = kind === "clone" ? cloneWork : pushWork;
  const rounds = (kind === "clone" ? CLONES : PUSHES).get(sizeMib) ?? 1;
  const series = await timeWays(world, {
    ways,
    work: makeWork(world, sizeMib),
    rounds: world.rounds(rounds),
  });
  return {
    family: "transfer",
    title: `git ${kind} of ${sizeMib} MiB through gitlab-shell`,
    unit: "MiB/s",
    series,
    goals: sizeMib === LARGEST_MIB ? goalsOf(kind) : [],
    point: { curve: `git ${kind}, by size`, at: sizeMib, unit: "MiB" },
  };
}

function goalsOf(kind: "clone" | "push"): Goal[] {
  const goals: Goal[] = [
    { of: OURS, against: PIPE, atLeast: kind === "clone" ? 0.65 : 0.6 },
    { of: OURS, against: RIVAL, atLeast: 1 },
    { of: OURS, note: PEAK_NOTE, atMost: kind === "clone" ? 60 : 110 },
  ];
  if (kind === "clone") {
    goals.push({ of: OURS, note: CPU_PER_GIB_NOTE, atMost: 1.2 });
  }
  goals.push({
    of: OURS,
    against: RIVAL,
    note: CPU_PER_GIB_NOTE,
    atMost: 1,
  });
  return goals;
}
