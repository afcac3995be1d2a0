/**
 * The other GitLabs of `deno task dev`: a Geo primary that the stack is the
 * secondary of, and a cell that a Topology Service knows.
 * @module
 */
import { join } from "node:path";
import { UsageError } from "../core/errors.ts";
import type { Devstack, DevstackOptions } from "../devstack/stack.ts";

/** How Git is sent on to a primary: by one request, or by two. */
export type GeoMode = "direct" | "http";

/** Which neighbours are wanted. */
export interface NeighbourRequest {
  readonly geo: GeoMode | undefined;
  readonly hasCells: boolean;
  /** Where they keep their data; a folder that goes away if absent. */
  readonly folder: string | undefined;
}

/** Neighbours that run. Disposing ends them. */
export interface Neighbours extends AsyncDisposable {
  /** What the stack itself must be started with. */
  readonly options: Pick<DevstackOptions, "configLines" | "secret">;
  readonly geo: NonNullable<DevstackOptions["api"]>["geo"];
  /** Label and value, for the report. */
  readonly rows: readonly (readonly [label: string, value: string])[];
  /** A project of the other cell, if there is one. */
  readonly farProject: string | undefined;
}

const FAR_PROJECT = "lagoon/pearl";
const FAR_PROJECT_ID = 301;
const SECRET_BYTES = 32;
const LOOPBACK = "127.0.0.1";

/**
 * Reads the value of `--geo`.
 * @throws {UsageError} If it is another word.
 */
export function parseGeoMode(text: string | undefined): GeoMode | undefined {
  if (text === undefined || text === "direct" || text === "http") return text;
  throw new UsageError(
    `Cannot use ${JSON.stringify(text)} for --geo: it must be direct or http`,
  );
}

/** Starts what is wanted; nothing if nothing is. */
export async function startNeighbours(
  { geo: mode, hasCells, folder }: NeighbourRequest,
): Promise<Neighbours> {
  await using parts = new AsyncDisposableStack();
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex();
  const open: OpenStack = async (name, options) => {
    const { startDevstack } = await import("../devstack/stack.ts");
    return parts.use(
      await startDevstack({
        ...options,
        ...(folder !== undefined && { folder: join(folder, name) }),
        secret,
        gitaly: { carrier: "lean" },
      }),
    );
  };
  const primary = mode && await openPrimary(open, mode, secret);
  const cell = hasCells ? await openCell(open, parts) : undefined;
  const owned = parts.move();
  return {
    options: { secret, ...(cell && { configLines: cell.configLines }) },
    geo: primary?.geo,
    rows: [...primary?.rows ?? [], ...cell?.rows ?? []],
    farProject: cell && FAR_PROJECT,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Starts a stack that ends with the others. */
type OpenStack = (name: string, options: DevstackOptions) => Promise<Devstack>;

async function openPrimary(
  open: OpenStack,
  mode: GeoMode,
  secret: string,
): Promise<Pick<Neighbours, "geo" | "rows">> {
  const { webUrl, storage } = await open("primary", {});
  const isDirect = mode === "direct";
  return {
    geo: { primaryUrl: webUrl, secret, isDirect, forwardsFetches: true },
    rows: [
      [
        "Geo primary",
        `${webUrl}, by ${isDirect ? "one request" : "two requests"}`,
      ],
      ["  keeps", storage],
    ],
  };
}

async function openCell(
  open: OpenStack,
  parts: AsyncDisposableStack,
): Promise<Pick<Neighbours, "rows"> & { configLines: readonly string[] }> {
  const { webUrl } = await open("cell", { projects: await farProjects() });
  const { startTopology } = await import(
    "../devstack/topology/topology_service.ts"
  );
  const { addresses: [address = ""] } = parts.use(
    await startTopology({
      listen: [{ transport: "tcp", hostname: LOOPBACK, port: 0 }],
      cells: { "route:lagoon": LOOPBACK },
    }),
  );
  const { port } = new URL(webUrl);
  return {
    configLines: [
      "topology_service:",
      "  enabled: true",
      `  address: "${address}"`,
      `  cell_endpoint: { scheme: http, port: ${port} }`,
    ],
    rows: [
      ["Topology", address],
      ["other cell", `${webUrl}, has ${FAR_PROJECT}`],
    ],
  };
}

async function farProjects() {
  const { SAMPLE_PROJECTS } = await import("../devstack/sample.ts");
  return SAMPLE_PROJECTS.slice(0, 1)
    .map((first) => ({ ...first, id: FAR_PROJECT_ID, path: FAR_PROJECT }));
}
