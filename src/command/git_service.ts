/**
 * A Git service run by Gitaly for a session: access check, call, records and
 * the texts that the user sees when it fails. The three Git commands are this
 * with another name.
 * Source: GitLab Shell 14.56.1, sections on Gitaly calls and log records.
 * @module
 */
import type { AccessAnswer } from "../api/access.ts";
import {
  DisallowedCommandError,
  errorText,
  GitalyError,
  GRPC_CODE,
} from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type {
  GitalyEndpoint,
  PackResult,
  PackService,
} from "../gitaly/pack_request.ts";
import { checkAccess } from "./access_check.ts";
import { CallPhases } from "./call_phases.ts";
import type { CommandContext, CommandRequest } from "./command.ts";
import type { RemoteCommand } from "./custom_action.ts";
import { userIdField } from "./gl_user_id.ts";

/** Of the access check: another site has to serve the command. */
const CUSTOM_ACTION_STATUS = 300;
const GITALY_UNAVAILABLE =
  "The git server, Gitaly, is not available at this time. Please contact your administrator.";
const GITALY_OVERLOADED =
  "GitLab is currently unable to handle this request due to load.";

/** An access answer and what came of the call that it allowed. */
export interface GitServiceResult {
  readonly answer: AccessAnswer;
  /** Absent if another GitLab has served the command, and watches over it. */
  readonly result: PackResult | undefined;
}

/**
 * Runs `service` on the repository that the second word names.
 * @throws {DisallowedCommandError} If there are not exactly two words.
 * @throws {ApiError | GitalyError | GitTransportError | Error} What the user is shown.
 */
export async function runGitService(
  service: PackService,
  request: CommandRequest,
  context: CommandContext,
): Promise<GitServiceResult> {
  const [, project, ...extra] = request.words;
  if (project === undefined || extra.length > 0) {
    throw new DisallowedCommandError();
  }
  const action = `git-${service}` as const;
  const check = {
    action,
    project,
    // A failure to load is reported where the client is used.
    onSent: () => void context.gitaly().catch(() => {}),
  };
  const phases = new CallPhases(context.clock);
  try {
    const answer = await checkAccess(check, request, context);
    phases.noteAllowed();
    if (service !== "upload-archive" && isElsewhere(answer)) {
      const watched = { ...context, io: phases.watch(context.io) };
      await runElsewhere(answer, { service, request, context: watched });
      return { answer, result: undefined };
    }
    const order = { answer, phases, request, context };
    const result = await callGitaly(service, order);
    return { answer, result };
  } finally {
    context.reportPhases?.(phases.fields());
  }
}

/** An access answer, and what the call that it allows needs besides. */
interface CallOrder {
  readonly answer: AccessAnswer;
  readonly phases: CallPhases;
  readonly request: CommandRequest;
  readonly context: CommandContext;
}

async function callGitaly(
  service: PackService,
  { answer, phases, request, context }: CallOrder,
): Promise<PackResult> {
  const gitaly = await context.gitaly();
  const { log } = context;
  const endpoint = await endpointOf(answer, log);
  try {
    gitaly.checkEndpoint(endpoint);
  } catch (error) {
    log.error("Failed to get connection to execute Git command", {
      error_message: errorText(error),
    });
    throw error;
  }
  logExecution(service, { answer, request, log });
  try {
    return await gitaly.runPack(
      endpoint,
      {
        service,
        repository: answer.gitaly.repository,
        gitConfigOptions: answer.gitConfigOptions,
        gitProtocol: request.gitProtocol,
        glId: whoOf(request, answer),
        glRepository: answer.glRepository,
        glUsername: answer.glUsername,
      },
      {
        io: phases.watch(context.io),
        onConnected: () => phases.noteConnected(),
        onBegun: () => giveUpRest(answer, context),
        metadata: metadataOf(service, { answer, request, context }),
        log,
        clock: context.clock,
        signal: context.signal,
      },
    );
  } catch (error) {
    log.error("Failed to execute Git command", {
      error_message: errorText(error),
      exit_status: error instanceof GitalyError ? error.exitStatus : 0,
    });
    throw presentable(error);
  } finally {
    phases.noteEnd();
  }
}

/**
 * Nobody is dialled any more, unless GitLab wants to be told of the operation:
 * then its address stays, and the path that leads to it.
 */
function giveUpRest(
  { needAudit }: AccessAnswer,
  { giveUp, config }: CommandContext,
): void {
  if (!needAudit) giveUp?.("files", "net");
  else if (/^https?:/.test(config.gitlabUrl)) giveUp?.("files");
}

/** Whether a cell or a Geo primary has to serve the command, not a Gitaly. */
function isElsewhere({ cellAddress, httpStatus }: AccessAnswer): boolean {
  return cellAddress !== "" || httpStatus === CUSTOM_ACTION_STATUS;
}

/** Loaded when it is needed: most installations have neither Geo nor cells. */
async function runElsewhere(
  answer: AccessAnswer,
  command: RemoteCommand,
): Promise<void> {
  if (answer.cellAddress !== "") {
    const { runOnCell } = await import("./cell_route.ts");
    return await runOnCell(answer, command);
  }
  const { runCustomAction } = await import("./custom_action.ts");
  await runCustomAction(answer.customAction, command);
}

/** Where the answer sends us. A policy that cannot be read is left out. */
async function endpointOf(
  { gitaly: { address, token }, retryConfig }: AccessAnswer,
  log: Logger,
): Promise<GitalyEndpoint> {
  if (retryConfig === undefined) return { address, token };
  const { decodeRetryPolicy } = await import("../gitaly/retry_policy.ts");
  try {
    return { address, token, retryPolicy: decodeRetryPolicy(retryConfig) };
  } catch (error) {
    log.error("failed to unmarshal retry policy", {
      error_message: errorText(error),
    });
    return { address, token };
  }
}

/** `gl_id` of a push: the key of the session, else whom GitLab named. */
function whoOf({ identity }: CommandRequest, { glId }: AccessAnswer): string {
  return identity.kind === "key" ? `key-${identity.keyId}` : glId;
}

/** Metadata of one call. Empty values are sent: Gitaly looks for the names. */
function metadataOf(
  service: PackService,
  { answer, request, context }: {
    answer: AccessAnswer;
    request: CommandRequest;
    context: CommandContext;
  },
): (readonly [string, string])[] {
  const features = Object.entries(answer.gitaly.features)
    .filter(([name]) => name.startsWith("gitaly-feature-"));
  return [
    ...features,
    ["key_id", String(answer.glKeyId)],
    ["key_type", answer.glKeyType],
    ["user_id", answer.glId],
    ["username", answer.glUsername],
    ["remote_ip", request.remoteAddress],
    ["x-gitlab-correlation-id", context.correlationId],
    ["x-gitlab-client-name", `${context.programName}-git-${service}`],
  ];
}

function logExecution(
  service: PackService,
  { answer, request, log }: {
    answer: AccessAnswer;
    request: CommandRequest;
    log: Logger;
  },
): void {
  const { repository } = answer.gitaly;
  log.info("executing git command", {
    command: `git-${service}`,
    gl_project_path: repository.glProjectPath,
    gl_repository: repository.glRepository,
    gl_user_name: answer.glUsername,
    git_protocol: request.gitProtocol,
    remote_ip: request.remoteAddress,
    gl_key_type: answer.glKeyType,
    gl_key_id: answer.glKeyId,
    ...userIdField(
      answer.glId,
      log,
      "handler: LogExecution: failed to parse user_id",
    ),
  });
}

/** Replaces what says nothing to a user; everything else is passed on. */
function presentable(error: unknown): unknown {
  if (!(error instanceof GitalyError)) return error;
  if (error.code !== GRPC_CODE.unavailable) return error;
  const isOverloaded = error.detailTypes.includes("gitaly.LimitError");
  return new GitalyError(
    error.code,
    isOverloaded ? GITALY_OVERLOADED : GITALY_UNAVAILABLE,
    error.detailTypes,
    { cause: error },
  );
}
