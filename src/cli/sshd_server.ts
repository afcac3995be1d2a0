/**
 * Joins configuration, internal API, Gitaly and commands into the SSH server.
 * Loaded late: it brings ssh2, which is CommonJS and slow to load.
 * @module
 */
import { createApiClient } from "../api/internal_api.ts";
import type { AttemptObserver } from "../api/attempt.ts";
import { ApiTransport } from "../api/transport.ts";
import type { Config } from "../config/config.ts";
import { errorText } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Logger } from "../core/log.ts";
import { parseCommandWords } from "../git/command_words.ts";
import type { GitalyClient } from "../gitaly/pack_request.ts";
import { createCommandSession } from "../ssh/command_session.ts";
import { countGitalyCalls } from "../ssh/counted_gitaly.ts";
import { prepareSshServer, type SshServer } from "../ssh/server.ts";
import { ServerMetrics } from "../ssh/server_metrics.ts";
import type { ServerSharing } from "../ssh/server_options.ts";
import { type CellHost, openCellRoutes } from "./cell_loader.ts";
import { openTracing } from "../ssh/tracing.ts";

const PROGRAM_NAME = "gitlab-sshd";

/** What of the process the server uses. */
export type SshServerHost = Pick<Host, "clock" | "env" | "setEnv">;

/** A server with everything behind it. */
export interface ProductServer {
  readonly ssh: SshServer;
  /** Loads what the first Git session would else wait for; never rejects. */
  warmUp(): Promise<void>;
  /** Ends the connections to Gitaly and the Topology Service. */
  close(): void;
}

/**
 * Prepares gitlab-sshd's server; nothing is contacted and nothing listens yet.
 * @throws {Error} If the API's address, the host keys or the algorithm lists
 * cannot be used.
 */
export async function prepareProductServer(
  config: Config,
  host: SshServerHost,
  log: Logger,
  sharing?: ServerSharing,
): Promise<ProductServer> {
  const transport = new ApiTransport(config, host);
  try {
    // Asked for now, so that a bad address stops the start.
    void transport.base;
  } catch (cause) {
    throw new Error(
      `failed to initialize authorized keys client: ${errorText(cause)}`,
      { cause },
    );
  }
  const { clock } = host;
  const metrics = new ServerMetrics();
  const recordCommand = openTracing(host.env);
  let gitaly: Promise<GitalyClient> | undefined;
  const cells = openCellRoutes(config, {
    ...host,
    ...countTopology(metrics),
    programName: PROGRAM_NAME,
  });
  const ssh = await prepareSshServer({
    config,
    log,
    clock,
    env: host.env,
    openApi: (log, place) =>
      createApiClient({
        clock,
        env: host.env,
        setEnv: host.setEnv,
        config,
        log,
        ...place,
        transport,
        cells,
        observe: observeRequests(metrics),
      }),
    metrics,
    ...(sharing && { sharing }),
    handleSession: createCommandSession({
      config,
      clock,
      parseWords: parseCommandWords,
      gitaly: () => gitaly ??= openGitaly(host, metrics),
      onCommand: (logName) => countLfs(metrics, logName),
      ...(recordCommand && { recordCommand }),
    }),
  });
  return {
    ssh,
    async warmUp() {
      await (gitaly ??= openGitaly(host, metrics)).catch(() => {});
    },
    close() {
      gitaly?.then((client) => client.close(), () => {});
      cells?.close();
    },
  };
}

/** One client for all sessions: they share its connections. */
async function openGitaly(
  { env }: SshServerHost,
  metrics: ServerMetrics,
): Promise<GitalyClient> {
  const [{ createGitalyClient }, { LEAN_CARRIER }] = await Promise.all([
    import("../gitaly/gitaly_client.ts"),
    import("../gitaly/http2/lean_carrier.ts"),
  ]);
  const client = createGitalyClient({
    carrier: LEAN_CARRIER,
    programName: PROGRAM_NAME,
    env,
    spreadsConnections: true,
  });
  return countGitalyCalls(client, metrics);
}

/** Counts each attempt; those without a response only while they last. */
function observeRequests(metrics: ServerMetrics): AttemptObserver {
  return (method) => {
    const startMs = performance.now();
    metrics.httpInFlight.add(1);
    return (status) => {
      metrics.httpInFlight.add(-1);
      if (status === undefined) return;
      const labels = [String(status), method.toLowerCase()];
      metrics.httpRequests.add(1, labels);
      metrics.httpDuration.observe(
        (performance.now() - startMs) / 1000,
        labels,
      );
    };
  };
}

/** Counts attempts of each look-up; only those that succeed have a duration. */
function countTopology(
  metrics: ServerMetrics,
): Required<Pick<CellHost, "onConnection" | "onAttempt">> {
  const statusOf = (isOk: boolean) => [isOk ? "ok" : "fail"];
  return {
    onConnection: (isOk) => metrics.topologyConnections.add(1, statusOf(isOk)),
    onAttempt(isOk, elapsedMs) {
      metrics.topologyRequests.add(1, statusOf(isOk));
      if (isOk) metrics.topologyDuration.observe(elapsedMs / 1000);
    },
  };
}

function countLfs(metrics: ServerMetrics, logName: string): void {
  if (logName === "*lfsauthenticate.Command") metrics.lfsHttp.add();
  if (logName === "*lfstransfer.Command") metrics.lfsSsh.add();
}
