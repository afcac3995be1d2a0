/**
 * `deno task demo`: the main job on a stack of its own, step by step, with the
 * machine's own git and ssh.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { SAMPLE } from "../devstack/sample.ts";
import {
  type Devstack,
  startDevstack,
  STORAGE_NAME,
} from "../devstack/stack.ts";
import { DemoRunner } from "./demo_runner.ts";
import { runDemoSteps } from "./demo_steps.ts";
import type { DemoTarget } from "./demo_target.ts";
import {
  makeSshKeys,
  openSshFrontDoor,
  sshdConfigLines,
  type SshFrontDoor,
  type SshKeys,
} from "./ssh_front_door.ts";
import { taskWords } from "./task_words.ts";

const USAGE = `Usage: deno task demo [--keep]

Brings up stand-ins for GitLab and Gitaly and gitlab-sshd in front of them,
and uses them through this machine's own git and ssh.

  --keep   leave everything running at the end, until Ctrl-C
  --help   print this
`;
/** Low enough to be met in a few seconds, high enough for the other steps. */
const RATE_LIMIT = 12;
const HOSTNAME = "127.0.0.1";
const LFS_LINES = ["lfs:", "  pure_ssh_protocol: true"];
const NO_GIT_LFS =
  "git-lfs 3.6 or later is not here: the demo leaves LFS out\n";
const NEEDED_TOOLS = ["git", "ssh", "ssh-keygen", "tar"];
const encoder = new TextEncoder();

function print(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text));
}

async function main(): Promise<number> {
  const options = parseArgs(taskWords(Deno.args), {
    boolean: ["keep", "help"],
    unknown: (word: string) => {
      print(`Unknown argument: ${word}\n\n${USAGE}`);
      Deno.exit(2);
    },
  });
  if (options.help) {
    print(USAGE);
    return 0;
  }
  const missing = await findMissingTools();
  if (missing.length > 0) {
    print(`Cannot run the demo without ${missing.join(", ")}.\n`);
    return 1;
  }
  const interrupted = new AbortController();
  const stopNow = () => interrupted.abort(new Error("Stopped by Ctrl-C"));
  Deno.addSignalListener("SIGINT", stopNow);
  Deno.addSignalListener("SIGTERM", stopNow);
  try {
    return await runDemo(Boolean(options.keep), interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    print("\nStopped; everything is cleaned up.\n");
    return 130;
  } finally {
    Deno.removeSignalListener("SIGINT", stopNow);
    Deno.removeSignalListener("SIGTERM", stopNow);
  }
}

async function runDemo(keep: boolean, signal: AbortSignal): Promise<number> {
  const startMs = performance.now();
  await using parts = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "gitlab-shell-demo-" });
  parts.defer(() => Deno.remove(folder, { recursive: true }));
  const keys = await makeSshKeys(folder);
  const stack = parts.use(
    await startDevstack({
      keys: [{
        id: SAMPLE.keyId,
        type: "key",
        publicKey: keys.userPublicKey,
        userId: SAMPLE.userId,
      }],
      api: { rateLimit: RATE_LIMIT },
      configLines: [
        ...sshdConfigLines(keys, { hostname: HOSTNAME, port: 0 }),
        ...LFS_LINES,
      ],
    }),
  );
  const door = parts.use(await openSshFrontDoor(stack.shellRoot));
  print(describeStack(stack, door));
  const env = await makeEnvironment(folder, { keys, door });
  const runner = new DemoRunner({ folder, env, print, signal });
  const hasGitLfs = await findGitLfs(runner, folder);
  if (!hasGitLfs) print(NO_GIT_LFS);
  await runDemoSteps(runner, targetOf(folder, { door, stack, hasGitLfs }));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  print(summarize(runner, seconds));
  if (keep) await waitForCtrlC(env, signal);
  return runner.failures.length === 0 ? 0 : 1;
}

function describeStack(stack: Devstack, door: SshFrontDoor): string {
  return `GitLab stand-in: ${stack.apiUrl}
Gitaly stand-in: ${stack.gitalyAddress}, running real git
gitlab-sshd:     ${door.hostname} port ${door.port}
`;
}

function targetOf(
  folder: string,
  { door: { hostname, port }, stack, hasGitLfs }: {
    door: SshFrontDoor;
    stack: Devstack;
    hasGitLfs: boolean;
  },
): DemoTarget {
  const path = stack.repositoryPath(SAMPLE.project);
  const repository = {
    storageName: STORAGE_NAME,
    relativePath: path.slice(stack.storage.length + 1),
  };
  return {
    sshUrl: `ssh://git@${hostname}:${port}`,
    sshWords: ["-p", String(port), `git@${hostname}`],
    username: SAMPLE.username,
    project: SAMPLE.project,
    privateProject: SAMPLE.privateProject,
    busyProject: SAMPLE.busyProject,
    rateLimit: RATE_LIMIT,
    folder,
    hasGitLfs,
    gitaly: {
      program: "gitaly-ssh",
      address: stack.gitalyAddress,
      token: stack.gitalyToken,
      payload: JSON.stringify({ repository, gitProtocol: "version=2" }),
    },
  };
}

/**
 * A home of its own, so that neither the configuration nor the keys of whoever
 * runs the demo take part, and so that the commands shown are short.
 */
async function makeEnvironment(
  folder: string,
  { keys, door }: { keys: SshKeys; door: SshFrontDoor },
): Promise<Record<string, string>> {
  const home = `${folder}/home`;
  await Deno.mkdir(`${home}/.ssh`, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(
    `${home}/.ssh/known_hosts`,
    `[${door.hostname}]:${door.port} ${keys.hostPublicKey}\n`,
  );
  // ssh looks its files up in the account's home, whatever HOME says, so the
  // settings go in by way of a script of that name.
  const bin = `${home}/bin`;
  await Deno.mkdir(bin);
  const realSsh = await findTool("ssh");
  await Deno.writeTextFile(
    `${bin}/ssh`,
    `#!/bin/sh
exec ${realSsh} -F /dev/null -o IdentitiesOnly=yes -o BatchMode=yes \\
  -o IdentityAgent=none -o StrictHostKeyChecking=yes -o LogLevel=ERROR \\
  -i '${keys.userKeyFile}' -o UserKnownHostsFile='${home}/.ssh/known_hosts' "$@"
`,
    { mode: 0o755 },
  );
  const entry = new URL("../../gitaly_ssh.ts", import.meta.url).pathname;
  await Deno.writeTextFile(
    `${bin}/gitaly-ssh`,
    `#!/bin/sh\nexec '${Deno.execPath()}' run -q -A '${entry}' "$@"\n`,
    { mode: 0o755 },
  );
  await Deno.writeTextFile(
    `${home}/.gitconfig`,
    "[user]\n\tname = Mira Reef\n\temail = mira@example.com\n" +
      "[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n",
  );
  return {
    HOME: home,
    PATH: `${bin}:${Deno.env.get("PATH") ?? ""}`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
}

function summarize(runner: DemoRunner, seconds: string): string {
  const { failures, stepCount } = runner;
  if (failures.length === 0) {
    return `\nAll ${stepCount} steps went as they should, in ${seconds} s.\n`;
  }
  return `\n${failures.length} of ${stepCount} steps did not:\n` +
    failures.map((failure) => `  ${failure}\n`).join("");
}

async function waitForCtrlC(
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  print(`
Everything is left running. In another terminal:

  export HOME=${env["HOME"]} PATH=${env["HOME"]}/bin:$PATH

and use git and ssh as above. Ctrl-C here ends and removes it all.
`);
  if (signal.aborted) return;
  await new Promise((resolve) =>
    signal.addEventListener("abort", resolve, { once: true })
  );
}

/** Older clients forget what they were told before they transfer. */
async function findGitLfs(
  runner: DemoRunner,
  folder: string,
): Promise<boolean> {
  if (await findTool("git-lfs") === undefined) return false;
  const words = ["git-lfs", "version"];
  const { stdout } = await runner.run({ words, folder, isQuiet: true });
  const [, major, minor] = /^git-lfs\/([0-9]+)\.([0-9]+)/.exec(stdout) ?? [];
  return Number(major) > 3 || Number(major) === 3 && Number(minor) >= 6;
}

async function findMissingTools(): Promise<string[]> {
  const missing: string[] = [];
  for (const tool of NEEDED_TOOLS) {
    if (await findTool(tool) === undefined) missing.push(tool);
  }
  return missing;
}

async function findTool(name: string): Promise<string | undefined> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${folder}/${name}`;
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) {
      return path;
    }
  }
  return undefined;
}

if (import.meta.main) Deno.exit(await main());
