/**
 * Real git through real ssh on a Geo secondary: every fetch and push is served
 * by the primary, in both ways that there are, by both doors.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { GitClient, type GitOutcome } from "../support/git_client.ts";
import {
  type DoorName,
  openGeoWorld,
  type RemoteWorld,
  SHA256_PROJECT,
} from "../support/remote_world.ts";

const DOORS: readonly DoorName[] = ["OpenSSH and gitlab-shell", "gitlab-sshd"];
const BLOB_BYTES = 3 * 1024 * 1024;

function assertOk(outcome: GitOutcome): GitOutcome {
  assertEquals(outcome.exitStatus, 0, outcome.stderr);
  return outcome;
}

/** Adds a commit with something that does not compress. */
async function commitBlob(client: GitClient, folder: string): Promise<void> {
  const bytes = new Uint8Array(BLOB_BYTES);
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  const name = crypto.randomUUID();
  await Deno.writeFile(`${client.folder}/${folder}/${name}`, bytes);
  assertOk(await client.git(["add", name], folder));
  assertOk(await client.git(["commit", "-q", "-m", "A blob"], folder));
}

for (const doorName of DOORS) {
  for (const isDirect of [true, false]) {
    const mode = isDirect ? "one request" : "two requests";
    let world: RemoteWorld;
    let count = 0;

    /** One test with a client of its own, on the world that all share. */
    const test = (
      name: string,
      run: (client: GitClient, world: RemoteWorld) => Promise<void>,
    ) =>
      Deno.test({
        name: `${doorName}, Geo by ${mode}: ${name}`,
        // The world's servers wait before, during and after each test.
        sanitizeOps: false,
        sanitizeResources: false,
        async fn() {
          world ??= await openGeoWorld(doorName, isDirect);
          const folder = `${world.folder}/${++count}`;
          await Deno.mkdir(folder);
          await run(await GitClient.make(folder, world.door), world);
        },
      });
    Deno.test.afterAll(async () => await world?.[Symbol.asyncDispose]());

    test(
      "sshd.md case 78: push, pull and remove, served by the primary",
      async (client, { far, near }) => {
        const url = client.url(SAMPLE.project);
        for (const folder of ["a", "b"]) {
          assertOk(await client.git(["clone", url, folder]));
        }
        await commitBlob(client, "a");
        const branch = `b${crypto.randomUUID()}`;
        const refs = ["HEAD:main", `HEAD:refs/heads/${branch}`];
        assertOk(await client.git(["push", "origin", ...refs], "a"));
        assertOk(await client.git(["pull", "--ff-only"], "b"));
        const [pushed, pulled, there] = await Promise.all([
          client.git(["rev-parse", "HEAD"], "a"),
          client.git(["rev-parse", "HEAD"], "b"),
          client.git([
            "--git-dir",
            far.repositoryPath(SAMPLE.project),
            "rev-parse",
            branch,
          ]),
        ]);
        assertEquals(pulled.stdout, pushed.stdout);
        assertEquals(there.stdout, pushed.stdout);
        // A client that only removes keeps its side open until it is answered.
        assertOk(await client.git(["push", "origin", "--delete", branch], "a"));
        const left = await client.git([
          "--git-dir",
          far.repositoryPath(SAMPLE.project),
          "branch",
          "--list",
          branch,
        ]);
        assertEquals(assertOk(left).stdout, "");
        assertEquals(near.gitaly.calls.all, []);
        assertOk(await client.git(["fsck", "--full"], "b"));
      },
    );

    // What follows cannot depend on the door; the quicker one is enough.
    if (doorName !== "gitlab-sshd") continue;

    for (const version of isDirect ? ["0", "2"] : []) {
      test(
        `clone with protocol version ${version}`,
        async (client, { far, near }) => {
          const mark = far.gitHttp.requests.all.length;
          const { stderr } = assertOk(
            await client.git([
              "-c",
              `protocol.version=${version}`,
              "clone",
              client.url(SAMPLE.project),
              "a",
            ]),
          );
          // The primary's messages reach the user.
          assertMatch(stderr, /remote: This request to a Geo secondary node/);
          assertOk(await client.git(["fsck", "--full", "--strict"], "a"));
          const seen = far.gitHttp.requests.all.slice(mark);
          assertEquals(
            seen.map(({ by, status }) => [by, status]),
            seen.map(() => ["geo", 200]),
          );
          assertEquals(seen.length, isDirect ? 1 : 2);
          assertEquals(near.gitaly.calls.all, []);
        },
      );
    }

    // By one request the client and the primary's git talk to each other.
    if (!isDirect) {
      test(
        "a fetch that takes many rounds to agree",
        async (client, { far }) => {
          const url = client.url(SAMPLE.project);
          for (const folder of ["a", "b"]) {
            assertOk(await client.git(["clone", url, folder]));
          }
          // So many commits that the primary does not know of.
          const loop =
            "!for i in $(seq 70); do git commit -q --allow-empty -m $i; done";
          assertOk(await client.git(["-c", `alias.many=${loop}`, "many"], "a"));
          await commitBlob(client, "b");
          assertOk(await client.git(["push", "origin", "HEAD:main"], "b"));
          const mark = far.gitHttp.requests.all.length;
          assertOk(await client.git(["fetch"], "a"));
          const rounds = far.gitHttp.requests.all.slice(mark).length;
          // The references and more than one round.
          assertEquals(rounds > 2, true, `${rounds}`);
          const [theirs, ours] = await Promise.all([
            client.git(["rev-parse", "HEAD"], "b"),
            client.git(["rev-parse", "origin/main"], "a"),
          ]);
          assertEquals(ours.stdout, theirs.stdout);
          assertOk(await client.git(["fsck", "--full"], "a"));
        },
      );

      test("a shallow clone, deepened and made whole", async (client) => {
        const url = client.url(SAMPLE.project);
        const count = async () =>
          Number(
            assertOk(await client.git(["rev-list", "--count", "HEAD"], "a"))
              .stdout,
          );
        assertOk(await client.git(["clone", "-q", "--depth", "1", url, "a"]));
        assertEquals(await count(), 1);
        assertOk(await client.git(["fetch", "-q", "--deepen", "1"], "a"));
        assertEquals(await count() > 1, true);
        assertOk(await client.git(["fetch", "-q", "--unshallow"], "a"));
        assertOk(await client.git(["clone", "-q", url, "whole"]));
        const whole = await client.git(
          ["rev-list", "--count", "HEAD"],
          "whole",
        );
        assertEquals(await count(), Number(whole.stdout));
        assertOk(await client.git(["fsck", "--full"], "a"));
      });
    }

    test("nothing to push and nothing to fetch", async (client) => {
      const url = client.url(SAMPLE.project);
      assertOk(await client.git(["clone", url, "a"]));
      assertMatch(
        assertOk(await client.git(["push", "origin", "HEAD"], "a")).stderr,
        /Everything up-to-date/,
      );
      assertOk(await client.git(["fetch"], "a"));
      assertMatch(
        assertOk(await client.git(["ls-remote", url])).stdout,
        /HEAD/,
      );
    });

    test("objects of SHA-256, pushed and removed", async (client) => {
      const url = client.url(SHA256_PROJECT);
      assertOk(await client.git(["clone", "-q", url, "a"]));
      await commitBlob(client, "a");
      assertOk(await client.git(["push", "origin", "HEAD:refs/heads/b"], "a"));
      assertOk(await client.git(["push", "origin", "--delete", "b"], "a"));
    });

    test("push options reach the primary", async (client) => {
      assertOk(await client.git(["clone", client.url(SAMPLE.project), "a"]));
      assertOk(
        await client.git([
          "push",
          "-o",
          "ci.skip",
          "origin",
          "HEAD:refs/heads/o",
        ], "a"),
      );
      // Options of a removal stand behind the flush that seems to be the end.
      assertOk(
        await client.git(["push", "-o", "x", "origin", "--delete", "o"], "a"),
      );
    });

    test("the primary's refusal is shown", async (client, { near, far }) => {
      assertOk(
        await client.git(["clone", client.url(SAMPLE.readOnlyProject), "a"]),
      );
      // The secondary believes what the primary knows better.
      const { directory } = near.api.state;
      const project = directory.project(SAMPLE.readOnlyProject);
      if (!project) throw new Error("No such project");
      directory.setProject({ ...project, members: { mira: "push" } });
      try {
        const { stderr, exitStatus } = await client.git(
          ["push", "origin", "HEAD:refs/heads/mine"],
          "a",
        );
        assertEquals(exitStatus, 128);
        assertMatch(
          stderr,
          /remote: (?:ERROR: )?You are not allowed to push code to this/,
        );
        const last = far.gitHttp.requests.all.at(-1);
        assertEquals(last?.status, 403);
      } finally {
        directory.setProject(project);
      }
    });

    test("an archive is the secondary's own", async (client, { near }) => {
      const outcome = assertOk(
        await client.git([
          "archive",
          `--remote=${client.url(SAMPLE.project)}`,
          "--output=a.tar",
          "HEAD",
        ]),
      );
      assertEquals(outcome.stdout, "");
      assert(near.gitaly.calls.all.length > 0);
    });
  }
}
