/**
 * Doctor on the internal API: each step of a call apart.
 * @module
 */
import { type ApiProbeStep, probeApi } from "../api/probe.ts";
import { ApiTransport } from "../api/transport.ts";
import type { Config } from "../config/config.ts";
import { exportCertDir } from "../config/load.ts";
import { Deadline } from "../core/deadline.ts";
import { errorText } from "../core/errors.ts";
import { type Check, failed, ok, timed } from "./doctor_report.ts";
import { type DoctorRun, STEP_TIMEOUT_MS } from "./doctor_run.ts";

/** Checks address, name, socket, TLS, answer, clock, token and Redis. */
export async function* checkApi(
  { host, correlationId }: DoctorRun,
  config: Config,
): AsyncGenerator<Check> {
  exportCertDir(config, host);
  const steps = probeApi({
    transport: new ApiTransport(config, host),
    config,
    correlationId,
    clock: host.clock,
    timeoutMs: STEP_TIMEOUT_MS,
  });
  for await (const step of steps) yield toCheck(step);
}

function toCheck({ name, isOk, text, advice, elapsedMs }: ApiProbeStep): Check {
  return {
    id: `api.${name}`,
    result: isOk ? "ok" : "failed",
    text,
    ...(advice !== undefined && { advice: [advice] }),
    elapsedMs,
  };
}

/**
 * Whether the Topology Service takes connections; no call is tried. Sessions
 * go on without it, at GitLab's own address, where they may be refused.
 */
export function checkTopology(
  { host }: DoctorRun,
  { topologyService: { address } }: Config,
): Promise<Check> {
  return timed("topology", async () => {
    const [, hostname = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ??
      [];
    using deadline = new Deadline(STEP_TIMEOUT_MS, host.signal);
    try {
      const conn = await Deno.connect({
        hostname,
        port: Number(port),
        signal: deadline.signal,
      });
      conn.close();
      return ok(`${address} takes connections`);
    } catch (error) {
      return failed(
        `${address}: ${errorText(error).split(" (os error")[0]}`,
        "see that the Topology Service runs, and correct " +
          "topology_service.address",
      );
    }
  });
}
