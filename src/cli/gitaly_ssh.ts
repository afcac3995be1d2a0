/**
 * gitaly-ssh: what git runs instead of ssh to read from another Gitaly server.
 * git passes a host and a remote command, which mean nothing here: the address,
 * the token and the request stand in the environment.
 * Source: Gitaly 18.9, cmd/gitaly-ssh.
 * @module
 */
import { errorText, GitalyError, UsageError } from "../core/errors.ts";
import { EXIT_FAILURE, EXIT_OK } from "../core/exit_status.ts";
import type { Host } from "../core/host.ts";
import { writeText } from "../core/io.ts";
import { SILENT_LOGGER } from "../core/log.ts";
import type {
  GitalyEndpoint,
  PackRequest,
  PackService,
} from "../gitaly/pack_request.ts";
import { exitStatusOfBrokenPipe } from "./failure.ts";
import { openGitalyClient } from "./gitaly_loader.ts";
import { formatLogrusLine } from "./logrus_line.ts";
import { formatVersion, isVersionRequest } from "./version.ts";

/** Words that git appends after the service: at least host and command. */
const WORDS_MIN = 3;
/** A Map, so that `constructor` is as unknown as any other word. */
const SERVICES: ReadonlyMap<string, PackService> = new Map([
  ["upload-pack", "upload-pack"],
  ["receive-pack", "receive-pack"],
  ["upload-archive", "upload-archive"],
]);
const GO_BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) =>
    [word, true] as const
  ),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) =>
    [word, false] as const
  ),
]);
/** Shows every hidden ref; options of the payload can hide some again. */
const SHOW_ALL_REFS = "transfer.hideRefs=!refs";

/**
 * Reads the service from the arguments git passes.
 * @throws {UsageError} With gitaly-ssh's own text.
 */
export function parsePackService(args: readonly string[]): PackService {
  if (args.length < WORDS_MIN) {
    throw new UsageError(
      `invalid number of arguments, expected at least 1, got ${args.length}`,
    );
  }
  const [word = ""] = args;
  const service = SERVICES.get(word);
  if (!service) throw new UsageError(`invalid pack command: "${word}"`);
  return service;
}

/**
 * Turns `GITALY_FEATUREFLAGS` into metadata. Items that are no `name:boolean`
 * are skipped; a repeated name keeps its last value.
 * @example
 * ```ts
 * import { parseFeatureFlags } from "./gitaly_ssh.ts";
 * parseFeatureFlags("a_b:true,c"); // [["gitaly-feature-a-b", "true"]]
 * ```
 */
export function parseFeatureFlags(text: string): [string, string][] {
  const flags = new Map<string, string>();
  for (const item of text.split(",")) {
    const colon = item.indexOf(":");
    const value = GO_BOOLEANS.get(item.slice(colon + 1));
    if (colon < 0 || value === undefined) continue;
    const name = item.slice(0, colon).replaceAll("_", "-");
    flags.set(`gitaly-feature-${name}`, String(value));
  }
  return [...flags];
}

/**
 * Runs gitaly-ssh to its end.
 * @returns The exit status of the remote git, or 1; never throws.
 */
export async function runGitalySsh(host: Host): Promise<number> {
  if (isVersionRequest(host)) {
    await writeText(host.io.stdout, formatVersion(host));
    return EXIT_OK;
  }
  // git passes three words at least.
  if (host.args.length === 1) {
    const [word = ""] = host.args;
    const isCheck = word === "check";
    if (isCheck || ["help", "--help", "-h"].includes(word)) {
      const { printUsage, runGitalyCheck } = await import("./gitaly_check.ts");
      return isCheck ? await runGitalyCheck(host) : await printUsage(host);
    }
  }
  let service: PackService;
  try {
    service = parsePackService(host.args);
  } catch (error) {
    return await report(host, { level: "error", message: errorText(error) });
  }
  try {
    return await runService(service, host);
  } catch (error) {
    return exitStatusOfBrokenPipe(error) ?? await report(host, {
      level: "info",
      message: "command returned error",
      fields: { "command.name": service, error: errorText(error) },
    });
  }
}

/** The order of what is read is the order in which faults are reported. */
async function runService(service: PackService, host: Host): Promise<number> {
  const metadata = parseFeatureFlags(host.env("GITALY_FEATUREFLAGS") ?? "");
  enterFolder(host.env("GITALY_WD") ?? "");
  const endpoint: GitalyEndpoint = {
    address: host.env("GITALY_ADDRESS") ?? "",
    token: host.env("GITALY_TOKEN") ?? "",
  };
  const correlationId = host.env("CORRELATION_ID") ?? "";
  if (correlationId !== "") {
    metadata.push(["x-gitlab-correlation-id", correlationId]);
  }
  const gitaly = await openGitalyClient(host, "gitaly-ssh");
  try {
    gitaly.checkEndpoint(endpoint);
    const request = await readRequest(
      service,
      host.env("GITALY_PAYLOAD") ?? "",
    );
    const { io, clock, signal } = host;
    const { exitStatus } = await gitaly.runPack(endpoint, request, {
      io,
      metadata,
      log: SILENT_LOGGER,
      clock,
      signal,
      onBegun: () => host.giveUp?.("env", "files", "net"),
    });
    return exitStatus;
  } finally {
    gitaly.close();
  }
}

function enterFolder(folder: string): void {
  if (folder === "") return;
  try {
    Deno.chdir(folder);
  } catch (cause) {
    throw new Error(`unable to chdir to ${folder}`, { cause });
  }
}

async function readRequest(
  service: PackService,
  payload: string,
): Promise<PackRequest> {
  const [{ parseProtoJson }, messages] = await Promise.all([
    import("../gitaly/protobuf/json.ts"),
    import("../gitaly/gen/ssh.ts"),
  ]);
  const empty = { gitConfigOptions: [], gitProtocol: "", ...NO_GL_FIELDS };
  if (service === "upload-pack") {
    const table = messages.SSH_UPLOAD_PACK_WITH_SIDECHANNEL_REQUEST;
    const message = parseProtoJson(table, payload);
    const gitConfigOptions = [SHOW_ALL_REFS, ...message.gitConfigOptions];
    return { ...empty, ...message, service, gitConfigOptions };
  }
  const message = parseProtoJson(
    service === "receive-pack"
      ? messages.SSH_RECEIVE_PACK_REQUEST
      : messages.SSH_UPLOAD_ARCHIVE_REQUEST,
    payload,
  );
  const { stdin, ...fields } = message;
  if (stdin.length > 0) throw refusedStdin(service);
  return { ...empty, ...fields, service };
}

const NO_GL_FIELDS = { glId: "", glRepository: "", glUsername: "" };

/** What Gitaly answers to input in the first message, without asking it. */
function refusedStdin(service: PackService): GitalyError {
  const what = service === "receive-pack" ? "data" : "stdin";
  return new GitalyError(3, `non-empty ${what} in first request`);
}

async function report(
  host: Host,
  what: {
    level: "info" | "error";
    message: string;
    fields?: Readonly<Record<string, string>>;
  },
): Promise<number> {
  const line = formatLogrusLine({
    ...what,
    nowMs: host.clock.nowMs(),
    pid: Deno.pid,
  });
  await writeText(host.io.stderr, line).catch(() => {});
  return EXIT_FAILURE;
}
