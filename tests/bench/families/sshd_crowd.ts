/**
 * Many connections: what one costs that does nothing, and how long a crowd
 * takes that comes all at once.
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
import type { Door } from "../doors.ts";
import { gitEnv } from "../git_way.ts";
import { runOnce } from "../process_timer.ts";
import type { Question } from "../question.ts";
import { readTreeUnsharedMib } from "../usage.ts";

const DOORS = [OPENSSH_OURS, OPENSSH_RIVAL, SSHD_OURS, SSHD_RIVAL];
/** OpenSSH would take minutes for the larger crowds. */
const CROWD_DOORS = [OPENSSH_OURS, SSHD_OURS, SSHD_RIVAL];
const IDLE_CONNECTIONS = 200;
const QUICK_CONNECTIONS = 5;
/** Connections that are there before the counting begins. */
const FIRST_CONNECTIONS = 20;
const CONNECT_LINES = 8;
const CROWDS = [1, 10, 50, 200];
const QUICK_CROWDS = [1, 3];
/** Of larger ones OpenSSH is not asked. */
const OPENSSH_CROWD_MAX = 50;
const ROUNDS = 2;
const OPTIONS = ["KexAlgorithms=curve25519-sha256"];
const KIB_PER_MIB = 1024;
const SETTLE_MS = 1_000;

/** Idle memory and concurrency. */
export const sshdCrowdFamily: Family = {
  name: "sshd-crowd",
  sizesMib: () => [],
  async run(world, tell) {
    tell(await askIdle(world));
    for (const crowd of world.isQuick ? QUICK_CROWDS : CROWDS) {
      tell(await askCrowd(world, crowd));
    }
  },
};

async function askIdle(world: BenchWorld): Promise<Question> {
  await using open = await openDoors(world, DOORS, { options: OPTIONS });
  const count = world.isQuick ? QUICK_CONNECTIONS : IDLE_CONNECTIONS;
  const series = [];
  for (const door of open.doors) {
    await using connections = new AsyncDisposableStack();
    const first = await openIdle(door, FIRST_CONNECTIONS, connections);
    const beforeMib = readTreeUnsharedMib(door.pid);
    const others = await openIdle(door, count, connections);
    const ownMib = readTreeUnsharedMib(door.pid) - beforeMib;
    if (first + others !== FIRST_CONNECTIONS + count) {
      throw new Error(`${door.name} let ${first + others} in`);
    }
    const values = [ownMib * KIB_PER_MIB / count];
    series.push({
      name: door.name,
      values,
      notes: { "MiB without them": beforeMib },
    });
  }
  return {
    family: "sshd-crowd",
    title: `memory of a connection that does nothing, of ${count}`,
    unit: "KiB",
    series,
    goals: [{ of: SSHD_OURS, atMost: 120 }],
  };
}

/** Logs in without a command. @returns How many are in. */
async function openIdle(
  { ssh }: Door,
  count: number,
  stack: AsyncDisposableStack,
): Promise<number> {
  const [command = "", ...words] = ssh;
  // `-v` tells when the login is over.
  const args = ["-N", "-v", "-o", "LogLevel=DEBUG1", ...words];
  let left = count;
  let open = 0;
  await Promise.all(Array.from({ length: CONNECT_LINES }, async () => {
    while (left-- > 0) {
      const child = new Deno.Command(command, {
        args: args.filter((word) => word !== "LogLevel=ERROR"),
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      stack.defer(async () => {
        child.kill("SIGKILL");
        await child.status;
      });
      if (await waitForLogin(child.stderr)) open++;
    }
  }));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return open;
}

async function waitForLogin(
  stderr: ReadableStream<Uint8Array>,
): Promise<boolean> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stderr) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("Entering interactive session")) return true;
  }
  return false;
}

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
