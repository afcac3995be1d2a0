/**
 * How long a crowd takes that comes all at once.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import type { BenchWorld, Family } from "../bench_world.ts";
import {
  openDoors,
  OPENSSH_OURS,
  SSHD_OURS,
  SSHD_RIVAL,
} from "../door_plans.ts";
import type { Door } from "../doors.ts";
import { gitEnv } from "../git_way.ts";
import { runOnce } from "../process_timer.ts";
import type { Question } from "../question.ts";

const CROWD_DOORS = [OPENSSH_OURS, SSHD_OURS, SSHD_RIVAL];
const CROWDS = [1, 10, 50, 200];
const QUICK_CROWDS = [1, 3];
/** Of larger ones OpenSSH is not asked. */
const OPENSSH_CROWD_MAX = 50;
const ROUNDS = 2;
const OPTIONS = ["KexAlgorithms=curve25519-sha256"];

/** Concurrency. */
export const sshdCrowdFamily: Family = {
  name: "sshd-crowd",
  sizesMib: () => [],
  async run(world, tell) {
    for (const crowd of world.isQuick ? QUICK_CROWDS : CROWDS) {
      tell(await askCrowd(world, crowd));
    }
  },
};

async function askCrowd(world: BenchWorld, crowd: number): Promise<Question> {
  const names = CROWD_DOORS.filter((name) =>
    name !== OPENSSH_OURS || crowd <= OPENSSH_CROWD_MAX
  );
  await using open = await openDoors(world, names, { options: OPTIONS });
  const values = open.doors.map(() => [] as number[]);
  for (let round = 0; round < world.rounds(ROUNDS); round++) {
    for (const [index, door] of open.doors.entries()) {
      values[index]?.push(await listRefsAtOnce(world, door, crowd));
    }
  }
  return {
    family: "sshd-crowd",
    title: `${crowd} times git ls-remote at once, until the last is done`,
    unit: "ms",
    series: open.doors.map(({ name }, index) => ({
      name,
      values: values[index] ?? [],
      notes: {},
    })),
    goals: [],
    point: { curve: "git ls-remote at once", at: crowd, unit: "sessions" },
  };
}

/** Every one of them must have got its list. */
async function listRefsAtOnce(
  { folder }: BenchWorld,
  { name, way }: Door,
  crowd: number,
): Promise<number> {
  const startMs = performance.now();
  await Promise.all(Array.from({ length: crowd }, () =>
    runOnce({
      name,
      command: "git",
      args: ["ls-remote", way.urlOf(SAMPLE.project)],
      env: { ...gitEnv(folder), ...way.env },
      expects: /refs\/heads\/main/,
    })));
  return performance.now() - startMs;
}
