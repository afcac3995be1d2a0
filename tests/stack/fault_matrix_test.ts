/**
 * Faults in each of the three gaps of a session, at every stage: it ends in
 * time, git's user reads the right thing, the repository is whole, nothing is
 * left running or open, and the next session works.
 *
 * FAULT_MATRIX=full runs all of the matrix, which takes a quarter of an hour.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type FaultCell,
  faultCells,
  type Operation,
  sampleCells,
} from "../support/fault_cells.ts";
import {
  DOOR_NAMES,
  type FaultWorld,
  openFaultWorld,
  PROJECT,
} from "../support/fault_world.ts";
import type { GitClient } from "../support/git_client.ts";
import { MemoryWatch } from "../support/memory_watch.ts";
import { countOpenFiles, memoryMib, waitUntil } from "../support/processes.ts";

const IS_FULL = Deno.env.get("FAULT_MATRIX") === "full";
const SIZE_MIB = 1;
const PUSHED_BYTES = 400_000;
/** A keepalive of 20 s, its timeout of 20 s, and a busy machine. */
const CELL_MS_MAX = 75_000;
const ENDED_MS_MAX = 15_000;
const MEMORY_MIB_MAX = 400;
/** What gitlab-sshd keeps: its log, its listener, connections to Gitaly. */
const KEPT_FILES_MAX = 8;
/** What no user of git is to read: where our parts are, or how they are made. */
const INTERNAL = /\.ts:[0-9]|file:\/\/|at async|\/repositories\/|stack trace/i;
const CLIENT_SETTINGS = [
  "ServerAliveInterval=1",
  "ServerAliveCountMax=2",
  "ConnectTimeout=3",
];

for (const [offset, door] of DOOR_NAMES.entries()) {
  let world: FaultWorld;
  let client: GitClient;
  let memory: MemoryWatch;
  let filesAtFirst = 0;
  let count = 0;
  const options = { sanitizeOps: false, sanitizeResources: false };

  const open = async () => {
    world = await openFaultWorld({
      door,
      sizeMib: SIZE_MIB,
      configLines: ["http_settings:", "  read_timeout: 1"],
      sshdLines: ["client_alive_interval: 1"],
    });
    const { folder } = world.stack;
    memory = new MemoryWatch(({ words }) => words.includes(folder));
    client = await world.client(CLIENT_SETTINGS);
    const args = ["clone", "-q", client.url(PROJECT), "base"];
    const cloned = await client.git(args);
    assertEquals(cloned.exitStatus, 0, cloned.stderr);
    if (world.pid !== undefined) filesAtFirst = countOpenFiles(world.pid);
  };
  Deno.test.afterAll(async () => {
    memory?.[Symbol.dispose]();
    await world?.[Symbol.asyncDispose]();
  });

  for (const cell of IS_FULL ? faultCells() : sampleCells(offset)) {
    const { gap, stage, plan, operation } = cell;
    const place = `${gap}, ${stage}`;
    Deno.test({
      name: `${door}: ${plan.fault} at ${place} during a ${operation}`,
      ...options,
      async fn() {
        if (!world) await open();
        await runCell(world, client, { cell, name: `cell-${++count}` });
      },
    });
  }

  Deno.test({
    name:
      `${door}: after all faults the next session works, and nothing is kept`,
    ...options,
    async fn() {
      const name = `cell-${++count}`;
      const { exitStatus, stderr } = await run(client, "fetch", name);
      assertEquals(exitStatus, 0, stderr);
      await assertSameAsSource(world, client, name);
      for (const proxy of Object.values(world.proxies)) proxy.disarm();
      const { pid } = world;
      if (pid === undefined) {
        memory.assertBounded("gitlab-shell");
        memory.assertBounded("gitlab-shell-authorized-keys-check");
        return;
      }
      const isBack = await waitUntil(
        () => countOpenFiles(pid) <= filesAtFirst + KEPT_FILES_MAX,
        ENDED_MS_MAX,
      );
      assert(
        isBack,
        `${filesAtFirst} files before, ${countOpenFiles(pid)} now`,
      );
      assert(memoryMib(pid, "VmHWM") < MEMORY_MIB_MAX);
    },
  });
}

async function runCell(
  world: FaultWorld,
  client: GitClient,
  { cell, name }: { cell: FaultCell; name: string },
): Promise<void> {
  const { gap, plan, operation, verdict, words } = cell;
  const proxy = world.proxies[gap];
  for (const other of Object.values(world.proxies)) other.disarm();
  if (operation === "push") await commitSomething(client);
  proxy.arm(plan);
  const startMs = performance.now();
  const { exitStatus, stderr } = await run(client, operation, name);
  const tookMs = performance.now() - startMs;
  // Else the cell proves nothing.
  assertEquals(proxy.struck, 1, "the fault did not happen");
  assert(tookMs < CELL_MS_MAX, `it took ${tookMs} ms`);
  if (verdict === "works") assertEquals(exitStatus, 0, stderr);
  if (verdict === "fails") assert(exitStatus !== 0, "it worked");
  if (exitStatus !== 0) {
    assertMatch(stderr, words);
    assert(!INTERNAL.test(stderr), stderr);
  }
  proxy.disarm();
  await assertNobodyIsLeft(world);
  await assertWhole(world.stack.repositoryPath(PROJECT));
  if (operation === "push") {
    await assertPushed(world, client, { name, isDone: exitStatus === 0 });
  } else if (exitStatus === 0) await assertSameAsSource(world, client, name);
  else {assert(
      !await exists(`${client.folder}/${name}`),
      "half a clone is left",
    );}
}

function run(client: GitClient, operation: Operation, name: string) {
  return operation === "fetch"
    ? client.git(["clone", "-q", client.url(PROJECT), name])
    : client.git(["push", "-q", "origin", `HEAD:refs/heads/${name}`], "base");
}

/** Makes a commit that is too large for any one packet. */
async function commitSomething(client: GitClient): Promise<void> {
  const bytes = new Uint8Array(PUSHED_BYTES);
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  await Deno.writeFile(`${client.folder}/base/blob`, bytes);
  for (const args of [["add", "."], ["commit", "-q", "-m", "More"]]) {
    assertEquals((await client.git(args, "base")).exitStatus, 0);
  }
}

async function assertNobodyIsLeft(world: FaultWorld): Promise<void> {
  const isQuiet = await waitUntil(
    () => world.sessionProcesses().length === 0,
    ENDED_MS_MAX,
  );
  assert(isQuiet, JSON.stringify(world.sessionProcesses()));
}

async function git(folder: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...args],
    env: { GIT_CONFIG_NOSYSTEM: "1", HOME: folder },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout).trim(), stderr: text(stderr) };
}

async function assertWhole(repository: string): Promise<void> {
  const { success, stderr } = await git(
    repository,
    "fsck",
    "--connectivity-only",
  );
  assert(success, stderr);
}

async function assertSameAsSource(
  world: FaultWorld,
  client: GitClient,
  name: string,
): Promise<void> {
  const clone = `${client.folder}/${name}`;
  await assertWhole(clone);
  const head = await git(clone, "rev-parse", "HEAD");
  const source = await git(
    world.stack.repositoryPath(PROJECT),
    "rev-parse",
    "HEAD",
  );
  assertEquals(head.stdout, source.stdout);
  await Deno.remove(clone, { recursive: true });
}

/** A push is done, and then the server has it, or it may have been too late. */
async function assertPushed(
  world: FaultWorld,
  client: GitClient,
  { name, isDone }: { name: string; isDone: boolean },
): Promise<void> {
  const ref = `refs/heads/${name}`;
  const { success, stdout } = await git(
    world.stack.repositoryPath(PROJECT),
    "rev-parse",
    "--verify",
    "--quiet",
    ref,
  );
  if (!success) return assertEquals(isDone, false, "the push is lost");
  const local = await git(`${client.folder}/base`, "rev-parse", "HEAD");
  assertEquals(stdout, local.stdout);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
