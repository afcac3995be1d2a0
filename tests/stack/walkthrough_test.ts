/**
 * docs/walkthrough.md, run from its first command to its last: the Debian
 * package is made, installed in a root of its own, pointed at the stack, serves
 * a clone through OpenSSH, is broken in six ways that doctor has to name, and
 * is taken away again.
 * @module
 */
import { assertEquals } from "@std/assert";
import { makePackages } from "../../src/build/package/package.ts";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { type Devstack, startDevstack } from "../../src/devstack/stack.ts";
import {
  type CleanRoot,
  makeCleanRoot,
  NO_CLEAN_ROOT,
  textBytes,
} from "../support/clean_root.ts";
import { runProgram } from "../support/dist.ts";
import { findFreePort, findSshd } from "../support/openssh_server.ts";
import { makeTempDir } from "../support/temp_dir.ts";
import {
  findDifference,
  parseTranscript,
  type TranscriptStep,
} from "../support/transcript.ts";

const REPOSITORY = new URL("../../", import.meta.url).pathname;
const DOCUMENT = `${REPOSITORY}docs/walkthrough.md`;
/** Ports of the document, which a test may not use. */
const PORTS = ["8181", "2222", "2223"] as const;
const OBSTACLE = findSshd() === undefined
  ? " (left out: no sshd here)"
  : NO_CLEAN_ROOT;

/** Where the commands are run. */
interface Walk {
  readonly root: CleanRoot;
  /** Home folder of the user elsewhere. */
  readonly home: string;
  /** Puts the ports of this run in the place of those of the document. */
  localize(text: string): string;
}

Deno.test({
  name: `docs/walkthrough.md works as it is written${OBSTACLE}`,
  ignore: OBSTACLE !== "",
  // The stack accepts and waits all along; its own tests look for leaks.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    using folder = makeTempDir();
    const home = folder.path;
    const publicKey = await makeUserKey(home);
    await using stack = await startDevstack({
      apiDoor: "tcp",
      gitalyDoor: "tcp",
      keys: [{ id: 1, type: "key", publicKey, userId: SAMPLE.userId }],
    });
    await using root = await makeCleanRoot();
    await prepareRoot(root, stack);
    const ports = [new URL(stack.apiUrl).port, findFreePort(), findFreePort()];
    const walk: Walk = {
      root,
      home,
      localize: (text) =>
        text.replaceAll(
          new RegExp(PORTS.join("|"), "g"),
          (port) => String(ports[PORTS.findIndex((one) => one === port)]),
        ),
    };
    const steps = parseTranscript(await Deno.readTextFile(DOCUMENT));
    assertEquals(steps.length > 30, true);
    for (const step of steps) await runStep(step, walk);
  },
});

async function runStep(step: TranscriptStep, walk: Walk): Promise<void> {
  const { root, localize } = walk;
  const command = localize(step.command);
  const output = step.prompt === "#"
    ? (await root.run(command)).output
    : await runAsUser(command, walk);
  const difference = findDifference(output, step.expected.map(localize));
  if (difference === undefined) return;
  throw new Error(
    `docs/walkthrough.md:${step.line} ${step.prompt} ${command}\n` +
      `${difference} in (${root.kind}):\n${output}`,
  );
}

/** `ssh` and `git` as the user has them, with nothing of this machine's. */
async function runAsUser(command: string, { home }: Walk): Promise<string> {
  const ssh = `ssh -F ${home}/config`;
  const { stdout, stderr } = await runProgram("sh", {
    path: "/bin/sh",
    args: ["-c", command.replace(/^ssh /, `${ssh} `)],
    cwd: home,
    env: {
      HOME: home,
      GIT_SSH_COMMAND: ssh,
      GIT_CONFIG_NOSYSTEM: "1",
    },
  });
  return stdout + stderr;
}

/** @returns The public key. */
async function makeUserKey(home: string): Promise<string> {
  const { success } = await new Deno.Command("ssh-keygen", {
    args: ["-q", "-t", "ed25519", "-N", "", "-C", "mira", "-f", `${home}/id`],
  }).output();
  assertEquals(success, true);
  await Deno.writeTextFile(
    `${home}/config`,
    `IdentityFile ${home}/id\nIdentitiesOnly yes\nIdentityAgent none\n` +
      "BatchMode yes\nStrictHostKeyChecking no\nRequestTTY no\n" +
      "UserKnownHostsFile /dev/null\nLogLevel ERROR\n",
  );
  return (await Deno.readTextFile(`${home}/id.pub`)).trim();
}

/** The package and the secret in `/root`, and host keys as sshd's package makes them. */
async function prepareRoot(root: CleanRoot, stack: Devstack): Promise<void> {
  using output = makeTempDir();
  const made = await makePackages({
    root: REPOSITORY.slice(0, -1),
    dist: `${REPOSITORY}dist`,
    output: output.path,
    denos: new Map(),
    isDebianOnly: true,
    print: () => {},
  });
  const deb = made.find((path) => path.endsWith(".deb")) ?? "";
  const name = deb.slice(deb.lastIndexOf("/") + 1);
  await root.write(`/root/${name}`, await Deno.readFile(deb));
  await root.write("/root/gitlab_shell_secret", textBytes(stack.secret));
  const { exitStatus, output: said } = await root.run("ssh-keygen -A");
  assertEquals(exitStatus, 0, said);
}
