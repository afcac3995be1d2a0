/**
 * What gitlab-sshd costs under load, beside OpenSSH's sshd with gitlab-shell:
 * logins, idle connections, and many clones at one time. Build `dist/` first.
 *
 *     deno run --allow-all tests/bench/sshd_load.ts [logins] [idle] [clones]
 *
 * IDLE_CONNECTIONS and CLONES change how many there are.
 * @module
 */
import { makeSshKeys, type SshKeys } from "../../src/cli/ssh_front_door.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { programPath } from "../support/dist.ts";
import { GitClient } from "../support/git_client.ts";
import { startOpenssh } from "../support/openssh_server.ts";
import { makeTempDir } from "../support/temp_dir.ts";
import { RawClient, readUserKey } from "../unit/ssh/raw_client.ts";

const LOGINS = 150;
const LOGINS_AT_ONCE = 4;
const IDLE_CONNECTIONS = Number(Deno.env.get("IDLE_CONNECTIONS") ?? "2000");
const CLONES = Number(Deno.env.get("CLONES") ?? "100");
const OPENED_AT_ONCE = 32;
const CLOCK_TICKS = 100;
const KIB = 1024;

/** A server to be measured, and how to log in to it. */
interface Server {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly pid: number;
}

interface World {
  readonly folder: string;
  readonly keys: SshKeys;
  readonly stack: Devstack;
  readonly ours: Server;
  readonly webPort: number;
}

if (import.meta.main) {
  const wanted = Deno.args.length > 0
    ? Deno.args
    : ["logins", "idle", "clones"];
  await using parts = new AsyncDisposableStack();
  const world = await openWorld(parts);
  console.log("| what | server | value | note |\n| --- | --- | --- | --- |");
  if (wanted.includes("logins")) await benchLogins(world);
  const idle: RawClient[] = [];
  if (wanted.includes("idle")) idle.push(...await benchIdle(world));
  if (wanted.includes("clones")) await benchClones(world, idle.length);
  await reportDelays(world);
  for (const client of idle) client.kill();
}

function addRow(what: string, server: string, value: string, note = ""): void {
  console.log(`| ${what} | ${server} | ${value} | ${note} |`);
}

async function openWorld(parts: AsyncDisposableStack): Promise<World> {
  const folder = parts.use(makeTempDir()).path;
  const keys = await makeSshKeys(folder);
  const [port, webPort] = [freePort(), freePort()];
  const stack = parts.use(
    await startDevstack({
      keys: [{
        id: SAMPLE.keyId,
        type: "key",
        publicKey: keys.userPublicKey,
        userId: SAMPLE.userId,
      }],
      projects: SAMPLE_PROJECTS,
      configLines: [
        "sshd:",
        `  listen: "127.0.0.1:${port}"`,
        `  web_listen: "127.0.0.1:${webPort}"`,
        `  host_key_files: ["${keys.hostKeyFile}"]`,
      ],
    }),
  );
  const child = new Deno.Command(programPath("gitlab-sshd"), {
    args: ["-config-dir", stack.shellRoot.path],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  parts.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  await untilListening(port);
  const ours = { name: "gitlab-sshd", port, user: "git", pid: child.pid };
  return { folder, keys, stack, ours, webPort };
}

/** Logins with `discover`, counted by the processor time that they cost. */
async function benchLogins({ stack, keys, ours }: World): Promise<void> {
  await using openssh = await startOpenssh({
    rootPath: stack.shellRoot.path,
    keys,
  });
  const rivals: Server[] = [
    { ...openssh, name: "OpenSSH + gitlab-shell" },
    ours,
  ];
  const perSecond: number[] = [];
  for (const server of rivals) {
    await logInOften(server, keys, 20);
    const startMs = performance.now();
    const before = cpuSeconds(server.pid);
    await logInOften(server, keys, LOGINS);
    // A process counts for its parent once it has been waited for.
    await new Promise((done) => setTimeout(done, 500));
    const cpu = cpuSeconds(server.pid) - before;
    const wall = (performance.now() - startMs - 500) / 1000;
    perSecond.push(LOGINS / cpu);
    addRow(
      "logins + discover",
      server.name,
      `${(LOGINS / cpu).toFixed(0)} per CPU second`,
      `${(LOGINS / wall).toFixed(0)} per second, ${LOGINS_AT_ONCE} at once`,
    );
  }
  const [theirs = NaN, our = NaN] = perSecond;
  addRow("logins + discover", "ratio", `${(our / theirs).toFixed(1)} x`);
}

async function logInOften(
  server: Server,
  keys: SshKeys,
  count: number,
): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, async () => {
    while (left-- > 0) {
      const client = await logIn(server, keys);
      client.exec(await client.openSession(), "discover");
      await client.next(MESSAGE.channelClose);
      client.kill();
    }
  }));
}

async function logIn(
  { port, user }: Server,
  { userKeyFile }: SshKeys,
): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.requestAuth();
  const { key, blob } = await readUserKey(userKeyFile);
  client.send(client.publicKeyRequest({ user, key, blob }));
  await client.next(MESSAGE.userauthSuccess);
  return client;
}

/** Connections that have logged in and do nothing. */
async function benchIdle({ ours, keys }: World): Promise<RawClient[]> {
  await openMany(ours, keys, 100).then((warm) => {
    for (const client of warm) client.kill();
  });
  await settle();
  const beforeKib = residentKib(ours.pid);
  const clients = await openMany(ours, keys, IDLE_CONNECTIONS);
  await settle();
  const grownKib = residentKib(ours.pid) - beforeKib;
  addRow(
    "idle connection",
    ours.name,
    `${(grownKib / clients.length).toFixed(0)} KiB`,
    `${clients.length} connections, ${
      (residentKib(ours.pid) / KIB).toFixed(0)
    } MiB in all`,
  );
  return clients;
}

async function openMany(
  server: Server,
  keys: SshKeys,
  count: number,
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  let left = count;
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, async () => {
    while (left-- > 0) {
      const client = await logIn(server, keys);
      void answerKeepalives(client).catch(() => {});
      clients.push(client);
    }
  }));
  return clients;
}

/** As real clients do, who would else be taken for dead. */
async function answerKeepalives(client: RawClient): Promise<never> {
  for (;;) {
    await client.next(MESSAGE.globalRequest);
    client.send(Uint8Array.of(MESSAGE.requestFailure));
  }
}

/** Real git through real ssh, many at one time. */
async function benchClones(
  { folder, keys, ours }: World,
  idleCount: number,
): Promise<void> {
  const home = `${folder}/clones`;
  await Deno.mkdir(home);
  const { port, user } = ours;
  const client = await GitClient.make(home, {
    hostname: "127.0.0.1",
    port,
    user,
    keys,
  });
  const startMs = performance.now();
  const outcomes = await Promise.all(
    Array.from(
      { length: CLONES },
      (_, at) =>
        client.git(["clone", "-q", client.url(SAMPLE.project), `c${at}`]),
    ),
  );
  const failed = outcomes.filter(({ exitStatus }) => exitStatus !== 0);
  addRow(
    "clones at once",
    ours.name,
    `${failed.length} of ${CLONES} failed`,
    `${
      ((performance.now() - startMs) / 1000).toFixed(1)
    } s, beside ${idleCount} idle connections`,
  );
  for (const { stderr } of failed.slice(0, 3)) console.error(stderr);
}

/** What the server says of its own event loop. */
async function reportDelays({ ours, webPort }: World): Promise<void> {
  const url = `http://127.0.0.1:${webPort}/metrics`;
  const lines = (await (await fetch(url)).text()).split("\n")
    .filter((line) => line.startsWith("gitlab_shell_sshd_event_loop_delay"));
  const value = (name: string) =>
    Number(lines.find((line) => line.includes(name))?.split(" ").at(-1));
  const count = value("_seconds_count");
  addRow(
    "event loop delay above 50 ms",
    ours.name,
    `${count - value('le="0.05"')} of ${count} ticks`,
    `largest of the last minute ${
      (value("_max_seconds") * 1000).toFixed(0)
    } ms`,
  );
}

function settle(): Promise<void> {
  return new Promise((done) => setTimeout(done, 2_000));
}

/** Processor time of a process and of its children that have ended. */
function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "").split(" ");
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields
    .slice(11, 15).map(Number);
  return (user + system + childUser + childSystem) / CLOCK_TICKS;
}

function residentKib(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1]);
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  throw new Error("gitlab-sshd does not listen");
}
