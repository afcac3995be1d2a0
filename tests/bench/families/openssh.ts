/**
 * What a user feels: ssh and git through OpenSSH's sshd, with our programs and
 * with theirs, and through gitlab-sshd.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import type { BenchWorld, Family } from "../bench_world.ts";
import {
  openDoors,
  OPENSSH_OURS,
  OPENSSH_RIVAL,
  PLAIN,
  SSHD_OURS,
  SSHD_RIVAL,
} from "../door_plans.ts";
import type { Door } from "../doors.ts";
import { gitEnv } from "../git_way.ts";
import { type Contender, timeProcesses } from "../process_timer.ts";
import type { Series } from "../question.ts";

/**
 * An sshd draws a time of 5 to 9 ms when it starts, and lets what it does for a
 * login take that much, or twice, four or eight times as much: one server more
 * says more than one round more.
 */
const SERVERS = 6;
const ROUNDS = 4;
const DOORS = [PLAIN, OPENSSH_OURS, OPENSSH_RIVAL, SSHD_OURS, SSHD_RIVAL];
const WELCOME = `Welcome to GitLab, @${SAMPLE.username}!\n`;

/** `ssh git@host` and `git ls-remote`, from start to exit. */
export const opensshFamily: Family = {
  name: "openssh",
  sizesMib: () => [],
  async run(world, tell) {
    const rounds = world.rounds(ROUNDS);
    const greetings: Series[][] = [];
    const lists: Series[][] = [];
    for (let server = 0; server < world.rounds(SERVERS); server++) {
      await using open = await openDoors(world, DOORS);
      const time = (ask: (world: BenchWorld, door: Door) => Contender) =>
        timeClients(open.doors.map((door) => ask(world, door)), rounds);
      greetings.push(await time(greet));
      lists.push(await time(listRefs));
    }
    tell({
      family: "openssh",
      title: "ssh git@host, as a user feels it",
      unit: "ms",
      series: joinSeries(greetings),
      goals: [],
      remark: "Plain OpenSSH runs `true` there: it has nobody to greet. Two " +
        "key lookups and one gitlab-shell are in a login through OpenSSH, " +
        "whose sshd stretches what each lookup takes (see below); a few " +
        "rounds on each of several servers, started anew.",
    });
    tell({
      family: "openssh",
      title: "git ls-remote, as a user feels it",
      unit: "ms",
      series: joinSeries(lists),
      goals: [{ of: OPENSSH_OURS, against: OPENSSH_RIVAL, atMost: 1.1 }],
    });
  },
};

/** The rounds of several runs of the same contenders, one after the other. */
function joinSeries(runs: readonly (readonly Series[])[]): Series[] {
  return (runs[0] ?? []).map(({ name, notes }, index) => ({
    name,
    values: runs.flatMap((series) => series[index]?.values ?? []),
    notes,
  }));
}

/** What the clients themselves use says nothing about the servers. */
async function timeClients(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Series[]> {
  const series = await timeProcesses(contenders, rounds);
  return series.map(({ name, values }) => ({ name, values, notes: {} }));
}

function greet({ folder }: BenchWorld, { name, ssh }: Door): Contender {
  const [command = "", ...args] = ssh;
  const env = gitEnv(folder);
  return name === PLAIN
    ? { name, command, args: [...args, "true"], env }
    : { name, command, args, env, expects: WELCOME };
}

function listRefs({ folder }: BenchWorld, { name, way }: Door): Contender {
  return {
    name,
    command: "git",
    args: ["ls-remote", way.urlOf(SAMPLE.project)],
    env: { ...gitEnv(folder), ...way.env },
    expects: /refs\/heads\/main/,
  };
}
