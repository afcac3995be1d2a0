/**
 * Everything that GitLab Shell talks to, brought up together: internal API,
 * Gitaly, LFS store, repositories, and a root directory that points to them.
 * @module
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { DevKey, DevUser } from "./api/directory.ts";
import {
  type InternalApi,
  type InternalApiOptions,
  startInternalApi,
} from "./api/internal_api.ts";
import {
  type Gitaly,
  type GitalyOptions,
  startGitaly,
} from "./gitaly/gitaly_server.ts";
import { type LfsServer, startLfsServer } from "./lfs/lfs_server.ts";
import { GitHttp } from "./git_http/git_http.ts";
import { type ListenAddress, removeStaleSocket } from "./listen.ts";
import {
  SAMPLE,
  SAMPLE_PROJECTS,
  SAMPLE_PUBLIC_KEY,
  SAMPLE_USERS,
  type SampleProject,
} from "./sample.ts";
import { seedRepository, type SeedSurroundings } from "./seed.ts";
import {
  type ShellRoot,
  type ShellRootOptions,
  writeShellRoot,
} from "./shell_root.ts";

/** Which of its addresses a server is called at. */
export type Door = ListenAddress["transport"];

/** A certificate for both servers. */
export interface StackTls {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** PEM file that clients of the API are told to trust. */
  readonly caFile: string;
}

/** How a stack differs from the usual one. All of it may be left out. */
export interface DevstackOptions {
  /** Kept at the end, and what is in it used again. A folder of its own if absent. */
  readonly folder?: string;
  /** Environment of git; this process's own if absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly secret?: string;
  /** 0, any free one, unless given. */
  readonly apiPort?: number;
  readonly gitalyPort?: number;
  /** What `gitlab_url` names; `unix` unless given. */
  readonly apiDoor?: Door;
  /** What the API's answers name; `unix` unless given. */
  readonly gitalyDoor?: Door;
  /** Needed for a door of `tls`. */
  readonly tls?: StackTls;
  readonly api?: Omit<InternalApiOptions, "listen" | "secret" | "gitaly">;
  readonly gitaly?: Omit<GitalyOptions, "listen" | "storages" | "env">;
  readonly gitalyFeatures?: Readonly<Record<string, string>>;
  readonly users?: readonly DevUser[];
  readonly keys?: readonly DevKey[];
  readonly projects?: readonly SampleProject[];
  readonly logLevel?: string;
  /** Further lines of `config.yml`. */
  readonly configLines?: readonly string[];
}

/** A stack that runs. Disposing ends all of it. */
export interface Devstack extends AsyncDisposable {
  readonly folder: string;
  readonly api: InternalApi;
  readonly gitaly: Gitaly;
  /** Where LFS clients find GitLab. */
  readonly lfs: LfsServer;
  /** Git over HTTP, at `webUrl`. */
  readonly gitHttp: GitHttp;
  readonly shellRoot: ShellRoot;
  /** Folder of the storage `default`. */
  readonly storage: string;
  /** What `gitlab_url` names. */
  readonly apiUrl: string;
  /** Where other GitLabs find this one: its TCP door, path prefix included. */
  readonly webUrl: string;
  /** What the API's answers name. */
  readonly gitalyAddress: string;
  readonly gitalyToken: string;
  readonly secret: string;
  /** Path on disk of a project's repository. @throws {RangeError} If there is none. */
  repositoryPath(project: string): string;
}

/** In the order in which both servers listen. */
const DOORS: readonly Door[] = ["unix", "tcp", "tls"];
const LOOPBACK = "127.0.0.1";

/** Storage that all repositories lie on. */
export const STORAGE_NAME = "default";

const SECRET_BYTES = 32;
/** What the operating system takes is about 107. */
const SOCKET_PATH_BYTES_MAX = 100;
const SAMPLE_KEY: DevKey = {
  id: SAMPLE.keyId,
  type: "key",
  publicKey: SAMPLE_PUBLIC_KEY,
  userId: SAMPLE.userId,
};

/**
 * Brings a stack up.
 * @throws {Deno.errors.AddrInUse} If a port is taken; nothing is left behind.
 * @throws {RangeError} If the folder's path is too long for a socket.
 */
export async function startDevstack(
  options: DevstackOptions = {},
): Promise<Devstack> {
  await using parts = new AsyncDisposableStack();
  const folder = options.folder ?? await Deno.makeTempDir({ prefix: "gls-" });
  if (options.folder === undefined) {
    parts.defer(() => Deno.remove(folder, { recursive: true }));
  }
  checkSocketPath(folder);
  await Deno.mkdir(folder, { recursive: true });
  for (const name of ["api", "gitaly"] as const) {
    await removeStaleSocket(socketPath(folder, name));
  }
  // The one place besides entries that looks at the environment itself: a
  // test that starts a stack has no host to ask.
  const env = options.env ?? Deno.env.toObject();
  const secret = options.secret ?? makeSecret();
  const gitalyToken = options.gitaly?.token ?? makeSecret();
  const storage = join(folder, "repositories");
  await Deno.mkdir(storage, { recursive: true });
  const gitaly = parts.use(
    await startGitaly({
      ...options.gitaly,
      token: gitalyToken,
      storages: new Map([[STORAGE_NAME, storage]]),
      listen: listenAt(folder, "gitaly", options),
      env,
    }),
  );
  const api = parts.use(
    await startInternalApi({
      ...options.api,
      listen: listenAt(folder, "api", options),
      secret,
    }),
  );
  const pathPrefix = options.api?.pathPrefix ?? "";
  const web = { secret, pathPrefix, storage, env };
  const gitHttp = parts.use(new GitHttp({ ...web, state: api.state }));
  api.web = (request) => gitHttp.handle(request);
  const lfs = parts.use(startLfsServer({
    listen: { transport: "tcp", hostname: LOOPBACK, port: 0 },
    folder: join(folder, "lfs"),
    api: api.state,
  }));
  api.state.lfsUrl = lfs.url;
  const gitalyAddress = pickDoor(gitaly.addresses, options.gitalyDoor);
  api.state.gitaly.set(STORAGE_NAME, {
    address: gitalyAddress,
    token: gitalyToken,
    features: options.gitalyFeatures ?? {},
  });
  await fillDirectory(api, options, {
    storage,
    home: join(folder, "home"),
    env,
  });
  const apiUrl = pickDoor(api.urls, options.apiDoor);
  const shellRoot = await writeShellRoot(
    join(folder, "shell"),
    describeRoot(apiUrl, secret, options),
  );
  const owned = parts.move();
  return {
    folder,
    storage,
    api,
    gitaly,
    lfs,
    gitHttp,
    shellRoot,
    apiUrl,
    webUrl: pickDoor(api.urls, "tcp"),
    gitalyAddress,
    gitalyToken,
    secret,
    repositoryPath: (project) => join(storage, findProject(api, project)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Puts users, keys and projects in place, and makes the repositories. */
async function fillDirectory(
  { state: { directory } }: InternalApi,
  { users, keys, projects }: DevstackOptions,
  surroundings: SeedSurroundings,
): Promise<void> {
  for (const user of users ?? SAMPLE_USERS) directory.setUser(user);
  for (const key of keys ?? [SAMPLE_KEY]) directory.setKey(key);
  for (const sample of projects ?? SAMPLE_PROJECTS) {
    const { content, objectFormat = "sha1", ...project } = sample;
    const projectId = project.id;
    const seed = { projectId, content, objectFormat };
    const relativePath = await seedRepository(seed, surroundings);
    const storageName = STORAGE_NAME;
    directory.setProject({ ...project, storageName, relativePath });
  }
}

function listenAt(
  folder: string,
  name: "api" | "gitaly",
  options: DevstackOptions,
): ListenAddress[] {
  const port = (name === "api" ? options.apiPort : options.gitalyPort) ?? 0;
  const path = socketPath(folder, name);
  const addresses: ListenAddress[] = [
    { transport: "unix", path },
    { transport: "tcp", hostname: LOOPBACK, port },
  ];
  if (options.tls) {
    const { cert, key } = options.tls;
    const alpn = name === "gitaly" ? { alpnProtocols: ["h2"] } : {};
    addresses.push({
      transport: "tls",
      // Certificates for tests name the host, not its address.
      hostname: "localhost",
      port: 0,
      cert,
      key,
      ...alpn,
    });
  }
  return addresses;
}

function describeRoot(
  gitlabUrl: string,
  secret: string,
  options: DevstackOptions,
): ShellRootOptions {
  const isUnix = (options.apiDoor ?? "unix") === "unix";
  return {
    gitlabUrl,
    relativeUrlRoot: isUnix ? options.api?.pathPrefix ?? "" : "",
    secret,
    basicAuth: options.api?.basicAuth,
    caFile: options.apiDoor === "tls" ? options.tls?.caFile : undefined,
    logLevel: options.logLevel ?? "info",
    configLines: options.configLines ?? [],
  };
}

/** @throws {RangeError} If the stack has no such door. */
function pickDoor(addresses: readonly string[], door: Door = "unix"): string {
  const address = addresses[DOORS.indexOf(door)];
  if (address === undefined) {
    throw new RangeError(`Cannot use the door ${door}: the stack has none`);
  }
  return address;
}

function findProject(api: InternalApi, text: string): string {
  const project = api.state.directory.project(text);
  if (project) return project.relativePath;
  throw new RangeError(`Cannot find the project ${JSON.stringify(text)}`);
}

function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString("hex");
}

function socketPath(folder: string, name: "api" | "gitaly"): string {
  return join(folder, `${name}.sock`);
}

function checkSocketPath(folder: string): void {
  const path = socketPath(folder, "gitaly");
  const sizeBytes = new TextEncoder().encode(path).length;
  if (sizeBytes <= SOCKET_PATH_BYTES_MAX) return;
  throw new RangeError(
    `Cannot listen on ${JSON.stringify(path)}: ` +
      `its ${sizeBytes} bytes are above the limit of ${SOCKET_PATH_BYTES_MAX}`,
  );
}
