/**
 * How many people can log in: logins with a `discover` each, one after the
 * other on a few lines, the server on one processor and the clients on another.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import type { BenchWorld, Family } from "../bench_world.ts";
import {
  openDoors,
  OPENSSH_OURS,
  OPENSSH_RIVAL,
  SSHD_OURS,
  SSHD_RIVAL,
} from "../door_plans.ts";
import { type Door, pinTo } from "../doors.ts";
import { gitEnv } from "../git_way.ts";
import { type Contender, runOnce } from "../process_timer.ts";
import { median, type Series } from "../question.ts";
import { readCpuMs } from "../usage.ts";

const DOORS = [OPENSSH_OURS, OPENSSH_RIVAL, SSHD_OURS, SSHD_RIVAL];
const ROUNDS = 4;
const LOGINS = 40;
const QUICK_LOGINS = 6;
/** Clients at a time. */
const LINES = 6;
const SERVER_PROCESSOR = 0;
const CLIENT_PROCESSOR = 1;
/** The same work for all: neither build has OpenSSH's own exchange. */
const OPTIONS = ["KexAlgorithms=curve25519-sha256"];
const COST_NOTE = "CPU-ms of the server each";
const WELCOME = `Welcome to GitLab, @${SAMPLE.username}!\n`;

/** Logins per second. */
export const sshdLoginsFamily: Family = {
  name: "sshd-logins",
  sizesMib: () => [],
  async run(world, tell) {
    await using open = await openDoors(world, DOORS, {
      options: OPTIONS,
      processor: SERVER_PROCESSOR,
    });
    const values = open.doors.map(() => [] as number[]);
    const costs = open.doors.map(() => [] as number[]);
    const logins = world.isQuick ? QUICK_LOGINS : LOGINS;
    for (let round = -1; round < world.rounds(ROUNDS); round++) {
      for (const [index, door] of open.doors.entries()) {
        const { seconds, cpuMs } = await logInOften(world, { door, logins });
        if (round < 0) continue;
        values[index]?.push(logins / seconds);
        costs[index]?.push(cpuMs / logins);
      }
    }
    const series = open.doors.map(({ name }, index): Series => {
      const cpuMs = median(costs[index] ?? []);
      const notes = {
        [COST_NOTE]: cpuMs,
        "a second if a processor did nothing else": 1000 / cpuMs,
      };
      return { name, values: values[index] ?? [], notes };
    });
    tell({
      family: "sshd-logins",
      title: "logins with discover, the server on one processor",
      unit: "per second",
      series,
      goals: [
        { of: SSHD_OURS, against: OPENSSH_OURS, atLeast: 3 },
        // The clients' processor is the bound of these two.
        { of: SSHD_OURS, against: SSHD_RIVAL, note: COST_NOTE, atMost: 1 },
      ],
      remark: "The clients of the logins take a whole processor too, which " +
        "bounds what can be seen; what the server uses for each says more.",
    });
  },
};

async function logInOften(
  { folder }: BenchWorld,
  { door, logins }: { door: Door; logins: number },
): Promise<{ seconds: number; cpuMs: number }> {
  const [command = "", ...args] = [...pinTo(CLIENT_PROCESSOR), ...door.ssh];
  const { name } = door;
  const env = gitEnv(folder);
  const client: Contender = { name, command, args, env, expects: WELCOME };
  let left = logins;
  const cpuMs = readCpuMs(door.pid);
  const startMs = performance.now();
  await Promise.all(Array.from({ length: LINES }, async () => {
    while (left-- > 0) await runOnce(client);
  }));
  const seconds = (performance.now() - startMs) / 1000;
  return { seconds, cpuMs: readCpuMs(door.pid) - cpuMs };
}
