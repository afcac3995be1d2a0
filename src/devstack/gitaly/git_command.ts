/**
 * The words and the environment that git is started with.
 * Source: Gitaly, internal/git/gitcmd.
 * @module
 */
import { join } from "node:path";
import { quoteGo } from "../../core/go_text.ts";
import type { RepositoryMessage } from "./messages.ts";

/** The services of git that are offered. */
export type GitService = "upload-pack" | "receive-pack" | "upload-archive";

/** Everything that decides how git is started. */
export interface GitCommandRequest {
  readonly service: GitService;
  readonly repository: RepositoryMessage;
  /** The repository's path on disk. */
  readonly path: string;
  /** `git_config_options` of the request. */
  readonly configOptions: readonly string[];
  readonly gitProtocol: string;
  /** Folder of the hooks; `/dev/null` for none. Used by receive-pack alone. */
  readonly hooksPath: string;
}

/** How this machine's git is, and what its operator wants. */
export interface GitRuntime {
  /** Program and version: `[2, 39]`. */
  readonly program: string;
  readonly version: readonly [major: number, minor: number];
  /** Environment to pick the inherited variables from. */
  readonly env: Readonly<Record<string, string>>;
  /** `key=value` options of the operator, which win over all but `attr.tree`. */
  readonly configOptions: readonly string[];
  readonly cpuCount: number;
}

const GLOBAL_OPTIONS = [
  "gc.auto=0",
  "maintenance.auto=0",
  "core.autocrlf=false",
  "core.useReplaceRefs=false",
  "core.bigFileThreshold=50m",
  "pack.allowPackReuse=multi",
  "midx.version=1",
  "core.fsync=objects,derived-metadata,reference",
  "core.fsyncMethod=fsync",
  "core.packedRefsTimeout=10000",
  "core.filesRefLockTimeout=1000",
];
const UPLOAD_PACK_OPTIONS = [
  "uploadpack.allowFilter=true",
  "uploadpack.allowAnySHA1InWant=true",
  ...["keep-around", "remotes", "tmp"].map((name) =>
    `uploadpack.hideRefs=refs/${name}/`
  ),
];
const RECEIVE_PACK_OPTIONS = [
  "core.alternateRefsCommand=exit 0 #",
  "receive.advertisePushOptions=true",
  "receive.autogc=false",
  ...[
    "environments",
    "keep-around",
    "merge-requests",
    "pipelines",
    "remotes",
    "tmp",
  ].map((name) => `receive.hideRefs=refs/${name}/`),
  "transfer.fsckObjects=true",
  "receive.fsck.badTimezone=ignore",
  "receive.fsck.missingSpaceBeforeDate=ignore",
  "receive.fsck.zeroPaddedFilemode=ignore",
];
/** Values that make an older git die, with the version that knows them. */
const SINCE: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["pack.allowPackReuse=multi", [2, 44]],
]);
const INHERITED = [
  "HOME",
  "PATH",
  "LD_LIBRARY_PATH",
  "TZ",
  "GIT_TRACE",
  "GIT_TRACE_PACK_ACCESS",
  "GIT_TRACE_PACKET",
  "GIT_TRACE_PERFORMANCE",
  "GIT_TRACE_SETUP",
  "GIT_EXEC_PATH",
  "GIT_DEFAULT_REF_FORMAT",
  "all_proxy",
  "http_proxy",
  "HTTP_PROXY",
  "https_proxy",
  "HTTPS_PROXY",
  "no_proxy",
  "NO_PROXY",
];
const EMPTY_TREE = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
};
const CONFIG_KEY = /^[A-Za-z0-9]+(?:\.[*-/_:@a-zA-Z0-9]+)+$/;
const PROTOCOLS = ["version=1", "version=2"];

/**
 * The arguments of git.
 * @param objectFormat Hash of the repository.
 * @throws {Error} If a requested option is not a configuration key and value.
 */
export function gitArguments(
  request: GitCommandRequest,
  runtime: GitRuntime,
  objectFormat: keyof typeof EMPTY_TREE,
): string[] {
  const { service, path } = request;
  const options = [
    ...GLOBAL_OPTIONS,
    ...serviceOptions(request, runtime),
    ...runtime.configOptions,
    `attr.tree=${EMPTY_TREE[objectFormat]}`,
  ].filter((option) => isKnown(option, runtime));
  return [
    "--git-dir",
    path,
    ...options.flatMap((option) => ["-c", option]),
    service,
    ...(service === "upload-archive" ? [] : ["--end-of-options"]),
    path,
  ];
}

/** The whole environment of git; nothing else is inherited. */
export function gitEnvironment(
  { repository, path, gitProtocol }: GitCommandRequest,
  { env }: GitRuntime,
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = env[name];
    if (value !== undefined) variables[name] = value;
  }
  Object.assign(variables, {
    LANG: "en_US.UTF-8",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    XDG_CONFIG_HOME: "/dev/null",
  });
  // Any other protocol is no error: git then speaks version 0.
  if (PROTOCOLS.includes(gitProtocol)) variables["GIT_PROTOCOL"] = gitProtocol;
  const { gitObjectDirectory, gitAlternateObjectDirectories } = repository;
  if (gitObjectDirectory !== "") {
    variables["GIT_OBJECT_DIRECTORY"] = join(path, gitObjectDirectory);
  }
  if (gitAlternateObjectDirectories.length > 0) {
    variables["GIT_ALTERNATE_OBJECT_DIRECTORIES"] =
      gitAlternateObjectDirectories.map((folder) => join(path, folder))
        .join(":");
  }
  return variables;
}

function serviceOptions(
  { service, configOptions, hooksPath }: GitCommandRequest,
  { cpuCount }: GitRuntime,
): string[] {
  const pack = [
    "pack.windowMemory=100m",
    "pack.writeReverseIndex=true",
    `pack.threads=${Math.max(1, Math.floor(Math.log2(cpuCount)))}`,
  ];
  const requested = configOptions.map(checkOption);
  switch (service) {
    case "upload-pack":
      return [
        ...UPLOAD_PACK_OPTIONS,
        ...pack,
        ...requested,
        "uploadpack.advertiseBundleURIs=false",
      ];
    case "receive-pack":
      return [
        ...RECEIVE_PACK_OPTIONS,
        ...pack,
        `core.hooksPath=${hooksPath}`,
        ...requested,
      ];
    case "upload-archive":
      return [];
  }
}

function checkOption(option: string): string {
  const equals = option.indexOf("=");
  if (equals < 0) {
    throw new Error(`cannot convert invalid config key: ${quoteGo(option)}`);
  }
  const key = option.slice(0, equals);
  if (CONFIG_KEY.test(key)) return option;
  throw new Error(
    `invalid configuration key ${quoteGo(key)}: invalid argument`,
  );
}

function isKnown(option: string, { version }: GitRuntime): boolean {
  const [major, minor] = SINCE.get(option) ?? [0, 0];
  return version[0] > major || version[0] === major && version[1] >= minor;
}
