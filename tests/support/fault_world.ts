/**
 * A stack with one of the two doors in front of it, and a fault proxy in each
 * of the three gaps: client and door, program and API, program and Gitaly.
 * @module
 */
import { makeSshKeys, sshdConfigLines } from "../../src/cli/ssh_front_door.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import {
  type Devstack,
  startDevstack,
  STORAGE_NAME,
} from "../../src/devstack/stack.ts";
import { programPath } from "./dist.ts";
import { FaultProxy } from "./fault_proxy.ts";
import { GitClient, type SshDoor } from "./git_client.ts";
import { startOpenssh } from "./openssh_server.ts";
import { listProcesses, type RunningProcess, waitUntil } from "./processes.ts";
import { makeTempDir } from "./temp_dir.ts";

/** The ways in. */
export const DOOR_NAMES = ["OpenSSH", "gitlab-sshd"] as const;
/** Name of a way in. */
export type DoorName = typeof DOOR_NAMES[number];

/** The gaps, by who is on both sides. */
export interface FaultProxies {
  readonly client: FaultProxy;
  readonly api: FaultProxy;
  readonly gitaly: FaultProxy;
}

/** How a world is set up. */
export interface FaultWorldOptions {
  readonly door: DoorName;
  /** Size of the one project, in MiB; the sample's own content if absent. */
  readonly sizeMib?: number;
  /** Further lines of `config.yml`, those of `sshd:` last. */
  readonly configLines?: readonly string[];
  /** Further lines below `sshd:`. */
  readonly sshdLines?: readonly string[];
  /** Bound of sshd's key lookups; 10 s unless given. */
  readonly lookupSeconds?: number;
  /** A shell command that stands before gitlab-sshd, as `ulimit -n 40`. */
  readonly before?: string;
  /** Questions a minute that GitLab's rate limit lets through; 600 if absent. */
  readonly rateLimit?: number;
}

/** All of it. */
export interface FaultWorld extends AsyncDisposable {
  readonly stack: Devstack;
  readonly proxies: FaultProxies;
  /** The door, as it is found behind the proxy. */
  readonly door: SshDoor;
  /** gitlab-sshd's process; `undefined` behind OpenSSH. */
  readonly pid: number | undefined;
  readonly folder: string;
  /** A client with a folder of its own. */
  client(settings?: readonly string[]): Promise<GitClient>;
  /** What OpenSSH's sshd has to say; nothing of gitlab-sshd, which has a log. */
  readDoorLog(): Promise<string>;
  /** Processes of sessions that have not ended, the server's own left out. */
  sessionProcesses(): RunningProcess[];
}

/** The project that is fetched and pushed to. */
export const PROJECT = SAMPLE.project;

const HOSTNAME = "127.0.0.1";
const START_TIMEOUT_MS = 20_000;
const LISTENING = /"tcp_address":"[^"]*:([0-9]+)"/;

/** Brings everything up. */
export async function openFaultWorld(
  options: FaultWorldOptions,
): Promise<FaultWorld> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(makeTempDir()).path;
  const keys = await makeSshKeys(folder);
  const stack = parts.use(
    await startDevstack({
      apiDoor: "tcp",
      gitalyDoor: "tcp",
      keys: [{
        id: SAMPLE.keyId,
        type: "key",
        publicKey: keys.userPublicKey,
        userId: SAMPLE.userId,
      }],
      projects: projectsOf(options),
      gitaly: { gitConfigOptions: ["pack.window=0"] },
      ...options.rateLimit && { api: { rateLimit: options.rateLimit } },
      configLines: [
        ...options.configLines ?? [],
        ...sshdConfigLines(keys, { hostname: HOSTNAME, port: 0 }),
        ...(options.sshdLines ?? []).map((line) => `  ${line}`),
      ],
    }),
  );
  const api = parts.use(await FaultProxy.start(targetOf(stack.apiUrl)));
  const gitaly = parts.use(
    await FaultProxy.start(targetOf(stack.gitalyAddress)),
  );
  await redirect(stack, { api, gitaly });
  const opened = options.door === "OpenSSH"
    ? parts.use(await openOpenssh(stack, keys, options))
    : parts.use(await openGitlabSshd(stack, options));
  const client = parts.use(
    await FaultProxy.start({ hostname: HOSTNAME, port: opened.port }),
  );
  const owned = parts.move();
  const door = { ...opened, hostname: HOSTNAME, port: client.port, keys };
  let clients = 0;
  return {
    stack,
    folder,
    door,
    pid: opened.pid,
    proxies: { client, api, gitaly },
    async client(settings) {
      const home = `${folder}/${++clients}`;
      await Deno.mkdir(home);
      return await GitClient.make(home, door, settings);
    },
    readDoorLog: () => opened.readLog?.() ?? Promise.resolve(""),
    sessionProcesses: () => {
      const own = opened.serverPid;
      return listProcesses().filter(({ pid, parent, words }) =>
        pid !== own && pid !== Deno.pid &&
        (parent === opened.serverPid || words.includes(stack.folder) ||
          words.includes(folder))
      );
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function projectsOf({ sizeMib }: FaultWorldOptions) {
  if (sizeMib === undefined) return SAMPLE_PROJECTS;
  return SAMPLE_PROJECTS.map((project) =>
    project.path === PROJECT
      ? { ...project, content: { kind: "bulk", sizeMib } as const }
      : project
  );
}

function targetOf(address: string): { hostname: string; port: number } {
  const { hostname, port } = new URL(address.replace(/^tcp:/, "http:"));
  return { hostname, port: Number(port) };
}

/** Puts the proxies where the servers were. */
async function redirect(
  stack: Devstack,
  { api, gitaly }: Pick<FaultProxies, "api" | "gitaly">,
): Promise<void> {
  const { configFile } = stack.shellRoot;
  const text = await Deno.readTextFile(configFile);
  const url = new URL(stack.apiUrl);
  url.port = `${api.port}`;
  await Deno.writeTextFile(
    configFile,
    text.replace(/^gitlab_url:.*$/m, `gitlab_url: "${url.href}"`),
  );
  stack.api.state.gitaly.set(STORAGE_NAME, {
    address: `tcp://${HOSTNAME}:${gitaly.port}`,
    token: stack.gitalyToken,
    features: {},
  });
}

interface OpenedDoor extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  readonly pid: number | undefined;
  /** Whose children are sessions. */
  readonly serverPid: number;
  readonly readLog?: () => Promise<string>;
}

async function openOpenssh(
  stack: Devstack,
  keys: SshDoor["keys"],
  { lookupSeconds }: FaultWorldOptions,
): Promise<OpenedDoor> {
  const rootPath = stack.shellRoot.path;
  const server = await startOpenssh({ rootPath, keys, lookupSeconds });
  return {
    port: server.port,
    user: server.user,
    pid: undefined,
    serverPid: server.pid,
    readLog: () => server.readLog(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function openGitlabSshd(
  { shellRoot }: Devstack,
  { before = ":" }: FaultWorldOptions,
): Promise<OpenedDoor> {
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `${before}; exec "$0" "$@"`,
      programPath("gitlab-sshd"),
      `-config-dir=${shellRoot.path}`,
    ],
    env: { PATH: Deno.env.get("PATH") ?? "" },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let port = 0;
  const isUp = await waitUntil(() => {
    const text = readText(shellRoot.logFile);
    port = Number(LISTENING.exec(text)?.[1] ?? "0");
    return port > 0;
  }, START_TIMEOUT_MS);
  if (!isUp) {
    child.kill("SIGKILL");
    throw new Error(`Cannot start gitlab-sshd: ${readText(shellRoot.logFile)}`);
  }
  return {
    port,
    user: "git",
    pid: child.pid,
    serverPid: child.pid,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // A test has ended it.
      }
      await child.status;
    },
  };
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
