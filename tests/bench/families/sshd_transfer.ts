/**
 * Clones and pushes over SSH: gitlab-sshd against OpenSSH with git behind it,
 * by the client's own choice of cipher and by each.
 * @module
 */
import { type BenchWorld, type Family, RIVAL } from "../bench_world.ts";
import {
  openDoors,
  OPENSSH_OURS,
  PLAIN,
  SSHD_OURS,
  SSHD_RIVAL,
} from "../door_plans.ts";
import { CPU_PER_GIB_NOTE, timeWays } from "../git_way.ts";
import { cloneWork, pushWork } from "../git_works.ts";
import type { Goal } from "../question.ts";

const DOORS = [PLAIN, SSHD_OURS, SSHD_RIVAL];
const LARGE_MIB = 1024;
const MIDDLE_MIB = 128;
const QUICK_MIB = 8;
const ROUNDS = 2;
/** OpenSSH's, without those that nobody chooses any more. */
const CIPHERS = [
  "chacha20-poly1305@openssh.com",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-ctr",
];
const NO_WORSE: readonly Goal[] = [
  { of: SSHD_OURS, against: SSHD_RIVAL, atLeast: 1 },
];

/** Throughput of gitlab-sshd. */
export const sshdTransferFamily: Family = {
  name: "sshd-transfer",
  sizesMib: (isQuick) => isQuick ? [QUICK_MIB] : [MIDDLE_MIB, LARGE_MIB],
  async run(world, tell) {
    const large = world.isQuick ? QUICK_MIB : LARGE_MIB;
    const middle = world.isQuick ? QUICK_MIB : MIDDLE_MIB;
    const family = "sshd-transfer";
    const shared = { family, unit: "MiB/s", remark: REMARK } as const;
    tell({
      ...shared,
      title: `git clone of ${large} MiB over SSH, the client's own cipher`,
      series: await time(world, { kind: "clone", sizeMib: large }),
      goals: [{ of: SSHD_OURS, against: PLAIN, atLeast: 0.8 }, ...NO_WORSE],
    });
    tell({
      ...shared,
      title: `git push of ${middle} MiB over SSH, the client's own cipher`,
      series: await time(world, { kind: "push", sizeMib: middle }),
      goals: NO_WORSE,
    });
    for (const cipher of CIPHERS) {
      tell({
        ...shared,
        title: `git clone of ${middle} MiB over SSH by ${cipher}`,
        series: await time(world, { kind: "clone", sizeMib: middle, cipher }),
        goals: NO_WORSE,
      });
    }
  },
};

const REMARK = "The processor's time of gitlab-sshd is that of the whole " +
  `server, of OpenSSH that of all its processes and git's as well; ${RIVAL} ` +
  "is put through the same.";

async function time(
  world: BenchWorld,
  { kind, sizeMib, cipher }: {
    kind: "clone" | "push";
    sizeMib: number;
    cipher?: string;
  },
) {
  const options = cipher === undefined ? [] : [`Ciphers=${cipher}`];
  const names = kind === "push" ? [...DOORS, OPENSSH_OURS] : DOORS;
  await using open = await openDoors(world, names, { options });
  const work = kind === "clone" ? cloneWork : pushWork;
  const series = await timeWays(world, {
    ways: open.doors.map(({ way }) => way),
    work: work(world, sizeMib),
    rounds: world.rounds(ROUNDS),
  });
  return series.map(({ name, values, notes }) => {
    const { [CPU_PER_GIB_NOTE]: cpu, ...others } = notes;
    // OpenSSH forks: the peak of its first process is nobody's.
    const isServer = name === SSHD_OURS || name === SSHD_RIVAL;
    const own: Record<string, number> = isServer ? { ...others } : {};
    if (cpu !== undefined && isServer) own[CPU_PER_GIB_NOTE] = cpu;
    return { name, values, notes: own };
  });
}
