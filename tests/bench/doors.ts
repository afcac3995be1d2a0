/**
 * SSH servers to knock at: OpenSSH's sshd with one build's helper and shell,
 * or with plain git, and gitlab-sshd of one build.
 * @module
 */
import { findFreePort, findSshd } from "../support/openssh_server.ts";
import { copyProgramTo } from "../support/dist.ts";
import { type BenchWorld, OURS } from "./bench_world.ts";
import type { GitWay } from "./git_way.ts";
import { writeRoot } from "./instant_root.ts";
import { readCpuMs, readPeakMib } from "./usage.ts";

/** A server that accepts connections. */
export interface Door extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly user: string;
  /** Words of `ssh`, up to and with `user@host`. */
  readonly ssh: readonly string[];
  /** git through this door. */
  readonly way: GitWay;
}

/** Which door. */
export interface DoorPlan {
  readonly name: string;
  /** Builds by program; plain git where there is no `gitlab-shell`. */
  readonly programs: ReadonlyMap<string, string>;
  /** Options of the client, such as `Ciphers=aes128-ctr`. */
  readonly options?: readonly string[];
  /** The processor that the server keeps to. */
  readonly processor?: number;
  /** Where gitlab-sshd shows its metrics; nowhere if absent. */
  readonly webPort?: number;
}

const HOSTNAME = "127.0.0.1";
const START_TIMEOUT_MS = 20_000;
const POLL_MS = 10;
/** sshd runs a helper only from folders that are root's alone. */
const ROOT_OWNED_FOLDER = "/var/lib";
const LOOKUP = "gitlab-shell-authorized-keys-check";
/**
 * A login shell that is bash, Debian's, reads its owner's `.bashrc` for sshd
 * unless it seems to be one shell within another. What stands there says
 * nothing about the programs, and can take longer than all of them.
 */
const NO_STARTUP_FILE = "SHLVL=2";
const TASKSET = "/usr/bin/taskset";

/** Why OpenSSH cannot be put in front of the programs here. */
export function findNoOpenssh(): string | undefined {
  if (findSshd() === undefined) return "there is no sshd";
  return Deno.uid() === 0 ? undefined : "sshd runs its helpers for root alone";
}

/** Words that keep a command to one processor, where that can be done. */
export function pinTo(processor: number | undefined): string[] {
  const canPin = processor !== undefined && navigator.hardwareConcurrency > 1 &&
    isFile(TASKSET);
  return canPin ? [TASKSET, "-c", String(processor)] : [];
}

/** Starts OpenSSH's sshd. */
export async function openOpensshDoor(
  world: BenchWorld,
  plan: DoorPlan,
): Promise<Door> {
  await using parts = new AsyncDisposableStack();
  const root = await Deno.makeTempDir({
    dir: ROOT_OWNED_FOLDER,
    prefix: "gitlab-shell-bench-",
  });
  parts.defer(() => Deno.remove(root, { recursive: true }));
  await Deno.chmod(root, 0o755);
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const port = findFreePort();
  const keyLines = plan.programs.has("gitlab-shell")
    ? await installLookup(world, root, plan)
    : await installPlainKey(world, root);
  const config = `${root}/sshd_config`;
  await Deno.writeTextFile(
    config,
    [
      `Port ${port}`,
      `ListenAddress ${HOSTNAME}`,
      `HostKey ${world.keys.hostKeyFile}`,
      "PidFile none",
      "UsePAM no",
      "PermitRootLogin prohibit-password",
      "AcceptEnv GIT_PROTOCOL",
      "MaxStartups 400",
      ...keyLines,
      "",
    ].join("\n"),
  );
  const words = [findSshd() ?? "", "-D", "-f", config, "-E", `${root}/log`];
  const pid = await startServer(parts, { words, port, plan });
  return makeDoor(world, parts.move(), { plan, pid, port, user: "root" });
}

/** Starts gitlab-sshd. */
export async function openSshdDoor(
  world: BenchWorld,
  plan: DoorPlan,
): Promise<Door> {
  await using parts = new AsyncDisposableStack();
  const root = await Deno.makeTempDir({ dir: world.folder, prefix: "sshd-" });
  const port = findFreePort();
  const { configLines } = await world.api(0);
  const { webPort } = plan;
  const web = webPort === undefined ? "" : `${HOSTNAME}:${webPort}`;
  await writeRoot(root, [
    ...configLines,
    "sshd:",
    `  listen: "${HOSTNAME}:${port}"`,
    `  web_listen: "${web}"`,
    `  host_key_files: ["${world.keys.hostKeyFile}"]`,
    // All clients knock at once here, which is an attack elsewhere. OpenSSH has
    // its own word for it above; another build reads on.
    "  max_startups: none",
  ]);
  const program = plan.programs.get("gitlab-sshd") ?? "";
  const words = [program, "-config-dir", root];
  const pid = await startServer(parts, { words, port, plan });
  return makeDoor(world, parts.move(), { plan, pid, port, user: "git" });
}

function makeDoor(
  world: BenchWorld,
  parts: AsyncDisposableStack,
  { plan, pid, port, user }: {
    plan: DoorPlan;
    pid: number;
    port: number;
    user: string;
  },
): Door {
  const options = clientOptions(world, plan.options ?? []);
  const place = `ssh://${user}@${HOSTNAME}:${port}`;
  const isPlain = plan.programs.size === 0;
  return {
    name: plan.name,
    pid,
    port,
    user,
    ssh: ["ssh", ...options, "-p", String(port), `${user}@${HOSTNAME}`],
    way: {
      name: plan.name,
      urlOf: (project) =>
        isPlain
          ? `${place}${world.standIn.repositoryPath(project)}`
          : `${place}/${project}.git`,
      env: { GIT_SSH_COMMAND: ["ssh", ...options].join(" ") },
      meter() {
        const before = readCpuMs(pid);
        return () =>
          Promise.resolve({
            cpuMs: readCpuMs(pid) - before,
            peakRssMib: readPeakMib(pid),
          });
      },
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function clientOptions(
  { keys, folder }: BenchWorld,
  more: readonly string[],
): string[] {
  const settings = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=no",
    `UserKnownHostsFile=${folder}/known_hosts`,
    "LogLevel=ERROR",
    ...more,
  ];
  const words = settings.flatMap((setting) => ["-o", setting]);
  return ["-F", "/dev/null", "-i", keys.userKeyFile, ...words];
}

/** Puts a build's helper and shell where sshd will run them. */
async function installLookup(
  world: BenchWorld,
  root: string,
  { name, programs }: DoorPlan,
): Promise<string[]> {
  const { configLines } = await world.api(0);
  await writeRoot(root, configLines);
  await Deno.mkdir(`${root}/bin`);
  for (const program of ["gitlab-shell", LOOKUP]) {
    const target = `${root}/bin/${program}`;
    const source = programs.get(program) ?? "";
    if (name.includes(OURS)) await installOurs(program, target);
    else await Deno.copyFile(source, target);
    await Deno.chmod(target, 0o755);
  }
  const script = `${root}/lookup`;
  await Deno.writeTextFile(
    script,
    `#!/bin/sh\nGITLAB_SHELL_DIR='${root}' exec '${root}/bin/${LOOKUP}' "$@"\n`,
  );
  await Deno.chmod(script, 0o755);
  return [
    // Debian's build does not look beside itself.
    `SetEnv ${NO_STARTUP_FILE} GITLAB_SHELL_DIR=${root}`,
    "AuthorizedKeysFile none",
    `AuthorizedKeysCommand ${script} root %u %k`,
    "AuthorizedKeysCommandUser root",
  ];
}

/** Two programs of ours share one library, which a link leads to. */
async function installOurs(program: string, target: string): Promise<void> {
  const temporary = `${target}.new`;
  const path = await copyProgramTo(program, temporary);
  await Deno.rename(path, target);
  const library = `${target.slice(0, target.lastIndexOf("/"))}/lib`;
  await Deno.rename(`${temporary}/lib`, library).catch(() => {});
  await Deno.remove(temporary, { recursive: true });
}

async function installPlainKey(
  { keys }: BenchWorld,
  root: string,
): Promise<string[]> {
  const file = `${root}/authorized_keys`;
  await Deno.writeTextFile(file, `${keys.userPublicKey}\n`, { mode: 0o600 });
  return [
    "StrictModes no",
    `AuthorizedKeysFile ${file}`,
    `SetEnv ${NO_STARTUP_FILE}`,
  ];
}

/** @returns The server's process. */
async function startServer(
  parts: AsyncDisposableStack,
  { words, port, plan }: {
    words: readonly string[];
    port: number;
    plan: DoorPlan;
  },
): Promise<number> {
  const [command = "", ...args] = [...pinTo(plan.processor), ...words];
  const child = new Deno.Command(command, {
    args,
    env: { PATH: Deno.env.get("PATH") ?? "" },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let hasEnded = false;
  const status = child.status.then(() => void (hasEnded = true));
  parts.defer(async () => {
    if (!hasEnded) child.kill("SIGKILL");
    await status;
  });
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (!hasEnded && performance.now() < deadlineMs) {
    try {
      (await Deno.connect({ hostname: HOSTNAME, port })).close();
      return child.pid;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  throw new Error(`Cannot reach ${plan.name} on port ${port}`);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
