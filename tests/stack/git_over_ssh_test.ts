/**
 * Real git through real ssh, by both doors: OpenSSH's sshd with the lookup
 * helper and gitlab-shell, and gitlab-sshd.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeSshKeys } from "../../src/cli/ssh_front_door.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { GitClient, type GitOutcome } from "../support/git_client.ts";
import { DOOR_NAMES, onSshWorld, type SshWorld } from "../support/ssh_world.ts";

const BIG_PROJECT = "tanuki/whale";
const BIG_MIB = 96;
const SHA256_PROJECT = "tanuki/shell";

/** What Gitaly is told of the client's address. */
const REMOTE_IP = {
  "OpenSSH and gitlab-shell": /^127\.0\.0\.1$/,
  "gitlab-sshd": /^127\.0\.0\.1:\d+$/,
} as const;
/** Exit status of a command that is not admitted. */
const REFUSAL_STATUS = {
  "OpenSSH and gitlab-shell": 1,
  "gitlab-sshd": 128,
} as const;

function extraProjects() {
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  return [
    {
      ...first,
      id: 201,
      path: BIG_PROJECT,
      content: { kind: "bulk", sizeMib: BIG_MIB } as const,
    },
    {
      ...first,
      id: 202,
      path: SHA256_PROJECT,
      objectFormat: "sha256" as const,
    },
  ];
}

function assertOk(outcome: GitOutcome): GitOutcome {
  assertEquals(outcome.exitStatus, 0, outcome.stderr);
  return outcome;
}

/** Checks every repository of the client's folder, and what it pushed to. */
async function assertAllWhole(
  client: GitClient,
  { stack }: SshWorld,
): Promise<void> {
  const there = new Set<string>();
  for await (const { name, isDirectory } of Deno.readDir(client.folder)) {
    if (!isDirectory) continue;
    const { stdout } = await client.git(["config", "remote.origin.url"], name);
    const project = /([^/]+\/[^/]+)\.git\n$/.exec(stdout)?.[1];
    if (project !== undefined) there.add(stack.repositoryPath(project));
    assertOk(await client.git(["fsck", "--full"], name));
  }
  for (const path of there) {
    assertOk(await client.git(["--git-dir", path, "fsck", "--full"]));
  }
}

for (const doorName of DOOR_NAMES) {
  const refusalStatus = REFUSAL_STATUS[doorName];
  const test = onSshWorld(doorName, {
    projects: [...SAMPLE_PROJECTS, ...extraProjects()],
    // What cannot be compressed need not be searched for likenesses.
    gitaly: { gitConfigOptions: ["pack.window=0"] },
  });

  /** A test after which what was cloned and what was pushed to is whole. */
  const whole: typeof test = (name, run) =>
    test(name, async (client, world) => {
      await run(client, world);
      await assertAllWhole(client, world);
    });

  test("a login without a command is greeted", async (client) => {
    const { stdout, exitStatus } = await client.ssh();
    assertEquals([stdout, exitStatus], ["Welcome to GitLab, @mira!\n", 0]);
  });

  for (const version of ["0", "1", "2"]) {
    whole(`clone with protocol version ${version}`, async (client) => {
      assertOk(
        await client.git([
          "-c",
          `protocol.version=${version}`,
          "clone",
          client.url(SAMPLE.project),
          "a",
        ]),
      );
      const { stdout } = assertOk(await client.git(["log", "--oneline"], "a"));
      assert(stdout.split("\n").length > 2, stdout);
    });
  }

  test(
    "gitaly.md case 19: Gitaly is told the client's address, by gitlab-sshd with its port",
    async (client, { stack }) => {
      assertOk(await client.git(["ls-remote", client.url(SAMPLE.project)]));
      const { metadata = {} } = stack.gitaly.calls.all.at(-1) ?? {};
      assertMatch(metadata["remote_ip"] ?? "", REMOTE_IP[doorName]);
    },
  );

  whole("push, fetch and pull", async (client) => {
    const url = client.url(SAMPLE.project);
    for (const folder of ["a", "b"]) {
      assertOk(await client.git(["clone", url, folder]));
    }
    const text = `${crypto.randomUUID()}\n`;
    await Deno.writeTextFile(`${client.folder}/a/pushed.txt`, text);
    assertOk(await client.git(["add", "pushed.txt"], "a"));
    assertOk(await client.git(["commit", "-m", "Push this"], "a"));
    const pushed = assertOk(
      await client.git(["push", "origin", "HEAD:main"], "a"),
    );
    assertMatch(pushed.stderr, /HEAD -> main/);
    assertOk(await client.git(["pull", "--ff-only"], "b"));
    assertEquals(
      await Deno.readTextFile(`${client.folder}/b/pushed.txt`),
      text,
    );
  });

  whole("push of a new branch, and its removal", async (client) => {
    assertOk(await client.git(["clone", client.url(SAMPLE.project), "a"]));
    assertOk(await client.git(["push", "origin", "HEAD:refs/heads/tide"], "a"));
    assertOk(await client.git(["push", "origin", ":refs/heads/tide"], "a"));
    const { stdout } = assertOk(
      await client.git(["ls-remote", "--heads", "origin", "tide"], "a"),
    );
    assertEquals(stdout, "");
  });

  test(
    "sshd.md case 77: an advertisement that is answered by a flush",
    async (client) => {
      const { stdout, stderr, exitStatus } = await client.talk(
        "0000",
        "git-receive-pack",
        `${SAMPLE.project}.git`,
      );
      assertEquals([stderr, exitStatus], ["", 0]);
      assertMatch(stdout, /^[0-9a-f]{4}[0-9a-f]{40} refs\/heads\/[^\0]+\0/);
      assert(stdout.includes("report-status"), stdout);
      assert(stdout.endsWith("0000"), stdout);
    },
  );

  test("sshd.md case 80: archive", async (client) => {
    assertOk(
      await client.git([
        "archive",
        `--remote=${client.url(SAMPLE.project)}`,
        "--output=a.tar",
        "HEAD",
      ]),
    );
    const { size } = await Deno.stat(`${client.folder}/a.tar`);
    assert(size > 1024, `${size} bytes`);
  });

  whole("shallow and partial clones", async (client) => {
    const url = client.url(SAMPLE.project);
    assertOk(await client.git(["clone", "--depth=1", url, "shallow"]));
    const { stdout } = await client.git(
      ["rev-list", "--count", "HEAD"],
      "shallow",
    );
    assertEquals(stdout, "1\n");
    assertOk(await client.git(["clone", "--filter=blob:none", url, "partial"]));
    assertOk(await client.git(["fetch", "--unshallow"], "shallow"));
  });

  whole("a repository of SHA-256 objects", async (client) => {
    assertOk(await client.git(["clone", client.url(SHA256_PROJECT), "a"]));
    const { stdout } = await client.git(["rev-parse", "HEAD"], "a");
    assertEquals(stdout.length, 65);
  });

  whole(
    `clone and push of ${BIG_MIB} MiB, unchanged`,
    async (client, { stack }) => {
      const url = client.url(BIG_PROJECT);
      assertOk(await client.git(["clone", "--bare", url, "big.git"]));
      // A history of its own, so that every object travels.
      const file = `${client.folder}/new/blob`;
      assertOk(await client.git(["init", "-q", "new"]));
      const bytes = new Uint8Array(48 * 1024 * 1024);
      for (let at = 0; at < bytes.length; at += 65_536) {
        crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      }
      await Deno.writeFile(file, bytes);
      assertOk(await client.git(["add", "blob"], "new"));
      assertOk(await client.git(["commit", "-q", "-m", "A big one"], "new"));
      assertOk(
        await client.git(["push", url, "HEAD:refs/heads/pushed"], "new"),
      );
      const there = stack.repositoryPath(BIG_PROJECT);
      const sent = await client.git(["rev-parse", "HEAD"], "new");
      const kept = await client.git([
        "--git-dir",
        there,
        "rev-parse",
        "pushed",
      ]);
      assertEquals(kept.stdout, sent.stdout);
    },
  );

  test("a project that the key may not read", async (client) => {
    const { stderr, exitStatus } = await client.git([
      "clone",
      client.url(SAMPLE.privateProject),
      "a",
    ]);
    assertEquals(exitStatus, 128);
    assertMatch(
      stderr,
      /remote: .*could not be found or you don't have permission/,
    );
  });

  whole("a project that the key may not write", async (client) => {
    assertOk(
      await client.git(["clone", client.url(SAMPLE.readOnlyProject), "a"]),
    );
    const { stderr, exitStatus } = await client.git(
      ["push", "origin", "HEAD:refs/heads/mine"],
      "a",
    );
    assertEquals(exitStatus, 128);
    assertMatch(stderr, /You are not allowed to push code to this project/);
  });

  for (
    const command of ["bash", "sh -c id", "scp -t /tmp", "cat /etc/passwd"]
  ) {
    test(`${command} is not run`, async (client) => {
      const { stdout, exitStatus } = await client.ssh(command);
      assertEquals([stdout, exitStatus], ["", refusalStatus]);
    });
  }

  test(
    "a key that GitLab does not know is refused",
    async (client, { door }) => {
      const keys = await makeSshKeys(client.folder);
      const other = await GitClient.make(client.folder, {
        ...door,
        keys: { ...keys, hostPublicKey: door.keys.hostPublicKey },
      });
      const { stderr, exitStatus } = await other.ssh();
      assertEquals(exitStatus, 255);
      assertMatch(stderr, /Permission denied \(publickey/);
    },
  );

  test(
    "a client killed inside a clone leaves no git behind",
    async (client, { stack }) => {
      const mark = stack.gitaly.calls.all.length;
      const child = client.start("git", [
        "clone",
        client.url(BIG_PROJECT),
        "a",
      ]);
      const call = await stack.gitaly.calls.until((call) =>
        stack.gitaly.calls.all.indexOf(call) >= mark &&
        call.outputBytes > 100_000
      );
      child.kill("SIGKILL");
      await child.output();
      await call.ended;
      assertEquals(stack.gitaly.gitCount, 0);
    },
  );

  test(
    "Gitaly's death inside a clone is an error to git",
    async (client, { stack }) => {
      const mark = stack.gitaly.calls.all.length;
      const child = client.start("git", [
        "clone",
        client.url(BIG_PROJECT),
        "a",
      ]);
      const call = await stack.gitaly.calls.until((call) =>
        stack.gitaly.calls.all.indexOf(call) >= mark &&
        call.outputBytes > 100_000
      );
      call.connection.cut();
      const { code, stderr } = await child.output();
      assertEquals(code, 128, new TextDecoder().decode(stderr));
      await call.ended;
    },
  );

  whole("twelve clients at once", async (client, { stack }) => {
    const clones = Array.from(
      { length: 12 },
      (_, index) =>
        client.git(["clone", client.url(SAMPLE.project), `c${index}`]),
    );
    for (const outcome of await Promise.all(clones)) assertOk(outcome);
    assertEquals(stack.gitaly.gitCount, 0);
  });
}
