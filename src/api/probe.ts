/**
 * Asks the internal API step by step whether it can be reached and lets us in,
 * each step told apart that a call takes at once. Nothing is retried and
 * nothing is changed.
 * @module
 */
import { errorChainText } from "../core/errors.ts";
import { ApiProbe, type ApiProbeSetup, ProbeError } from "./probe_steps.ts";

/** Steps in their order; one that failed is the last. */
export type ApiProbeName =
  | "address"
  | "name"
  | "socket"
  | "tls"
  | "answer"
  | "clock"
  | "token"
  | "redis";

/** One step and what came of it. */
export interface ApiProbeStep {
  readonly name: ApiProbeName;
  readonly isOk: boolean;
  /** What was found, or why it failed. */
  readonly text: string;
  /** What to do about a failure. */
  readonly advice?: string;
  readonly elapsedMs: number;
}

/** Probes; steps come as they are done, and none after the first that failed. */
export async function* probeApi(
  setup: ApiProbeSetup,
): AsyncGenerator<ApiProbeStep> {
  const probe = new ApiProbe(setup);
  const names: readonly ApiProbeName[] = [
    "address",
    "name",
    "socket",
    "tls",
    "answer",
    "clock",
    "token",
    "redis",
  ];
  for (const name of names) {
    const startMs = performance.now();
    const result = await runStep(probe, name);
    if (result === undefined) continue;
    yield { name, ...result, elapsedMs: performance.now() - startMs };
    if (!result.isOk) return;
  }
}

/** What a step says, without its name; `undefined` when it does not apply. */
type StepResult = Pick<ApiProbeStep, "isOk" | "text" | "advice"> | undefined;

async function runStep(
  probe: ApiProbe,
  name: ApiProbeName,
): Promise<StepResult> {
  try {
    const text = await probe[name]();
    return text === undefined ? undefined : { isOk: true, text };
  } catch (error) {
    const text = error instanceof ProbeError
      ? error.message
      : errorChainText(error);
    const advice = error instanceof ProbeError ? error.advice : undefined;
    return { isOk: false, text, ...(advice !== undefined && { advice }) };
  }
}
