/**
 * gitlab-sshd under load: what a connection costs that does nothing, many
 * clones at one time beside all of those, and how long the event loop was
 * away meanwhile. `IDLE_CONNECTIONS` and `CLONES` change how many there are.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import { findFreePort } from "../../support/openssh_server.ts";
import type { BenchWorld, Family } from "../bench_world.ts";
import {
  openDoors,
  OPENSSH_OURS,
  SSHD_OURS,
  SSHD_RIVAL,
} from "../door_plans.ts";
import type { Door } from "../doors.ts";
import { gitEnv, runGit } from "../git_way.ts";
import type { Series } from "../question.ts";
import { readTreeUnsharedMib } from "../usage.ts";

const DOORS = [OPENSSH_OURS, SSHD_OURS, SSHD_RIVAL];
const IDLE_CONNECTIONS = Number(Deno.env.get("IDLE_CONNECTIONS") ?? "2000");
const CLONES = Number(Deno.env.get("CLONES") ?? "100");
/** OpenSSH has a process for each, and a login costs it a tenth of a second. */
const OPENSSH_CONNECTIONS = 50;
const QUICK = { connections: 20, clones: 4 } as const;
/** Connections before the counting begins, so that growth is theirs alone. */
const FIRST_CONNECTIONS = 100;
const IDLE_A_PROCESS = 250;
const IDLE_CLIENTS = new URL("../idle_clients.ts", import.meta.url).pathname;
const SETTLE_MS = 2_000;
const KIB_PER_MIB = 1024;
const DELAY_MS_MAX = 50;
const IDLE_KIB_MAX = 120;

/** What one server made of it. */
interface LoadFound {
  readonly idle: Series;
  readonly clones: Series | undefined;
  readonly delayMs: number | undefined;
}

/** Idle connections and clones at one time. */
export const sshdLoadFamily: Family = {
  name: "sshd-load",
  sizesMib: () => [],
  async run(world, tell) {
    const webPort = findFreePort();
    const found: LoadFound[] = [];
    for (const name of DOORS) {
      await using open = await openDoors(world, [name], {
        ...name === SSHD_OURS ? { webPort } : {},
      });
      for (const door of open.doors) {
        found.push(await loadDoor(world, door, { webPort }));
      }
    }
    tell({
      family: "sshd-load",
      title: "memory of a connection that does nothing",
      unit: "KiB",
      series: found.map(({ idle }) => idle),
      goals: [{ of: SSHD_OURS, atMost: IDLE_KIB_MAX }],
    });
    tell({
      family: "sshd-load",
      title: "clones at one time beside idle connections, none may fail",
      unit: "ms",
      series: found.flatMap(({ clones }) => clones ?? []),
      goals: [],
    });
    const delays = found.flatMap(({ delayMs }) => delayMs ?? []);
    tell({
      family: "sshd-load",
      title: "the event loop's longest absence meanwhile",
      unit: "ms",
      series: [{ name: SSHD_OURS, values: delays, notes: {} }],
      goals: [{ of: SSHD_OURS, atMost: DELAY_MS_MAX }],
    });
  },
};

async function loadDoor(
  world: BenchWorld,
  door: Door,
  { webPort }: { webPort: number },
): Promise<LoadFound> {
  const isOpenssh = door.name === OPENSSH_OURS;
  const connections = world.isQuick
    ? QUICK.connections
    : isOpenssh
    ? OPENSSH_CONNECTIONS
    : IDLE_CONNECTIONS;
  const first = isOpenssh ? 1 : FIRST_CONNECTIONS;
  await (await openMany(world, door, first))[Symbol.asyncDispose]();
  await settle();
  const beforeMib = readTreeUnsharedMib(door.pid);
  await using _clients = await openMany(world, door, connections);
  await settle();
  const grownMib = readTreeUnsharedMib(door.pid) - beforeMib;
  const idle: Series = {
    name: door.name,
    values: [grownMib * KIB_PER_MIB / connections],
    notes: { connections, "MiB without them": beforeMib },
  };
  const clones = isOpenssh
    ? undefined
    : await cloneAtOnce(world, door, connections);
  const delayMs = door.name === SSHD_OURS
    ? await readLongestDelayMs(webPort)
    : undefined;
  return { idle, clones, delayMs };
}

/** Clients in processes of their own, so that they do not slow each other. */
interface IdleGroup extends AsyncDisposable {
  readonly ready: Promise<void>;
}

/** Opens connections; those that are there when one fails are ended. */
async function openMany(
  { keys }: BenchWorld,
  { port, user }: Door,
  count: number,
): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const groups = Math.ceil(count / IDLE_A_PROCESS);
  const share = String(Math.ceil(count / groups));
  const ready = Array.from({ length: groups }, () => {
    const args = [keys.userKeyFile, String(port), share, user];
    return opened.use(startIdleGroup(args)).ready;
  });
  await Promise.all(ready);
  return opened.move();
}

function startIdleGroup(args: readonly string[]): IdleGroup {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", IDLE_CLIENTS, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  return {
    ready: reader.read().then(({ done }) => {
      if (done) throw new Error("Idle clients could not log in");
    }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel().catch(() => {});
      await child.stdin.close().catch(() => {});
      await child.status;
    },
  };
}

/** Real git through real ssh. @throws {Error} If one of them fails. */
async function cloneAtOnce(
  { folder, isQuick }: BenchWorld,
  { name, way }: Door,
  connections: number,
): Promise<Series> {
  const clones = isQuick ? QUICK.clones : CLONES;
  const home = `${folder}/clones`;
  await Deno.mkdir(home);
  const env = { ...gitEnv(folder), ...way.env };
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: clones }, (_, at) =>
      runGit(
        ["clone", "-q", way.urlOf(SAMPLE.project), `${home}/${at}`],
        env,
      )),
  );
  const values = [performance.now() - startMs];
  await Deno.remove(home, { recursive: true });
  return { name, values, notes: { clones, "idle connections": connections } };
}

/**
 * For how long the server computed without a pause, by its own account; time
 * in which the system had given the processor to others is not its doing.
 */
async function readLongestDelayMs(webPort: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${webPort}/metrics`);
  const line = (await answer.text()).split("\n").find((line) =>
    /^\S*_event_loop_blocked_max_seconds\S* /.test(line)
  );
  return Number(line?.split(" ").at(-1)) * 1000;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
