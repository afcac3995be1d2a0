/**
 * Doctor on the internal API: each step of a call apart.
 * @module
 */
import { type ApiProbeStep, probeApi } from "../api/probe.ts";
import { ApiTransport } from "../api/transport.ts";
import type { Config } from "../config/config.ts";
import { exportCertDir } from "../config/load.ts";
import type { Check } from "./doctor_report.ts";
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
