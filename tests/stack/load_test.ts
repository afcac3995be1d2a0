/**
 * Many clones and pushes, one after the other and at once, through both doors:
 * none fails, every clone is the source to the last ref, every push is there,
 * and gitlab-sshd gives back what it took. And GitLab's rate limit, from many
 * clients at once: the last that may passes, the next does not.
 *
 * LOAD=1000,200 does as many in order and at once, and then also 600 sessions
 * with 50 clients.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import {
  DOOR_NAMES,
  type FaultWorld,
  openFaultWorld,
  PROJECT,
} from "../support/fault_world.ts";
import type { GitClient } from "../support/git_client.ts";
import { countOpenFiles, memoryMib, waitUntil } from "../support/processes.ts";
import { ShellStand } from "../support/shell_stand.ts";

const GIVEN = Deno.env.get("LOAD")?.split(",").map(Number);
const IS_FULL = GIVEN !== undefined;
const [IN_ORDER = 0, AT_ONCE = 1] = GIVEN ?? [6, 8];
const RATE = IS_FULL
  ? { limit: 600, clients: 50, extra: 30 }
  : { limit: 15, clients: 8, extra: 5 };
const ENDED_MS_MAX = 30_000;
/** Kept connections to Gitaly, and what a runtime opens late. */
const KEPT_FILES_MAX = 12;
const KEPT_MIB_MAX = 250;
/**
 * What an operator of so small a machine would say in sshd's configuration: 200
 * logins at once start 400 lookups, and with the usual 10 s those that come last
 * end before the API, which is in this process, has come to them. sshd then
 * refuses the key.
 */
const LOOKUP_SECONDS = 60;
/** What sshd tells of every session. */
const ROUTINE =
  /^$|Accepted|Connection (from|closed)|Starting session|Close session|[Dd]isconnect|listening|Postponed|Transferred|Closing connection|User child/;
const options = { sanitizeOps: false, sanitizeResources: false };

for (const door of DOOR_NAMES) {
  Deno.test({
    name: `${door}: ${IN_ORDER} operations in order and ${AT_ONCE} at once`,
    ...options,
    async fn() {
      await using world = await openFaultWorld({
        door,
        sshdLines: ["max_startups: none"],
        lookupSeconds: LOOKUP_SECONDS,
        // A thousand of them may fall into one minute, of one user.
        rateLimit: Infinity,
      });
      // Else ssh keeps to itself how a connection ended.
      const client = await world.client(["LogLevel=INFO"]);
      const load = await Load.prepare(world, client);
      const filesBefore = world.pid === undefined
        ? 0
        : countOpenFiles(world.pid);
      const startMs = performance.now();
      await runAll(IN_ORDER, 1, (number) => load.run(number));
      const inOrderMs = performance.now() - startMs;
      await runAll(AT_ONCE, AT_ONCE, (number) => load.run(IN_ORDER + number));
      const atOnceMs = performance.now() - startMs - inOrderMs;
      assertEquals(load.faults, [], await load.complaints());
      await load.assertAllPushed();
      const isQuiet = await waitUntil(
        () => world.sessionProcesses().length === 0,
        ENDED_MS_MAX,
      );
      assert(isQuiet, JSON.stringify(world.sessionProcesses()));
      const { pid } = world;
      let kept = "";
      if (pid !== undefined) {
        const isBack = await waitUntil(
          () => countOpenFiles(pid) <= filesBefore + KEPT_FILES_MAX,
          ENDED_MS_MAX,
        );
        assert(isBack, `${filesBefore} files, ${countOpenFiles(pid)} after`);
        const mib = memoryMib(pid, "VmRSS");
        assert(mib < KEPT_MIB_MAX, `${mib} MiB are kept`);
        kept = `, ${mib.toFixed(0)} MiB and ${countOpenFiles(pid)} files kept`;
      }
      if (IS_FULL) {
        console.log(
          `${door}: ${(inOrderMs / IN_ORDER).toFixed(0)} ms each in order, ` +
            `${(atOnceMs / 1000).toFixed(1)} s for ${AT_ONCE} at once${kept}`,
        );
      }
    },
  });
}

/** Clones and pushes in turn, and what went wrong. */
class Load {
  readonly faults: string[] = [];
  readonly #world: FaultWorld;
  readonly #client: GitClient;
  readonly #refsBefore: readonly string[];
  readonly #pushed: string[] = [];

  private constructor(
    world: FaultWorld,
    client: GitClient,
    refsBefore: readonly string[],
  ) {
    this.#world = world;
    this.#client = client;
    this.#refsBefore = refsBefore;
  }

  static async prepare(world: FaultWorld, client: GitClient): Promise<Load> {
    const args = ["clone", "-q", client.url(PROJECT), "base"];
    const { exitStatus, stderr } = await client.git(args);
    assertEquals(exitStatus, 0, stderr);
    // Tracking refs of hundreds of branches are nobody's concern here.
    await client.git(["config", "--unset", "remote.origin.fetch"], "base");
    const refs = await listRefs(world.stack.repositoryPath(PROJECT));
    return new Load(world, client, refs);
  }

  /** Every other operation is a push. */
  async run(number: number): Promise<void> {
    const fault = number % 2 === 0
      ? await this.#clone(number)
      : await this.#push(number);
    if (fault !== undefined) this.faults.push(`${number}: ${fault}`);
  }

  /** What the log says that is more than routine, for whoever has to find out. */
  async complaints(): Promise<string> {
    const text = await Deno.readTextFile(this.#world.stack.shellRoot.logFile);
    const records = text.split("\n")
      .filter((line) => /"level":"(?!INFO|info)/.test(line));
    const lines = (await this.#world.readDoorLog()).split("\n")
      .filter((line) => !ROUTINE.test(line));
    return [...records.slice(-20), ...lines.slice(-40)].join("\n");
  }

  async assertAllPushed(): Promise<void> {
    const repository = this.#world.stack.repositoryPath(PROJECT);
    const refs = new Set(await listRefs(repository));
    const missing = [...this.#refsBefore, ...this.#pushed]
      .filter((line) => !refs.has(line));
    assertEquals(missing, []);
    assertEquals(refs.size, this.#refsBefore.length + this.#pushed.length);
    assertEquals(await fsck(repository), "");
  }

  async #clone(number: number): Promise<string | undefined> {
    const client = this.#client;
    const name = `clone-${number}`;
    const args = ["clone", "-q", "--mirror", client.url(PROJECT), name];
    const { exitStatus, stderr } = await client.git(args);
    if (exitStatus !== 0) return stderr;
    const folder = `${client.folder}/${name}`;
    const refs = new Set(await listRefs(folder));
    const missing = this.#refsBefore.filter((line) => !refs.has(line));
    const fault = missing.length > 0 ? `lacks ${missing.join()}` : undefined;
    const broken = await fsck(folder);
    await Deno.remove(folder, { recursive: true });
    return fault ?? (broken === "" ? undefined : broken);
  }

  async #push(number: number): Promise<string | undefined> {
    const client = this.#client;
    const made = await client.git(
      ["commit-tree", "-p", "HEAD", "-m", `Number ${number}`, "HEAD^{tree}"],
      "base",
    );
    const commit = made.stdout.trim();
    const ref = `refs/heads/load-${number}`;
    const args = ["push", "-q", "origin", `${commit}:${ref}`];
    const { exitStatus, stderr } = await client.git(args, "base");
    if (exitStatus !== 0) return stderr;
    this.#pushed.push(`${commit} ${ref}`);
    return undefined;
  }
}

async function listRefs(repository: string): Promise<string[]> {
  const { stdout } = await git(
    repository,
    "for-each-ref",
    "--format=%(objectname) %(refname)",
  );
  return stdout.split("\n").filter((line) => line !== "");
}

/** @returns What is wrong; empty for a whole repository. */
async function fsck(repository: string): Promise<string> {
  const { success, stderr } = await git(
    repository,
    "fsck",
    "--connectivity-only",
  );
  return success ? "" : stderr || "fsck failed";
}

async function git(folder: string, ...args: string[]) {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...args],
    env: { GIT_CONFIG_NOSYSTEM: "1", HOME: folder },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs `count` jobs, no more than `atOnce` of them at a time. */
async function runAll(
  count: number,
  atOnce: number,
  job: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

Deno.test({
  name: `${RATE.limit} of ${
    RATE.limit + RATE.extra
  } sessions by ${RATE.clients} clients pass the rate limit`,
  ...options,
  async fn() {
    await using stand = await ShellStand.start({
      // GitLab's minute does not end, however long this takes.
      api: { rateLimit: RATE.limit, rateLimitClock: { nowMs: () => 0 } },
    });
    let passed = 0;
    const refused: string[] = [];
    const session = async () => {
      const { exitStatus, stderr } = await stand.session({
        command: `git-upload-pack '${SAMPLE.busyProject}.git'`,
        stdin: "0000",
      });
      if (exitStatus === 0) passed++;
      else refused.push(stderr);
    };
    await runAll(RATE.limit + RATE.extra, RATE.clients, session);
    assertEquals([passed, refused.length], [RATE.limit, RATE.extra]);
    for (const text of refused) {
      assertStringIncludes(text, "requested too many times. Try again later.");
    }
    // Each was asked about once: a refusal is not repeated.
    const asked = stand.stack.api.requests.all
      .filter(({ endpoint }) => endpoint === "/allowed");
    assertEquals(asked.length, RATE.limit + RATE.extra);
  },
});
