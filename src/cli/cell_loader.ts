/**
 * Loads what routes calls to cells, with the first call that has to be routed.
 * The one place that picks the gRPC carrier of the Topology Service.
 * @module
 */
import type { CellRouter } from "../api/cell_router.ts";
import type { CellRoutes } from "../api/cell_routing.ts";
import type { Config } from "../config/config.ts";
import type { Host } from "../core/host.ts";

/** A way to the cells whose connection ends with `close`. */
export type OpenCellRoutes = CellRoutes & { close(): void };

/** What of a program the router uses. */
export interface CellHost extends Pick<Host, "clock" | "env" | "setEnv"> {
  /** Told to the Topology Service. */
  readonly programName: string;
  readonly onConnection?: (isOk: boolean) => void;
  readonly onAttempt?: (isOk: boolean, elapsedMs: number) => void;
}

/**
 * Opens the way to the cells; nothing is loaded or dialled yet.
 * @returns `undefined` where no Topology Service is configured.
 */
export function openCellRoutes(
  { topologyService }: Pick<Config, "topologyService">,
  host: CellHost,
): OpenCellRoutes | undefined {
  if (!topologyService.enabled) return undefined;
  let loading: Promise<CellRouter> | undefined;
  return {
    async route(claim, context) {
      const router = await (loading ??= loadRouter(topologyService, host));
      return await router.route(claim, context);
    },
    close: () => void loading?.then((router) => router.close(), () => {}),
  };
}

async function loadRouter(
  service: Config["topologyService"],
  { clock, env, setEnv, programName, onConnection, onAttempt }: CellHost,
): Promise<CellRouter> {
  const [{ CellRouter }, { TopologyClient }, { LEAN_CARRIER }] = await Promise
    .all([
      import("../api/cell_router.ts"),
      import("../gitaly/topology_client.ts"),
      import("../gitaly/http2/lean_carrier.ts"),
    ]);
  const { address, tls, timeoutMs, cellEndpoint } = service;
  return new CellRouter({
    service: new TopologyClient({
      carrier: LEAN_CARRIER,
      programName,
      address,
      tls,
      timeoutMs,
      env,
      setEnv,
      onConnection,
    }),
    onAttempt,
    timeoutMs,
    cellEndpoint,
    clock,
  });
}
