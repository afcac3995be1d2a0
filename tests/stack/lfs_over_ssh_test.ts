/**
 * A real Git LFS client over SSH alone, by both doors. With `always` it may
 * not fall back to HTTP, so what succeeds has gone through git-lfs-transfer;
 * the store's records say the same.
 *
 * `LFS_BIG_MIB=1024` makes the big object that large.
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { SAMPLE } from "../../src/devstack/sample.ts";
import type { GitClient, GitOutcome } from "../support/git_client.ts";
import { useGitLfs } from "../support/git_lfs.ts";
import { DOOR_NAMES, onSshWorld, type SshWorld } from "../support/ssh_world.ts";

const BIG_MIB = Number(Deno.env.get("LFS_BIG_MIB") ?? 64);
const MIB = 1024 * 1024;
const LFS_CONFIG = ["lfs:", "  pure_ssh_protocol: true"];

let gitLfs: AsyncDisposable;
Deno.test.beforeAll(async () => void (gitLfs = await useGitLfs()));
Deno.test.afterAll(async () => await gitLfs[Symbol.asyncDispose]());

function assertOk(outcome: GitOutcome): GitOutcome {
  assertEquals(outcome.exitStatus, 0, outcome.stderr + outcome.stdout);
  return outcome;
}

/** A clone in which `*.bin` goes to LFS, over SSH or not at all. */
async function prepareClone(client: GitClient, project: string): Promise<void> {
  await setUp(client);
  assertOk(await client.git(["clone", "-q", client.url(project), "mine"]));
  assertOk(await client.git(["lfs", "track", "*.bin", "--lockable"], "mine"));
}

async function setUp(client: GitClient): Promise<void> {
  assertOk(await client.git(["lfs", "install", "--skip-repo"]));
  for (
    const [name, value] of [
      ["lfs.sshtransfer", "always"],
      ["lfs.transfer.maxretries", "1"],
      ["lfs.transfer.maxretrydelay", "0"],
      ["lfs.locksverify", "true"],
      ["lfs.concurrenttransfers", "8"],
    ] as const
  ) {
    assertOk(await client.git(["config", "--global", name, value]));
  }
}

/** Commits files and pushes them to a branch. */
async function push(
  client: GitClient,
  files: ReadonlyMap<string, Uint8Array>,
  branch: string,
): Promise<GitOutcome> {
  for (const [name, bytes] of files) {
    await Deno.writeFile(`${client.folder}/mine/${name}`, bytes);
  }
  assertOk(await client.git(["add", "-A"], "mine"));
  assertOk(await client.git(["commit", "-q", "-m", "Files"], "mine"));
  return await client.git(["push", "origin", `HEAD:${branch}`], "mine");
}

function randomBytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

const sha256 = (bytes: Uint8Array) =>
  createHash("sha256").update(bytes).digest("hex");

/** Requests of the store since `mark`, by route. */
function countRoutes({ stack }: SshWorld, mark: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { route, status } of stack.lfs.requests.all.slice(mark)) {
    const key = `${route} ${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** What only the command decides is tried through the quicker door alone. */
const QUICK_DOOR = "gitlab-sshd";

for (const door of DOOR_NAMES) {
  const test = onSshWorld(door, { configLines: LFS_CONFIG });
  const quickTest: typeof test = door === QUICK_DOOR ? test : () => {};

  quickTest(
    "lfs.md case 87: push and clone of three objects",
    async (client, world) => {
      const mark = world.stack.lfs.requests.all.length;
      await prepareClone(client, SAMPLE.project);
      const files = new Map([
        ["empty-not.bin", new TextEncoder().encode("small")],
        ["middle.bin", randomBytes(300_000)],
        ["large.bin", randomBytes(6 * MIB + 1)],
      ]);
      assertOk(await push(client, files, "three"));
      const counts = countRoutes(world, mark);
      assertEquals(counts.get("upload 200"), 3);
      const clone = ["clone", "-q", "-b", "three", client.url(SAMPLE.project)];
      assertOk(await client.git([...clone, "copy"]));
      for (const [name, bytes] of files) {
        const copied = await Deno.readFile(`${client.folder}/copy/${name}`);
        assertEquals([name, sha256(copied)], [name, sha256(bytes)]);
      }
      assertEquals(countRoutes(world, mark).get("download 200"), 3);
      assertOk(await client.git(["lfs", "fsck"], "copy"));
      // git-lfs-authenticate would have asked for the same token, and its
      // client would have asked the store itself.
      for (const { headers } of world.stack.lfs.requests.all.slice(mark)) {
        const agent = headers.find(([name]) => name === "User-Agent")?.[1];
        assertEquals(agent, "GitLab-Shell");
      }
    },
  );

  test(
    `lfs.md cases 87, 88 and 93: a hundred objects and one of ${BIG_MIB} MiB`,
    async (client, world) => {
      const mark = world.stack.lfs.requests.all.length;
      await prepareClone(client, SAMPLE.project);
      const names = Array.from({ length: 100 }, (_, at) => `${at}.bin`);
      const files = new Map(
        names.map((name, at) => [name, randomBytes(1000 + at)]),
      );
      const oid = await writeBig(`${client.folder}/mine/big.bin`);
      assertOk(await push(client, files, "many"));
      assertEquals(countRoutes(world, mark).get("upload 200"), 101);
      const clone = ["clone", "-q", "-b", "many", client.url(SAMPLE.project)];
      assertOk(await client.git([...clone, "copy"]));
      for (const [name, bytes] of files) {
        const copied = await Deno.readFile(`${client.folder}/copy/${name}`);
        assertEquals([name, sha256(copied)], [name, sha256(bytes)]);
      }
      assertEquals(await hashFile(`${client.folder}/copy/big.bin`), oid);
      assertEquals(countRoutes(world, mark).get("download 200"), 101);
      // Every session has ended well.
      const log = await Deno.readTextFile(world.stack.shellRoot.logFile);
      assertEquals(log.includes('"level":"ERROR"'), false, log);
    },
  );

  test("lfs.md case 91: lock, list, verify, unlock", async (client, world) => {
    const mark = world.stack.lfs.requests.all.length;
    await prepareClone(client, SAMPLE.project);
    const name = `lock-${crypto.randomUUID()}.bin`;
    assertOk(await push(client, new Map([[name, randomBytes(10)]]), "locks"));
    const lfs = (...words: string[]) => client.git(["lfs", ...words], "mine");
    assertStringIncludes(assertOk(await lfs("lock", name)).stdout, "Locked");
    const again = await lfs("lock", name);
    assert(again.exitStatus !== 0);
    assertStringIncludes(again.stderr + again.stdout, "conflict");
    assertStringIncludes(assertOk(await lfs("locks")).stdout, name);
    const verified = assertOk(await lfs("locks", "--verify")).stdout;
    assertStringIncludes(verified, `O ${name}`);
    assertOk(await lfs("unlock", name));
    assertEquals(assertOk(await lfs("locks")).stdout.includes(name), false);
    const counts = countRoutes(world, mark);
    assertEquals(
      [
        counts.get("lock 201"),
        counts.get("lock 409"),
        counts.get("unlock 200"),
      ],
      [1, 1, 1],
    );
  });

  quickTest(
    "a lock of somebody else keeps its file from being pushed",
    async (client, { stack }) => {
      await prepareClone(client, SAMPLE.project);
      const path = `theirs-${crypto.randomUUID()}.bin`;
      const project = stack.api.state.directory.project(SAMPLE.project);
      stack.lfs.state.locks.add(project?.id ?? 0, { path, username: "otto" });
      const outcome = await push(
        client,
        new Map([[path, randomBytes(9)]]),
        "theirs",
      );
      assert(outcome.exitStatus !== 0);
      assertStringIncludes(outcome.stderr, "Cannot update locked files");
      const list = assertOk(await client.git(["lfs", "locks"], "mine")).stdout;
      assertStringIncludes(list, "otto");
    },
  );

  quickTest(
    "an object that the store refuses fails the push, and nothing is left of it",
    async (client, { stack }) => {
      await prepareClone(client, SAMPLE.project);
      const bytes = randomBytes(5 * MIB);
      // The client asks twice, and each time every attempt is refused.
      const refusal = { status: 422, body: "{}" };
      stack.lfs.script.enqueue("upload", ...new Array(4).fill(refusal));
      const files = new Map([["refused.bin", bytes]]);
      const outcome = await push(client, files, "refused");
      assert(outcome.exitStatus !== 0, outcome.stderr);
      assertStringIncludes(outcome.stderr, "internal error");
      const kept = await stack.lfs.state.store.list();
      assertEquals(kept.filter((name) => !/^[0-9a-f]{64}$/.test(name)), []);
      assertEquals(kept.includes(sha256(bytes)), false);
      while (stack.lfs.script.take("upload")) continue;
    },
  );

  quickTest(
    "lfs.md case 92: a stored object that has changed fails the clone",
    async (client, { stack }) => {
      await prepareClone(client, SAMPLE.project);
      const bytes = randomBytes(100_000);
      const files = new Map([["changed.bin", bytes]]);
      assertOk(await push(client, files, "changed"));
      const project = stack.api.state.directory.project(SAMPLE.project);
      const path = stack.lfs.state.store.pathOf(
        project?.id ?? 0,
        sha256(bytes),
      );
      await Deno.writeFile(path, randomBytes(100_000));
      const clone = [
        "clone",
        "-q",
        "-b",
        "changed",
        client.url(SAMPLE.project),
      ];
      const outcome = await client.git([...clone, "copy"]);
      assert(outcome.exitStatus !== 0);
      assertStringIncludes(outcome.stderr, "changed.bin");
      await Deno.remove(path);
      const log = await Deno.readTextFile(stack.shellRoot.logFile);
      assertStringIncludes(log, "lfstransfer: object is corrupt");
    },
  );

  quickTest(
    "a project that the key may only read: clone, and no push",
    async (client, { stack }) => {
      await prepareClone(client, SAMPLE.readOnlyProject);
      const files = new Map([["mine.bin", randomBytes(10)]]);
      const outcome = await push(client, files, "mine");
      assert(outcome.exitStatus !== 0);
      assertStringIncludes(outcome.stderr, "not allowed to push");
      const kept = await stack.lfs.state.store.list();
      assertEquals(
        kept.includes(sha256(files.get("mine.bin") ?? bytesOf())),
        false,
      );
    },
  );

  if (door !== QUICK_DOOR) continue;
  const closed = onSshWorld(door);
  closed(
    "lfs.md cases 13, 89 and 90: without the setting the client uses HTTP, or nothing",
    async (client, world) => {
      const command = `git-lfs-transfer ${SAMPLE.project} upload`;
      const { stdout, stderr, exitStatus } = await client.ssh(command);
      assertEquals([stdout, exitStatus], ["", 128]);
      assertStringIncludes(stderr, `ERROR: Unknown command: ${command}`);
      await prepareClone(client, SAMPLE.project);
      const files = new Map([["http.bin", randomBytes(5000)]]);
      const refused = await push(client, files, "http");
      assertEquals(refused.exitStatus === 0, false, refused.stderr);
      assertOk(
        await client.git([
          "config",
          "--global",
          "lfs.sshtransfer",
          "negotiate",
        ]),
      );
      assertOk(await client.git(["push", "origin", "HEAD:http"], "mine"));
      const [upload] = world.stack.lfs.requests.all.filter(({ route }) =>
        route === "upload"
      );
      const agent = upload?.headers.find(([name]) => name === "User-Agent")
        ?.[1];
      assertStringIncludes(agent ?? "", "git-lfs/");
    },
  );
}

const bytesOf = () => new Uint8Array(0);

/** Writes a file that nothing can compress. @returns Its object id. */
async function writeBig(path: string): Promise<string> {
  using file = await Deno.open(path, { write: true, create: true });
  const hash = createHash("sha256");
  const block = randomBytes(MIB);
  for (let count = 0; count < BIG_MIB; count++) {
    new DataView(block.buffer).setUint32(0, count);
    hash.update(block);
    for (let at = 0; at < block.length;) {
      at += await file.write(block.subarray(at));
    }
  }
  return hash.digest("hex");
}

async function hashFile(path: string): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(MIB);
  for (let size; (size = await file.read(buffer)) !== null;) {
    hash.update(buffer.subarray(0, size));
  }
  return hash.digest("hex");
}
