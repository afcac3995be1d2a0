/**
 * Processes that are stopped, killed and starved in the middle of a clone: it
 * ends, with the right words if it ends badly, nobody is left behind, and the
 * repository is whole.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../support/dist.ts";
import {
  DOOR_NAMES,
  type FaultWorld,
  openFaultWorld,
  PROJECT,
} from "../support/fault_world.ts";
import type { GitClient } from "../support/git_client.ts";
import { MemoryWatch } from "../support/memory_watch.ts";
import { MOUNT_SPACE, NO_MOUNT_SPACE } from "../support/mount_space.ts";
import { type RunningProcess, waitUntil } from "../support/processes.ts";

const SIZE_MIB = 12;
/** Where a pack of that size pauses: the rest fits into no buffers. */
const PAUSE_BYTES = 2 * 1024 * 1024;
const STEP_MS_MAX = 30_000;
const STOPPED_MS = 700;
const LOST =
  /early EOF|disconnect|hung up|Connection|closed|Gitaly, is not available|exit status|Could not read from remote|expected flush/;
const INTERNAL = /\.ts:[0-9]|\.js:[0-9]|file:\/\/|at async|panic/i;
const options = { sanitizeOps: false, sanitizeResources: false };

/** Who can be met with in a clone, by a part of what `ps` shows. */
const PARTS: Readonly<Record<string, RegExp>> = {
  "gitlab-shell": /gitlab-shell@/,
  "the client's ssh": /^ssh .*git-upload-pack|^\S*ssh -o .*upload-pack/,
  "Gitaly's git": /git.* upload-pack /,
};

for (const door of DOOR_NAMES) {
  let world: FaultWorld;
  let memory: MemoryWatch;
  let count = 0;
  Deno.test.afterAll(async () => {
    memory?.[Symbol.dispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const test = (
    name: string,
    run: (world: FaultWorld, client: GitClient) => Promise<void>,
  ) =>
    Deno.test({
      name: `${door}: ${name}`,
      ...options,
      async fn() {
        world ??= await openFaultWorld({ door, sizeMib: SIZE_MIB });
        const { folder } = world.stack;
        memory ??= new MemoryWatch(({ words }) => words.includes(folder));
        await run(world, await world.client());
        await assertNobodyIsLeft(world);
      },
    });

  const shell = door === "OpenSSH" ? ["gitlab-shell"] : [];
  for (const part of [...shell, "the client's ssh", "Gitaly's git"]) {
    test(
      `${part} is killed in the middle of a clone`,
      async (world, client) => {
        const clone = startClone(world, client, ++count);
        const found = await meet(world, part);
        Deno.kill(found.pid, "SIGKILL");
        const { code, stderr } = await clone;
        assert(code !== 0);
        assertMatch(stderr, LOST);
        assert(!INTERNAL.test(stderr), stderr);
      },
    );
  }

  test(
    `${shell[0] ?? "the server"} is stopped for a while, and goes on`,
    async (world, client) => {
      const clone = startClone(world, client, ++count);
      const upload = await meet(world, "Gitaly's git");
      const pid = world.pid ?? (await meet(world, "gitlab-shell")).pid;
      Deno.kill(pid, "SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
      Deno.kill(pid, "SIGCONT");
      assert(upload.pid > 0);
      const { code, stderr } = await clone;
      assertEquals(code, 0, stderr);
    },
  );

  if (door === "OpenSSH") {
    test("none of these sessions took more memory than it may", () => {
      memory.assertBounded("gitlab-shell");
      return Promise.resolve();
    });
  } else {
    test(
      "the server is killed in the middle of a clone",
      async (world, client) => {
        const clone = startClone(world, client, ++count);
        await meet(world, "Gitaly's git");
        Deno.kill(world.pid ?? 0, "SIGKILL");
        const { code, stderr } = await clone;
        assert(code !== 0);
        assertMatch(stderr, LOST);
      },
    );
  }
}

/** Starts a clone that takes long enough to be met in the middle. */
async function startClone(
  world: FaultWorld,
  client: GitClient,
  number: number,
) {
  pausePack(world);
  const child = client.start("git", [
    "clone",
    "-q",
    client.url(PROJECT),
    `clone-${number}`,
  ]);
  const { code, stderr } = await child.output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

/**
 * Has the next pack pause in its middle. A session that ends before the client
 * has sent its request for a pack ends otherwise: git then dies of SIGPIPE as it
 * writes to an ssh that is gone, without a word (2 of 40 clones, killed as soon
 * as Gitaly's git was there).
 */
function pausePack(world: FaultWorld): void {
  world.proxies.gitaly.arm({
    fault: "delay",
    toward: "client",
    afterBytes: PAUSE_BYTES,
  });
}

/** Waits for the pause, and finds a process that belongs to the clone. */
async function meet(world: FaultWorld, part: string): Promise<RunningProcess> {
  const isUnderWay = await waitUntil(
    () => world.proxies.gitaly.struck === 1,
    STEP_MS_MAX,
  );
  assert(isUnderWay, "the pack has not begun");
  const find = () =>
    world.sessionProcesses().find(({ words }) => PARTS[part]?.test(words));
  let found = find();
  await waitUntil(() => (found ??= find()) !== undefined, STEP_MS_MAX);
  if (!found) throw new Error(`${part} was not met`);
  return found;
}

async function assertNobodyIsLeft(world: FaultWorld): Promise<void> {
  const isQuiet = await waitUntil(
    () => world.sessionProcesses().length === 0,
    STEP_MS_MAX,
  );
  assert(isQuiet, JSON.stringify(world.sessionProcesses()));
}

/** A session of gitlab-shell in front of the world's API, under a shell's rule. */
async function runStarved(
  world: FaultWorld,
  { limit, command }: { limit: string; command: string },
) {
  return await runProgram("gitlab-shell", {
    shell: `${limit}; exec "$0" key-1`,
    env: {
      GITLAB_SHELL_DIR: world.stack.shellRoot.path,
      SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22",
      SSH_ORIGINAL_COMMAND: command,
    },
    stdin: "0000",
  });
}

/** Fewer than the first of these, and the runtime itself does not start. */
const DESCRIPTORS = [24, 25, 26, 28, 30, 40] as const;

Deno.test({
  name: "gitlab-shell with few file descriptors works, or says why not",
  ...options,
  async fn() {
    await using world = await openFaultWorld({ door: "gitlab-sshd" });
    const worked: number[] = [];
    for (const limit of DESCRIPTORS) {
      const command = `git-upload-pack '${PROJECT}.git'`;
      const { exitStatus, stdout, stderr } = await runStarved(world, {
        limit: `ulimit -n ${limit}`,
        command,
      });
      if (exitStatus === 0) worked.push(limit);
      else assert(stderr !== "", `${limit}: nothing was said`);
      assert(!INTERNAL.test(stderr), `${limit}: ${stderr}`);
      if (exitStatus === 0) assertMatch(stdout, /^[0-9a-f]{4}/);
    }
    assert(worked.includes(40), `it worked with ${worked.join()}`);
  },
});

Deno.test({
  name: `a log on a full disk stops nothing${NO_MOUNT_SPACE}`,
  ...options,
  ignore: !MOUNT_SPACE,
  async fn() {
    await using world = await openFaultWorld({ door: "gitlab-sshd" });
    const { configFile, path } = world.stack.shellRoot;
    const text = await Deno.readTextFile(configFile);
    await Deno.mkdir(`${path}/small`);
    await Deno.writeTextFile(
      configFile,
      text.replace(/^log_file:.*$/m, `log_file: ${path}/small/shell.log`),
    );
    const [command = "", ...args] = MOUNT_SPACE ?? [];
    const script = `mount -t tmpfs -o size=4k none '${path}/small' &&
      { head -c 100000 /dev/zero > '${path}/small/full' 2>/dev/null || :; } &&
      '${world.stack.folder}/ssh-in-space'`;
    const session = new URL("../../dist/gitlab-shell", import.meta.url);
    await Deno.writeTextFile(
      `${world.stack.folder}/ssh-in-space`,
      `#!/bin/sh\nexec '${session.pathname}' key-1\n`,
      { mode: 0o755 },
    );
    const { code, stdout, stderr } = await new Deno.Command(command, {
      args: [...args, "sh", "-c", script],
      env: {
        GITLAB_SHELL_DIR: path,
        SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22",
        SSH_ORIGINAL_COMMAND: "discover",
      },
      stdin: "null",
      signal: AbortSignal.timeout(STEP_MS_MAX),
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals([code, said], [0, ""]);
    assertMatch(
      new TextDecoder().decode(stdout),
      /^Welcome to GitLab, @mira!/,
    );
  },
});
