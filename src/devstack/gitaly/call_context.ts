/**
 * Surroundings of one call, and what the handlers have in common.
 * @module
 */
import { join } from "node:path";
import type { GitalyCore } from "./core.ts";
import type { CallFault } from "./faults.ts";
import {
  gitArguments,
  type GitCommandRequest,
  gitEnvironment,
  type GitService,
} from "./git_command.ts";
import type { GitSpawn } from "./git_process.ts";
import type { GitRun } from "./git_run.ts";
import type { PackRequestMessage } from "./messages.ts";
import type { CallRecord } from "./call_records.ts";
import { locateRepository } from "./validate.ts";
import type { YamuxSession } from "./yamux_session.ts";

/** One call. */
export interface CallContext {
  readonly core: GitalyCore;
  readonly record: CallRecord;
  readonly fault: CallFault;
  /** The multiplexed connection the call came in on, if it is one. */
  readonly session: YamuxSession | undefined;
  /** Aborted when the caller cancels or is gone. */
  readonly signal: AbortSignal;
}

/** Waits for a place under the concurrency limit, if there is one. */
export function enterLimit(
  { core, record, signal }: CallContext,
  request: PackRequestMessage,
): Promise<() => void> {
  const key = `${record.method} ${request.repository?.relativePath ?? ""}`;
  return core.limiter?.enter(key, signal) ?? Promise.resolve(() => {});
}

/**
 * Finds the repository of a request and makes git's command line for it.
 * @throws {StatusError} If the repository or an option cannot be used.
 */
export async function prepareGit(
  { core }: CallContext,
  service: GitService,
  request: PackRequestMessage,
): Promise<GitSpawn> {
  const repository = request.repository ?? undefined;
  const path = await locateRepository(repository, core.storages);
  if (!repository) throw new TypeError("A repository was found for no request");
  const command: GitCommandRequest = {
    service,
    repository,
    path,
    configOptions: request.gitConfigOptions ?? [],
    gitProtocol: request.gitProtocol ?? "",
    hooksPath: core.hooks === "custom"
      ? join(path, "custom_hooks")
      : "/dev/null",
  };
  const objectFormat = await readObjectFormat(path);
  const env = gitEnvironment(command, core.git);
  if (service === "receive-pack") Object.assign(env, hookEnvironment(request));
  return {
    program: core.git.program,
    args: gitArguments(command, core.git, objectFormat),
    env,
  };
}

/** The parts of a run that only count and register. */
export function observeRun(
  { core, record, fault }: CallContext,
): Pick<GitRun, "onStart" | "onOutput"> {
  return {
    onStart: (git) => {
      record.gitPid = git.pid;
      core.processes.add(git);
      git.exit.then(() => core.processes.delete(git));
      core.calls.changed();
    },
    onOutput: (sizeBytes) => {
      record.outputBytes += sizeBytes;
      const { cutAfterOutputBytes = Infinity } = fault;
      if (record.outputBytes >= cutAfterOutputBytes) record.connection.cut();
      core.calls.changed();
    },
  };
}

/** What Gitaly tells custom hooks about the push. */
function hookEnvironment(request: PackRequestMessage): Record<string, string> {
  return {
    GL_ID: request.glId ?? "",
    GL_USERNAME: request.glUsername ?? "",
    GL_PROTOCOL: "ssh",
    GL_REPOSITORY: request.repository?.glRepository ?? "",
    GL_PROJECT_PATH: request.repository?.glProjectPath ?? "",
  };
}

async function readObjectFormat(path: string): Promise<"sha1" | "sha256"> {
  const config = await Deno.readTextFile(join(path, "config")).catch(() => "");
  return /^\s*objectformat\s*=\s*sha256\s*$/im.test(config) ? "sha256" : "sha1";
}
