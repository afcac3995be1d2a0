/**
 * Loads what talks to Gitaly. The one place that picks the gRPC carrier of the
 * programs that are started once per session.
 * @module
 */
import type { Host } from "../core/host.ts";
import type { GitalyClient } from "../gitaly/pack_request.ts";

/** Opens a client without dialling anyone. */
export async function openGitalyClient(
  host: Host,
  programName: "gitlab-shell" | "gitaly-ssh",
): Promise<GitalyClient> {
  const [{ createGitalyClient }, { LEAN_CARRIER }] = await Promise.all([
    import("../gitaly/gitaly_client.ts"),
    import("../gitaly/http2/lean_carrier.ts"),
  ]);
  return createGitalyClient({
    carrier: LEAN_CARRIER,
    programName,
    env: host.env,
  });
}
