/**
 * Real git at both ends of each gRPC carrier, whichever of them the programs
 * use: what one carries, the other carries too.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import { testOnStand } from "../support/shell_stand.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";

const CARRIERS = ["lean", "grpc-js"] as const;
const PROGRAM =
  new URL("../support/pack_by_carrier.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const BULK_PROJECT = "tanuki/whale";
const BULK_MIB = 12;
const DECLINING_PROJECT = "tanuki/clam";
/** Where each pushes to: another project has none of it, so all travels. */
const TARGETS = {
  lean: SAMPLE.project,
  "grpc-js": SAMPLE.busyProject,
} as const;
const URL_OF_ANY = "ssh://gitaly/internal.git";

let stack: Devstack;
let folder: TempDir;
let count = 0;

Deno.test.beforeAll(async () => {
  folder = makeTempDir();
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  stack = await startDevstack({
    gitaly: { gitConfigOptions: ["pack.window=0"], hooks: "custom" },
    projects: [
      ...SAMPLE_PROJECTS,
      { ...first, id: 303, path: DECLINING_PROJECT },
      {
        ...first,
        id: 304,
        path: BULK_PROJECT,
        content: { kind: "bulk", sizeMib: BULK_MIB },
      },
    ],
  });
  const hooks = `${stack.repositoryPath(DECLINING_PROJECT)}/custom_hooks`;
  await Deno.mkdir(hooks);
  await Deno.writeTextFile(
    `${hooks}/pre-receive`,
    "#!/bin/sh\necho 'GitLab: not on a Sunday' >&2\nexit 1\n",
    { mode: 0o755 },
  );
});
Deno.test.afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Transfer {
  readonly carrier: typeof CARRIERS[number];
  readonly service: "upload-pack" | "receive-pack" | "upload-archive";
  readonly project?: string;
  readonly gitProtocol?: string;
}

async function git(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: [...args],
    cwd: folder.path,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: folder.path,
      GIT_CONFIG_NOSYSTEM: "1",
      ...env,
    },
    clearEnv: true,
    stdin: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Runs git with a carrier in the place of ssh. */
function gitOver(transfer: Transfer, args: readonly string[]) {
  const { carrier, service, project = SAMPLE.project } = transfer;
  const run = [Deno.execPath(), "run", "-q", "-A", "--no-check"];
  const command = [...run, "--config", CONFIG, PROGRAM, carrier, service];
  const path = stack.repositoryPath(project);
  return git(args, {
    GIT_SSH_COMMAND: command.join(" "),
    GIT_SSH_VARIANT: "simple",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    PACK_ADDRESS: stack.gitalyAddress,
    PACK_TOKEN: stack.gitalyToken,
    PACK_REQUEST: JSON.stringify({
      repository: {
        storageName: "default",
        relativePath: path.slice(stack.storage.length + 1),
        gitObjectDirectory: "",
        gitAlternateObjectDirectories: [],
        glRepository: "project-1",
        glProjectPath: project,
      },
      gitConfigOptions: ["uploadpack.allowFilter=true"],
      gitProtocol: transfer.gitProtocol ?? "version=2",
      glId: "user-5",
      glRepository: "project-1",
      glUsername: SAMPLE.username,
    }),
  });
}

async function assertWhole(path: string): Promise<void> {
  const { code, stderr } = await git(["-C", path, "fsck", "--full"]);
  assertEquals(code, 0, stderr);
}

for (const carrier of CARRIERS) {
  const fetches = [
    ["in version 2", "version=2", []],
    ["in version 0", "", []],
    ["of the newest commit", "version=2", ["--depth=1"]],
    ["without large blobs", "version=2", ["--filter=blob:limit=1024"]],
  ] as const;
  for (const [what, gitProtocol, options] of fetches) {
    testOnStand(`gitaly.md case 47: a clone ${what} [${carrier}]`, async () => {
      const path = `${folder.path}/clone-${++count}.git`;
      const { code, stderr } = await gitOver(
        { carrier, service: "upload-pack", gitProtocol },
        ["clone", "--bare", ...options, URL_OF_ANY, path],
      );
      assertEquals(code, 0, stderr);
      await assertWhole(path);
      const there = stack.repositoryPath(SAMPLE.project);
      const ids = [path, there].map((at) =>
        git(["-C", at, "rev-parse", "main"])
      );
      const [mine, theirs] = await Promise.all(ids);
      assertEquals(mine?.stdout, theirs?.stdout);
    });
  }

  testOnStand(
    `gitaly.md cases 47, 56: a clone and a push of ${BULK_MIB} MiB [${carrier}]`,
    async () => {
      const path = `${folder.path}/bulk-${++count}.git`;
      const fetched = await gitOver(
        { carrier, service: "upload-pack", project: BULK_PROJECT },
        ["clone", "--bare", URL_OF_ANY, path],
      );
      assertEquals(fetched.code, 0, fetched.stderr);
      await assertWhole(path);
      const branch = `bulk-${carrier}`;
      await git(["-C", path, "config", "core.compression", "0"]);
      await git(["-C", path, "config", "pack.window", "0"]);
      const pushed = await gitOver(
        { carrier, service: "receive-pack", project: TARGETS[carrier] },
        ["-C", path, "push", URL_OF_ANY, `main:refs/heads/${branch}`],
      );
      assertEquals(pushed.code, 0, pushed.stderr);
      const there = stack.repositoryPath(TARGETS[carrier]);
      await assertWhole(there);
      const { stdout } = await git(["-C", there, "rev-parse", branch]);
      assertEquals(
        stdout,
        (await git(["-C", path, "rev-parse", "main"])).stdout,
      );
    },
  );

  testOnStand(
    `gitaly.md case 56: a push that a hook declines, with its text [${carrier}]`,
    async () => {
      const path = stack.repositoryPath(SAMPLE.project);
      const { code, stderr } = await gitOver(
        { carrier, service: "receive-pack", project: DECLINING_PROJECT },
        ["-C", path, "push", URL_OF_ANY, "main:refs/heads/declined"],
      );
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /remote: GitLab: not on a Sunday/);
      assertMatch(stderr, /\[remote rejected\] .*pre-receive hook declined/);
    },
  );

  testOnStand(`gitaly.md case 56: an archive [${carrier}]`, async () => {
    const path = `${folder.path}/archive-${++count}.tar`;
    const { code, stderr } = await gitOver(
      { carrier, service: "upload-archive" },
      ["archive", "--remote=git@localhost:x", `--output=${path}`, "main"],
    );
    assertEquals(code, 0, stderr);
    assert((await Deno.stat(path)).size > 1024);
  });
}
