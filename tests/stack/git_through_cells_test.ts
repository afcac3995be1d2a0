/**
 * Real git through real ssh on a cell: projects of another cell are found by
 * the Topology Service and served by that cell, by both doors.
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { GitClient, type GitOutcome } from "../support/git_client.ts";
import {
  type DoorName,
  FAR_PROJECT,
  openCellWorld,
  type RemoteWorld,
} from "../support/remote_world.ts";

const DOORS: readonly DoorName[] = ["OpenSSH and gitlab-shell", "gitlab-sshd"];

function assertOk(outcome: GitOutcome): GitOutcome {
  assertEquals(outcome.exitStatus, 0, outcome.stderr);
  return outcome;
}

for (const doorName of DOORS) {
  let world: RemoteWorld;
  let count = 0;

  const test = (
    name: string,
    run: (client: GitClient, world: RemoteWorld) => Promise<void>,
  ) =>
    Deno.test({
      name: `${doorName}, cells: ${name}`,
      // The world's servers wait before, during and after each test.
      sanitizeOps: false,
      sanitizeResources: false,
      async fn() {
        world ??= await openCellWorld(doorName);
        const folder = `${world.folder}/${++count}`;
        await Deno.mkdir(folder);
        await run(await GitClient.make(folder, world.door), world);
      },
    });
  Deno.test.afterAll(async () => await world?.[Symbol.asyncDispose]());

  test("a project of this cell", async (client, { near, far, topology }) => {
    assertOk(await client.git(["clone", client.url(SAMPLE.project), "a"]));
    assertEquals(far.gitHttp.requests.all, []);
    assertEquals(near.gitaly.calls.all.length > 0, true);
    const routes = topology?.requests.all
      .filter(({ claim }) => claim === "route").map(({ value }) => value);
    assertEquals(routes, ["tanuki"]);
  });

  test("a project of another cell", async (client, { near, far, topology }) => {
    const mark = near.gitaly.calls.all.length;
    const url = client.url(FAR_PROJECT);
    for (const folder of ["a", "b"]) {
      assertOk(await client.git(["clone", url, folder]));
    }
    const text = `${crypto.randomUUID()}\n`;
    await Deno.writeTextFile(`${client.folder}/a/pushed.txt`, text);
    assertOk(await client.git(["add", "pushed.txt"], "a"));
    assertOk(await client.git(["commit", "-m", "Push this"], "a"));
    assertOk(await client.git(["push", "origin", "HEAD:main"], "a"));
    assertOk(await client.git(["pull", "--ff-only"], "b"));
    assertEquals(
      await Deno.readTextFile(`${client.folder}/b/pushed.txt`),
      text,
    );
    assertEquals(near.gitaly.calls.all.length, mark);
    const seen = far.gitHttp.requests.all;
    assertEquals(new Set(seen.map(({ by }) => by)), new Set(["cell"]));
    const [last] = topology?.requests.all.slice(-1) ?? [];
    assertEquals(
      last?.metadata["x-gitlab-client-name"],
      doorName === "gitlab-sshd"
        ? "gitlab-sshd-topology"
        : "gitlab-shell-topology",
    );
  });

  test("keys are looked up by their fingerprint", (_client, { topology }) => {
    const claims = topology?.requests.all
      .filter(({ claim }) => claim === "ssh_key_fingerprint") ?? [];
    assertEquals(claims.length > 0, true);
    for (const { value } of claims) assertEquals(value.length, 43);
    return Promise.resolve();
  });

  test(
    "without a Topology Service everything is this cell's",
    async (client, { topology }) => {
      // Ends what waits there, and refuses what follows.
      await topology?.[Symbol.asyncDispose]();
      assertOk(await client.git(["clone", client.url(SAMPLE.project), "a"]));
      const { stderr, exitStatus } = await client.git([
        "clone",
        client.url(FAR_PROJECT),
        "b",
      ]);
      assertEquals(exitStatus, 128);
      assertMatch(stderr, /remote: .*could not be found/);
    },
  );
}
