/**
 * A client of Gitaly whose calls are counted.
 * Source: GitLab Shell 14.56.1, metrics; go-grpc-middleware, client metrics.
 * @module
 */
import { GitalyError, GRPC_CODE_NAMES } from "../core/errors.ts";
import type { GitalyClient, PackService } from "../gitaly/pack_request.ts";
import type { ServerMetrics } from "./server_metrics.ts";

const SERVICE = "gitaly.SSHService";
/** Method and kind of each service's call. */
const CALLS: Readonly<Record<PackService, readonly [string, string]>> = {
  "upload-pack": ["SSHUploadPackWithSidechannel", "unary"],
  "receive-pack": ["SSHReceivePack", "bidi_stream"],
  "upload-archive": ["SSHUploadArchive", "bidi_stream"],
};

/** Passes everything on, and counts it. */
export function countGitalyCalls(
  client: GitalyClient,
  metrics: ServerMetrics,
): GitalyClient {
  return {
    checkEndpoint: (endpoint) => client.checkEndpoint(endpoint),
    async runPack(endpoint, request, context) {
      const [method, kind] = CALLS[request.service];
      const labels = [method, SERVICE, kind];
      metrics.grpcStarted.add(1, labels);
      let isConnected = false;
      try {
        const result = await client.runPack(endpoint, request, {
          ...context,
          onConnected() {
            if (!isConnected) metrics.gitalyConnections.add(1, ["ok"]);
            isConnected = true;
            context.onConnected?.();
          },
        });
        metrics.grpcHandled.add(1, ["OK", ...labels]);
        return result;
      } catch (error) {
        if (!isConnected) metrics.gitalyConnections.add(1, ["fail"]);
        metrics.grpcHandled.add(1, [codeOf(error), ...labels]);
        throw error;
      }
    },
    close: () => client.close(),
  };
}

function codeOf(error: unknown): string {
  if (!(error instanceof GitalyError)) return "Unknown";
  return GRPC_CODE_NAMES[error.code] ?? "Unknown";
}
