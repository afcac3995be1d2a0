/**
 * Two GitLabs side by side, one of which sends Git on to the other: a Geo
 * secondary and its primary, or a cell and its neighbour.
 * @module
 */
import {
  makeSshKeys,
  openSshFrontDoor,
  sshdConfigLines,
  type SshKeys,
} from "../../src/cli/ssh_front_door.ts";
import {
  SAMPLE,
  SAMPLE_PROJECTS,
  type SampleProject,
} from "../../src/devstack/sample.ts";
import {
  type Devstack,
  type DevstackOptions,
  startDevstack,
} from "../../src/devstack/stack.ts";
import {
  startTopology,
  type Topology,
} from "../../src/devstack/topology/topology_service.ts";
import type { SshDoor } from "./git_client.ts";
import { startOpenssh } from "./openssh_server.ts";
import { makeTempDir } from "./temp_dir.ts";

/** Which SSH server stands in front. */
export type DoorName = "OpenSSH and gitlab-shell" | "gitlab-sshd";

/** The GitLab that users come to, and the one that serves them. */
export interface RemoteWorld extends AsyncDisposable {
  readonly near: Devstack;
  readonly far: Devstack;
  /** Absent for Geo. */
  readonly topology: Topology | undefined;
  readonly door: SshDoor;
  readonly folder: string;
}

/** A project that only the far GitLab of a cell has. */
export const FAR_PROJECT = "lagoon/pearl";
/** A project whose objects have longer names. */
export const SHA256_PROJECT = "lagoon/shell";
const SECRET = "the secret of both";

/** A Geo secondary that forwards, and its primary. */
export async function openGeoWorld(
  door: DoorName,
  isDirect: boolean,
): Promise<RemoteWorld> {
  return await openWorld(door, (far) => ({
    projects: farProjects(),
    api: {
      geo: {
        primaryUrl: far.webUrl,
        secret: far.secret,
        isDirect,
        forwardsFetches: true,
      },
    },
  }));
}

/** A cell whose Topology Service knows the far one. */
export async function openCellWorld(door: DoorName): Promise<RemoteWorld> {
  await using parts = new AsyncDisposableStack();
  const topology = parts.use(
    await startTopology({
      listen: [{ transport: "tcp", hostname: "127.0.0.1", port: 0 }],
    }),
  );
  const world = parts.use(
    await openWorld(door, (far) => {
      // The port is dropped; the configured one counts.
      topology.cells.set("route:lagoon", "127.0.0.1:1");
      return {
        configLines: topologyLines(topology, new URL(far.webUrl).port),
      };
    }),
  );
  const owned = parts.move();
  return {
    ...world,
    topology,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Lines of `config.yml` for a Topology Service. */
export function topologyLines(
  { addresses }: Topology,
  cellPort: string,
): string[] {
  return [
    "topology_service:",
    "  enabled: true",
    `  address: "${addresses[0]}"`,
    "  timeout: 5s",
    "  cell_endpoint:",
    "    scheme: http",
    `    port: ${cellPort}`,
  ];
}

async function openWorld(
  doorName: DoorName,
  nearOptions: (far: Devstack) => DevstackOptions,
): Promise<RemoteWorld> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(makeTempDir()).path;
  const keys = await makeSshKeys(folder);
  const common = {
    keys: [{
      id: SAMPLE.keyId,
      type: "key",
      publicKey: keys.userPublicKey,
      userId: SAMPLE.userId,
    }],
    secret: SECRET,
    gitaly: { carrier: "lean" },
  } as const;
  const far = parts.use(
    await startDevstack({ ...common, projects: farProjects() }),
  );
  const options = nearOptions(far);
  const near = parts.use(
    await startDevstack({
      ...common,
      ...options,
      configLines: [
        ...sshdConfigLines(keys, { hostname: "127.0.0.1", port: 0 }),
        ...options.configLines ?? [],
      ],
    }),
  );
  const door = await openDoor(doorName, { near, keys, parts });
  const owned = parts.move();
  return {
    near,
    far,
    topology: undefined,
    door,
    folder,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openDoor(
  name: DoorName,
  { near, keys, parts }: {
    near: Devstack;
    keys: SshKeys;
    parts: AsyncDisposableStack;
  },
): Promise<SshDoor> {
  if (name === "gitlab-sshd") {
    const door = parts.use(await openSshFrontDoor(near.shellRoot));
    return { hostname: door.hostname, port: door.port, user: "git", keys };
  }
  const rootPath = near.shellRoot.path;
  return parts.use(await startOpenssh({ rootPath, keys }));
}

function farProjects(): SampleProject[] {
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  return [
    ...SAMPLE_PROJECTS,
    { ...first, id: 301, path: FAR_PROJECT },
    { ...first, id: 302, path: SHA256_PROJECT, objectFormat: "sha256" },
  ];
}
