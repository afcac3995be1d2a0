/**
 * The internal API, as the commands of gitlab-keys ask it.
 * @module
 */
import type { ApiClient } from "../api/client.ts";
import { createApiClient } from "../api/internal_api.ts";
import { LOOKUP_TIMEOUT_MS } from "./authorized_keys_check.ts";
import { openCellRoutes } from "./cell_loader.ts";
import type { KeysRun } from "./keys_run.ts";

/** Makes a client of the run; nothing is dialled yet. */
export function openApi(
  { config, log, correlationId, host: { clock, env, setEnv } }: KeysRun,
): ApiClient {
  return createApiClient({
    config,
    log,
    correlationId,
    clock,
    env,
    setEnv,
    keyLookupTimeoutMs: LOOKUP_TIMEOUT_MS,
    cells: openCellRoutes(config, {
      clock,
      env,
      setEnv,
      programName: "gitlab-shell-authorized-keys-check",
    }),
  });
}
