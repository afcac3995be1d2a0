/**
 * `SSHUploadPackWithSidechannel`: a fetch whose data goes around gRPC.
 * Source: Gitaly, internal/gitaly/service/ssh/upload_pack.go.
 * @module
 */
import { BAND_STDERR, BAND_STDOUT } from "../../git/side_band.ts";
import {
  type CallContext,
  enterLimit,
  observeRun,
  prepareGit,
} from "./call_context.ts";
import {
  describeFailure,
  type GitOutcome,
  isHangUp,
  runGit,
} from "./git_run.ts";
import { quoteGo } from "../../core/go_text.ts";
import type {
  PackRequestMessage,
  StatisticsMessage,
  UploadPackResponseMessage,
} from "./messages.ts";
import { openSidechannel, type Sidechannel } from "./sidechannel.ts";
import { CODE, StatusError, toStatusError } from "./status.ts";

/** Runs the call. @throws {StatusError} What the call ends with. */
export async function serveUploadPackWithSidechannel(
  context: CallContext,
  sidechannelId: string | undefined,
  request: PackRequestMessage,
): Promise<UploadPackResponseMessage | undefined> {
  if (context.fault.omitsSidechannel) return undefined;
  const leave = await enterLimit(context, request);
  try {
    const sidechannel = await open(context, sidechannelId);
    try {
      return {
        packfileNegotiationStatistics: await run(context, sidechannel, request),
      };
    } finally {
      // FIN goes out before the trailers, whatever they say.
      sidechannel.close();
    }
  } finally {
    leave();
  }
}

/** The error of an upload-pack that did not end well; nothing if it did. */
export function uploadPackError(outcome: GitOutcome): StatusError | undefined {
  const failure = (code: number, text: string) =>
    new StatusError(code, `running upload-pack: ${text}`);
  if (outcome.isTimedOut) {
    const text = "waiting for negotiation: context canceled";
    return failure(CODE.deadlineExceeded, text);
  }
  if (outcome.exit.code === 0) return undefined;
  if (isHangUp(outcome)) {
    return failure(CODE.canceled, "user canceled the request");
  }
  const stderr = quoteGo(outcome.stderr);
  const text = `${describeFailure(outcome)}, stderr: ${stderr}`;
  return failure(CODE.internal, text);
}

async function open(
  { core, session }: CallContext,
  sidechannelId: string | undefined,
): Promise<Sidechannel> {
  try {
    const { sidechannelMs } = core.timeouts;
    return await openSidechannel(session, sidechannelId, sidechannelMs);
  } catch (error) {
    const { code, prefix } = core.era.sidechannelFailure;
    const { message } = error as Error;
    throw new StatusError(code, `${prefix}sidechannel: ${message}`);
  }
}

async function run(
  context: CallContext,
  sidechannel: Sidechannel,
  request: PackRequestMessage,
): Promise<StatisticsMessage> {
  const spawn = await prepareGit(context, "upload-pack", request);
  const outcome = await runGit({
    spawn,
    stdin: sidechannel.input,
    output: {
      stdout: sidechannel.sink(BAND_STDOUT),
      stderr: sidechannel.sink(BAND_STDERR),
      stop: () => sidechannel.close(),
    },
    negotiation: {
      timeoutMs: context.core.timeouts.uploadPackNegotiationMs,
      endsWith: "done",
    },
    signal: context.signal,
    ...observeRun(context),
  }).catch((error) => {
    const { code, message } = toStatusError(error);
    throw new StatusError(code, `running upload-pack: ${message}`);
  });
  context.record.statistics = outcome.statistics;
  const error = uploadPackError(outcome);
  if (error) throw error;
  if (!outcome.statistics) {
    throw new TypeError("An upload-pack was not counted");
  }
  return outcome.statistics;
}
