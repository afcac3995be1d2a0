/**
 * `deno task dev`: the whole stack in the foreground, to try things by hand.
 * @module
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "@std/cli/parse-args";
import { errorText, UsageError } from "../core/errors.ts";
import { writeLocalSsh } from "../devstack/local_ssh.ts";
import {
  type GeoMode,
  parseGeoMode,
  startNeighbours,
} from "./dev_neighbours.ts";
import { formatDevReport } from "./dev_report.ts";
import { startFrontDoor } from "./front_door.ts";
import { taskWords } from "./task_words.ts";

/** What the command line asks for. */
export interface DevRequest {
  readonly apiPort: number;
  readonly gitalyPort: number;
  readonly sshPort: number;
  /** Absent for a folder that goes away with the stack. */
  readonly folder: string | undefined;
  /** File of the user's public key; a pair is made if absent. */
  readonly keyFile: string | undefined;
  readonly rateLimit: number;
  /** Whether the stack is a Geo secondary, and how it sends Git on. */
  readonly geo: GeoMode | undefined;
  /** Whether there is another cell, and a Topology Service that knows it. */
  readonly hasCells: boolean;
  readonly isHelp: boolean;
}

const PORT_MAX = 65_535;
const RATE_LIMIT = 600;
const RATE_LIMIT_MAX = 1_000_000;
const LFS_LINES = ["lfs:", "  pure_ssh_protocol: true"];
const SHELL_PROGRAM = "../../dist/gitlab-shell";
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;
const NAMES = ["api-port", "gitaly-port", "ssh-port", "data", "key"] as const;
const USAGE = `Usage: deno task dev [OPTION]...
Runs an internal API, a Gitaly and gitlab-sshd with a sample project.

  --api-port N     TCP port of the internal API (default: any free one)
  --gitaly-port N  TCP port of Gitaly (default: any free one)
  --ssh-port N     port of gitlab-sshd (default: any free one)
  --data DIR       keep repositories, configuration and log there
  --key FILE       public key of the user (default: a new pair)
  --rate-limit N   Git calls a minute for each key and project, 0 for any
                   number (default: ${RATE_LIMIT})
  --geo HOW        be a Geo secondary that sends Git on to a primary of its
                   own, by one request (direct) or by two (http)
  --cells          have a second cell and a Topology Service that knows it
  --help           this text
`;

/**
 * Reads the command line; touches nothing else.
 * @throws {UsageError} If a word or a value cannot be used.
 */
export function parseDevRequest(args: readonly string[]): DevRequest {
  const unknown: string[] = [];
  const options = parseArgs(taskWords(args), {
    string: [...NAMES, "rate-limit", "geo"],
    boolean: ["help", "cells"],
    unknown(word: string) {
      unknown.push(word);
      return false;
    },
  });
  const [first] = unknown;
  if (first !== undefined) {
    throw new UsageError(`Cannot use ${JSON.stringify(first)}`);
  }
  return {
    apiPort: parseNumber("api-port", options["api-port"], PORT_MAX),
    gitalyPort: parseNumber("gitaly-port", options["gitaly-port"], PORT_MAX),
    sshPort: parseNumber("ssh-port", options["ssh-port"], PORT_MAX),
    folder: options["data"] || undefined,
    keyFile: options["key"] || undefined,
    rateLimit: options["rate-limit"] === undefined
      ? RATE_LIMIT
      : parseNumber("rate-limit", options["rate-limit"], RATE_LIMIT_MAX),
    geo: parseGeoMode(options["geo"]),
    hasCells: options["cells"],
    isHelp: options["help"],
  };
}

/** Runs the stack until it is told to stop. @returns The exit status. */
export async function runDev(args: readonly string[]): Promise<number> {
  try {
    const request = parseDevRequest(args);
    if (request.isHelp) print(USAGE);
    else await serve(request);
    return 0;
  } catch (error) {
    const hint = error instanceof UsageError ? "\nTry --help." : "";
    print(`${errorText(error)}${hint}\n`, Deno.stderr);
    return 1;
  }
}

async function serve(request: DevRequest): Promise<void> {
  const stopped = untilStopped();
  const [{ startDevstack }, keys, { SAMPLE, SAMPLE_PUBLIC_KEY }] = await Promise
    .all([
      import("../devstack/stack.ts"),
      import("../devstack/user_key.ts"),
      import("../devstack/sample.ts"),
    ]);
  const { keyFile, folder } = request;
  const givenKey = keyFile === undefined
    ? undefined
    : await keys.readPublicKey(keyFile);
  const data = folder === undefined ? undefined : resolve(folder);
  await using neighbours = await startNeighbours({ ...request, folder: data });
  const { geo, options } = neighbours;
  await using stack = await startDevstack({
    ...options,
    ...(data !== undefined && { folder: data }),
    apiPort: request.apiPort,
    gitalyPort: request.gitalyPort,
    api: { rateLimit: request.rateLimit, ...(geo && { geo }) },
    gitaly: { carrier: "lean" },
    configLines: [...options.configLines ?? [], ...LFS_LINES],
  });
  const key = givenKey ??
    await keys.makeUserKey(join(stack.folder, "keys"), Deno.env.toObject());
  stack.api.state.directory.setKey({
    id: SAMPLE.keyId,
    type: "key",
    userId: SAMPLE.userId,
    publicKey: key?.publicKey ?? SAMPLE_PUBLIC_KEY,
  });
  await using door = await startFrontDoor({ stack, port: request.sshPort });
  const program = fileURLToPath(new URL(SHELL_PROGRAM, import.meta.url));
  const ssh = await writeLocalSsh(join(stack.folder, "bin"), {
    words: [program],
    shellRoot: stack.shellRoot.path,
    identity: `key-${SAMPLE.keyId}`,
  });
  const { rateLimit } = request;
  const report = { stack, key, door, rateLimit, localSsh: ssh, neighbours };
  print(formatDevReport(report));
  print(
    folder === undefined
      ? "Ctrl-C ends it and removes its data.\n"
      : "Ctrl-C ends it; the data stays.\n",
  );
  await stopped;
}

/** Waits for Ctrl-C or its like; from now on, not from when it is awaited. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) {
      Deno.addSignalListener(signal, () => resolve());
    }
  });
}

function parseNumber(
  name: string,
  text: string | undefined,
  max: number,
): number {
  const value = Number(text ?? "0");
  if (/^[0-9]+$/.test(text ?? "0") && value <= max) return value;
  throw new UsageError(
    `Cannot use ${JSON.stringify(text)} for --${name}: ` +
      `it must be a number up to ${max}`,
  );
}

function print(text: string, stream = Deno.stdout): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += stream.writeSync(bytes.subarray(at));
  }
}

if (import.meta.main) Deno.exit(await runDev(Deno.args));
