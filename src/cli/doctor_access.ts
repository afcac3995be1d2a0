/**
 * Doctor on one user and one project: what GitLab would decide, and whether
 * the Gitaly that it names can be used. The question is the one that a session
 * asks, so GitLab counts it against the user's rate limit.
 * @module
 */
import type { AccessAnswer, Identity } from "../api/access.ts";
import type { Config } from "../config/config.ts";
import { Deadline } from "../core/deadline.ts";
import { ApiError, errorText } from "../core/errors.ts";
import { LEAN_CARRIER } from "../gitaly/http2/lean_carrier.ts";
import { probeGitaly } from "../gitaly/probe.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  timed,
  warning,
} from "./doctor_report.ts";
import {
  type DoctorRun,
  openDoctorApi,
  STEP_TIMEOUT_MS,
} from "./doctor_run.ts";

const CUSTOM_ACTION = 300;
const DENIED =
  "the decision is GitLab's: see the members of the project, its " +
  "protected branches and the state of the user";
/** An address that no client has: GitLab wants one. */
const LOOPBACK = "127.0.0.1";

/** Asks about a fetch and a push, and probes the Gitaly of the answer. */
export async function* checkAccess(
  run: DoctorRun,
  config: Config,
  { identity, project }: { identity: Identity; project: string },
): AsyncGenerator<Check> {
  let answer: AccessAnswer | undefined;
  for (const action of ["git-upload-pack", "git-receive-pack"] as const) {
    const id = action === "git-upload-pack" ? "access.fetch" : "access.push";
    yield await timed(id, async () => {
      using deadline = new Deadline(STEP_TIMEOUT_MS, run.host.signal);
      const question = {
        action,
        project,
        identity,
        remoteAddress: LOOPBACK,
        namespacePath: "",
      };
      const api = openDoctorApi(run, config);
      try {
        const given = await api.allowed(question, deadline.signal);
        if (given.status) answer ??= given;
        return describeAnswer(given, project);
      } catch (error) {
        return describeRefusal(error);
      }
    });
  }
  if (answer?.status && answer.httpStatus !== CUSTOM_ACTION) {
    yield* checkGitaly(run, answer);
  }
}

/** Probes address, connection, protocol, token and upload RPC. */
async function* checkGitaly(
  { host: { env } }: DoctorRun,
  { gitaly: { address, token } }: AccessAnswer,
): AsyncGenerator<Check> {
  const steps = probeGitaly({
    address,
    token,
    carrier: LEAN_CARRIER,
    env,
    timeoutMs: STEP_TIMEOUT_MS,
  });
  for await (const { name, isOk, text, elapsedMs } of steps) {
    const advice = isOk ? undefined : adviseGitaly(name);
    yield {
      id: `gitaly.${name}`,
      result: isOk ? "ok" : "failed",
      text,
      ...(advice !== undefined && { advice: [advice] }),
      elapsedMs,
    };
  }
}

function describeAnswer(answer: AccessAnswer, project: string): Finding {
  if (!answer.status) return warning(`denied: ${answer.message}`, DENIED);
  if (answer.httpStatus === CUSTOM_ACTION) {
    return ok(`allowed for @${answer.glUsername}, sent on to the primary site`);
  }
  const { glProjectPath, storageName, relativePath } = answer.gitaly.repository;
  return ok(
    `allowed for @${answer.glUsername}: ${glProjectPath || project} is ` +
      `${relativePath} on storage ${storageName}`,
  );
}

/** A denial is GitLab's decision, an outage a fault. */
function describeRefusal(error: unknown): Finding {
  if (error instanceof ApiError && error.kind === "policy") {
    const reason = error.message || `status ${error.status}`;
    return warning(`denied: ${reason}`, DENIED);
  }
  return failed(errorText(error), "see the checks of the API above");
}

function adviseGitaly(step: string): string {
  switch (step) {
    case "token":
      return "the token in GitLab's gitaly settings is not that of the server";
    case "fetch":
      return "the server is too old, or not a Gitaly";
    case "address":
      return "correct gitaly_address in GitLab's storages";
    default:
      return "see that Gitaly runs, that this machine may connect to it, and " +
        "that the account may enter the folder of its socket";
  }
}
