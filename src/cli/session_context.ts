/**
 * Joins configuration, internal API and Gitaly into what a command may use.
 * @module
 */
import { createApiClient } from "../api/internal_api.ts";
import type { CommandContext } from "../command/command.ts";
import type { Config } from "../config/config.ts";
import type { Host } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import type { GitalyClient } from "../gitaly/pack_request.ts";
import { openCellRoutes } from "./cell_loader.ts";
import { openGitalyClient } from "./gitaly_loader.ts";

/** A context whose connections end with the block that uses it. */
export type OpenSessionContext = CommandContext & Disposable;

/** Opens what one session of a one-shot program needs; nothing is dialled yet. */
export function openSessionContext(
  host: Host,
  config: Config,
  { log, correlationId, reportPhases }:
    & { log: Logger; correlationId: string }
    & Required<Pick<CommandContext, "reportPhases">>,
): OpenSessionContext {
  let gitaly: Promise<GitalyClient> | undefined;
  const cells = openCellRoutes(config, host);
  return {
    programName: host.programName,
    config,
    io: host.io,
    api: createApiClient({
      config,
      log,
      correlationId,
      clock: host.clock,
      env: host.env,
      setEnv: host.setEnv,
      giveUp: host.giveUp,
      cells,
    }),
    gitaly: () => gitaly ??= openGitalyClient(host, "gitlab-shell"),
    log,
    correlationId,
    clock: host.clock,
    signal: host.signal,
    reportPhases,
    giveUp: host.giveUp,
    [Symbol.dispose]() {
      gitaly?.then((client) => client.close(), () => {});
      cells?.close();
    },
  };
}
