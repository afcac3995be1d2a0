/**
 * What is built: the programs, the bundles that carry them, and what each may
 * do. Both forms of `dist/` and the tests read this table, so that a
 * permission cannot differ between what is run and what is tested.
 * @module
 */
import type { ModuleGroup } from "./link.ts";

/** One name in `dist/`. */
export interface Program {
  readonly name: string;
  /** The module that runs it, as its entry imports it. */
  readonly module: string;
  /** `false` for a program that asks nobody: its launcher grants no network. */
  readonly dials?: false;
}

/** One bundle, and the executable of the compiled form that runs it. */
export interface ProgramLibrary {
  /** Name of its folder in the portable form, and of its main program. */
  readonly name: string;
  /** Entry file, from the root of the repository. */
  readonly entry: string;
  /**
   * Programs that it carries, the one it is named after first. CommonJS in a
   * bundle costs all of its programs 50 ms, hence a bundle for each kind.
   */
  readonly programs: readonly Program[];
  /** Whether it starts once per session, and its start is what a user waits for. */
  readonly isOneShot: boolean;
  /**
   * Modules that a one-shot program loads together: those of nearly every run
   * first. In the portable form each group is one file.
   */
  readonly groups: readonly ModuleGroup[];
  /**
   * Command lines of a session, as patterns of the shell, that need every
   * group: to load the groups one by one takes a millisecond longer.
   */
  readonly wholePatterns?: readonly string[];
  /** Every variable that the programs may see; all others are unset to them. */
  readonly environment: readonly string[];
  /** Files and folders that the programs may not read. */
  readonly hidden: readonly string[];
  /**
   * The same in a session alone, where the launcher can tell. An operator's
   * command of the same program may have to read them.
   */
  readonly hiddenInSession?: readonly string[];
  /** Whether the programs may write to the caller's `~/.ssh`. */
  readonly writesKeys: boolean;
}

/**
 * Where the launcher of the portable form puts the caller's home folder, as
 * Deno would read a file of it under its own name.
 */
export const CALLER_HOME = "CALLER_HOME";

/** Variables that every program reads, and those that TLS reads through it. */
const COMMON_ENVIRONMENT = [
  "CORRELATION_ID",
  "DENO_TLS_CA_STORE",
  "GITLAB_LOG_FORMAT",
  "GITLAB_LOG_LEVEL",
  "GITLAB_LOG_TIMEZONE",
  "GITLAB_SHELL_DIR",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "TZ",
] as const;

/** Proxies of Git over HTTP; the internal API never goes through one. */
const HTTP_PROXY_ENVIRONMENT = ["HTTP_PROXY", "http_proxy"] as const;
/** Proxies of Gitaly's TCP addresses as well. */
const PROXY_ENVIRONMENT = [
  "HTTPS_PROXY",
  "NO_PROXY",
  "https_proxy",
  "no_proxy",
] as const;

/**
 * What switches OpenTelemetry on, which Deno itself reads: off unless
 * `OTEL_DENO` is set. The one-shot programs have none of it, as it would cost
 * every session its start.
 */
const TRACING_ENVIRONMENT = [
  "OTEL_DENO",
  "OTEL_EXPORTER_OTLP_CERTIFICATE",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_SERVICE_NAME",
] as const;

/** What the system keeps secret from nearly everyone. */
const SYSTEM_SECRETS = [
  "/etc/gshadow",
  "/etc/gshadow-",
  "/etc/shadow",
  "/etc/shadow-",
  "/etc/ssl/private",
  "/etc/sudoers",
  "/etc/sudoers.d",
] as const;

/** Who has an account. */
const SYSTEM_ACCOUNTS = [
  "/etc/group",
  "/etc/group-",
  "/etc/passwd",
  "/etc/passwd-",
] as const;

/** Settings and host keys of OpenSSH. */
const OPENSSH_FOLDER = "/etc/ssh";

/**
 * Where the clouds give out the credentials of a machine to whoever asks from
 * it. Neither GitLab nor Gitaly is there.
 */
const METADATA_ADDRESSES = ["169.254.169.254", "[fd00:ec2::254]"] as const;

/** Every bundle; a program is in exactly one. */
export const PROGRAM_LIBRARIES: readonly ProgramLibrary[] = [
  {
    name: "gitlab-shell",
    entry: "main.ts",
    programs: [
      { name: "gitlab-shell", module: "./src/cli/gitlab_shell.ts" },
    ],
    isOneShot: true,
    groups: [
      ["gitlab_shell", "discover", "upload_pack", "receive_pack"],
      ["gitaly_client", "lean_carrier"],
    ],
    wholePatterns: ["git-upload-pack*", "git-receive-pack*"],
    environment: [
      ...COMMON_ENVIRONMENT,
      ...HTTP_PROXY_ENVIRONMENT,
      ...PROXY_ENVIRONMENT,
      "GIT_PROTOCOL",
      "SSH_CONNECTION",
      "SSH_ORIGINAL_COMMAND",
    ],
    hidden: [],
    hiddenInSession: [...SYSTEM_SECRETS, ...SYSTEM_ACCOUNTS, OPENSSH_FOLDER],
    writesKeys: false,
  },
  {
    name: "gitlab-keys",
    entry: "main.ts",
    programs: [
      { name: "gitlab-keys", module: "./src/cli/gitlab_keys.ts" },
      {
        name: "gitlab-shell-authorized-keys-check",
        module: "./src/cli/authorized_keys_check.ts",
      },
      {
        name: "gitlab-shell-authorized-principals-check",
        module: "./src/cli/authorized_principals_check.ts",
        dials: false,
      },
      { name: "gitlab-shell-check", module: "./src/cli/health_check.ts" },
    ],
    isOneShot: true,
    groups: [["authorized_keys_check", "authorized_principals_check"]],
    environment: [
      ...COMMON_ENVIRONMENT,
      ...PROXY_ENVIRONMENT,
      "HOME",
      CALLER_HOME,
    ],
    hidden: SYSTEM_SECRETS,
    writesKeys: true,
  },
  {
    name: "gitlab-sshd",
    entry: "main.ts",
    programs: [{ name: "gitlab-sshd", module: "./src/cli/gitlab_sshd.ts" }],
    isOneShot: false,
    groups: [],
    environment: [
      ...COMMON_ENVIRONMENT,
      ...HTTP_PROXY_ENVIRONMENT,
      ...PROXY_ENVIRONMENT,
      "FF_GITLAB_SHELL_SSH_CERTIFICATES",
      "GITLAB_SHELL_SECRET",
      "GITLAB_TRACING",
      "GITLAB_URL",
      ...TRACING_ENVIRONMENT,
    ],
    hidden: [...SYSTEM_SECRETS, ...SYSTEM_ACCOUNTS],
    writesKeys: false,
  },
  {
    name: "gitaly-ssh",
    entry: "gitaly_ssh.ts",
    programs: [{ name: "gitaly-ssh", module: "./src/cli/gitaly_ssh.ts" }],
    isOneShot: true,
    groups: [["gitaly_ssh", "gitaly_client", "lean_carrier", "json", "ssh"]],
    environment: [
      ...COMMON_ENVIRONMENT,
      ...PROXY_ENVIRONMENT,
      "GITALY_ADDRESS",
      "GITALY_FEATUREFLAGS",
      "GITALY_PAYLOAD",
      "GITALY_TOKEN",
      "GITALY_USE_SIDECHANNEL",
      "GITALY_WD",
    ],
    hidden: [...SYSTEM_SECRETS, ...SYSTEM_ACCOUNTS, OPENSSH_FOLDER],
    writesKeys: false,
  },
];

/** Every program, with the bundle that carries it. */
export const PROGRAMS: ReadonlyMap<string, ProgramLibrary> = new Map(
  PROGRAM_LIBRARIES.flatMap((library) =>
    library.programs.map(({ name }) => [name, library])
  ),
);

/**
 * Variables that every program runs with, whatever its caller has set.
 *
 * Deno's own trust begins empty. The programs add the certificates of the
 * system by Go's rules themselves, which Deno's store of the system does not
 * follow: it ignores SSL_CERT_DIR and fails on an empty SSL_CERT_FILE.
 */
export const FIXED_ENVIRONMENT: Readonly<Record<string, string>> = {
  DENO_TLS_CA_STORE: ",",
};

/**
 * What the programs of a library may do, as flags of `deno run` and
 * `deno compile`.
 *
 * Read, write and net cannot be granted more narrowly when a program is built,
 * because config.yml, the files and sockets that it names and the addresses of
 * Gitaly are known at run time alone. Write is more than the log: Deno asks
 * for it to connect to a Unix socket.
 *
 * Both are granted below `/`, so that they can be given up there: a program
 * that has opened what it needs keeps nothing of it (`src/cli/authority.ts`).
 *
 * What can be refused is. Write is granted below `/` and not as such, which
 * means the same but for one thing: Deno makes no symbolic links for whoever
 * has it so. With links a refused path could be read under another name, since
 * Deno judges the link. A folder above a refused one can still be renamed by
 * whoever may do so by the rules of Unix.
 *
 * No program may start another one, load native code, import from the network,
 * signal a process or ask about the machine. Of /proc, /sys and /dev Deno
 * itself keeps most from all without --allow-all.
 */
export function permissionFlags(
  { environment, hidden }: ProgramLibrary,
): string[] {
  return [
    "--no-prompt",
    "--allow-read=/",
    "--allow-write=/",
    "--allow-net",
    `--allow-env=${environment.join(",")}`,
    // Every other variable is unset to the program rather than an error.
    "--ignore-env",
    ...hidden.length > 0 ? [`--deny-read=${hidden.join(",")}`] : [],
    `--deny-net=${METADATA_ADDRESSES.join(",")}`,
    "--deny-run",
    "--deny-ffi",
    "--deny-sys",
    "--deny-import",
  ];
}

/** The same, for one program of a library: all that a launcher can leave out. */
export function programPermissionFlags(
  library: ProgramLibrary,
  name: string,
): string[] {
  const program = library.programs.find((one) => one.name === name);
  const flags = permissionFlags(library);
  if (program?.dials !== false) return flags;
  return [
    ...flags.filter((flag) => !/^--(allow|deny)-net\b/.test(flag)),
    "--deny-net",
  ];
}

/** `portable` runs bundles on a copy of Deno; `compiled` is executables. */
export type ProgramForm = "portable" | "compiled";

/**
 * What a program does once is best interpreted: V8 makes no machine code for a
 * regular expression or for a function that was called a few times. In
 * `ls-remote` that is 1.7 of 28 ms of the processor (Deno 2.9.6); what is
 * called thousands of times is optimised as ever. It compiles every function
 * of a file at once, so that all are in the cache. And it begins with room for
 * as much garbage as such a program makes, so that none is collected.
 */
const ONE_SHOT_V8_FLAGS = [
  "--no-lazy",
  "--regexp-interpret-all",
  "--no-sparkplug",
  "--min-semi-space-size=1",
];

/**
 * A server stands still while young objects are moved, the longer the more of
 * them there are: with 2,000 connections and the usual room 130 ms at worst on
 * two busy cores, with this one a third of it (Deno 2.9.6).
 */
const SERVER_V8_FLAGS = ["--max-semi-space-size=2"];

/**
 * How the programs of a library are run, apart from what they may do: from
 * their own files alone, without evaluating text, and without a cache of
 * compiled code that anybody but the build has written.
 *
 * The linked libraries have such a cache (`code_cache.ts`). V8 takes code from
 * it only if it runs with the flags that it was made with.
 */
export function runFlags(library: ProgramLibrary, form: ProgramForm): string[] {
  const hasCache = isLinked(library, form);
  const v8Flags = ["--disallow-code-generation-from-strings"];
  if (hasCache) v8Flags.unshift(...ONE_SHOT_V8_FLAGS);
  if (!library.isOneShot) v8Flags.unshift(...SERVER_V8_FLAGS);
  return [
    ...hasCache ? [] : ["--no-code-cache"],
    // Threads of the server share a port.
    ...library.isOneShot ? [] : ["--unstable-net"],
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    "--cached-only",
    `--v8-flags=${v8Flags.join(",")}`,
  ];
}

/** Whether a library has a loader of its own and a cache: see `link.ts`. */
export function isLinked(library: ProgramLibrary, form: ProgramForm): boolean {
  return form === "portable" && library.isOneShot;
}
