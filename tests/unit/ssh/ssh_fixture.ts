/**
 * A server for tests: real sockets, real keys, no GitLab. Imported by tests
 * of this room only.
 */
import type { ApiClient } from "../../../src/api/client.ts";
import type { Config, SshdConfig } from "../../../src/config/config.ts";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { writeText } from "../../../src/core/io.ts";
import { Logger } from "../../../src/core/log.ts";
import { Secret } from "../../../src/core/secret.ts";
import type {
  ApiPlace,
  ConnectionLimits,
} from "../../../src/ssh/connection_services.ts";
import { ServerMetrics } from "../../../src/ssh/server_metrics.ts";
import {
  type RunningSshServer,
  startSshServer,
} from "../../../src/ssh/server.ts";
import type {
  SessionHandler,
  SessionOutcome,
} from "../../../src/ssh/session_handler.ts";

/** One log record as it was written. */
export type LogRecord = Record<string, unknown>;

/** What a test changes of the server. */
export interface FixtureOptions {
  sshd?: Partial<SshdConfig>;
  limits?: Partial<ConnectionLimits>;
  handle?: SessionHandler;
  /** Answers a key look-up; the default knows the fixture's user key alone. */
  authorizedKey?: ApiClient["authorizedKey"];
  /** Answers for group-level certificates; the default knows none. */
  authorizedCertificate?: ApiClient["authorizedCertificate"];
  env?: Record<string, string>;
}

/** A server that runs, and what a client needs to log in. */
export interface SshFixture extends AsyncDisposable {
  readonly folder: string;
  readonly server: RunningSshServer;
  readonly metrics: ServerMetrics;
  readonly port: number;
  readonly records: LogRecord[];
  /** Keys that were looked up, in order. */
  readonly lookups: string[];
  /** What the internal API would be told of each login. */
  readonly places: ApiPlace[];
  /** Waits until a record with this message has been written. */
  logged(message: string, count?: number): Promise<LogRecord>;
}

/** Id that the fixture's user key has. */
export const KEY_ID = 42;

let keys: Promise<string> | undefined;

/** Folder of keys, made once: host_<type> and user_<type>. */
function makeKeys(): Promise<string> {
  return keys ??= (async () => {
    const folder = await Deno.makeTempDir();
    addEventListener(
      "unload",
      () => Deno.removeSync(folder, { recursive: true }),
    );
    await Promise.all([
      keygen(`${folder}/host_ed25519`, ["-t", "ed25519"]),
      keygen(`${folder}/host_ecdsa`, ["-t", "ecdsa"]),
      keygen(`${folder}/host_rsa`, ["-t", "rsa", "-b", "2048"]),
      keygen(`${folder}/user_ed25519`, ["-t", "ed25519"]),
    ]);
    return folder;
  })();
}

/** Runs ssh-keygen. */
export async function keygen(
  path: string,
  args: readonly string[],
): Promise<void> {
  const { success, stderr } = await new Deno.Command("ssh-keygen", {
    args: ["-q", "-N", "", "-C", "test", "-f", path, ...args],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Base64 of a public key file, as the internal API is asked about it. */
export async function publicKeyText(path: string): Promise<string> {
  const line = await Deno.readTextFile(`${path}.pub`);
  return line.split(" ")[1]?.replaceAll("=", "") ?? "";
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startFixture(
  options: FixtureOptions = {},
): Promise<SshFixture> {
  const folder = await makeKeys();
  const records: LogRecord[] = [];
  const lookups: string[] = [];
  const places: ApiPlace[] = [];
  const waiters = new Set<() => void>();
  const known = await publicKeyText(`${folder}/user_ed25519`);
  const log = new Logger({
    sink: {
      writeLine(line) {
        records.push(JSON.parse(new TextDecoder().decode(line)));
        for (const wake of waiters) wake();
      },
    },
    clock: SYSTEM_CLOCK,
    threshold: -4,
    format: "json",
  });
  const api: Pick<ApiClient, "authorizedKey" | "authorizedCertificate"> = {
    authorizedCertificate: options.authorizedCertificate ??
      (() => Promise.reject(new Error("Not found"))),
    authorizedKey(key, signal) {
      lookups.push(key);
      if (options.authorizedKey) return options.authorizedKey(key, signal);
      if (key !== known) return Promise.reject(new Error("Not found"));
      return Promise.resolve({ id: KEY_ID, key });
    },
  };
  const metrics = new ServerMetrics();
  const server = await startSshServer({
    metrics,
    config: makeConfig({
      hostKeyFiles: ["rsa", "ecdsa", "ed25519"].map((type) =>
        `${folder}/host_${type}`
      ),
      ...options.sshd,
    }),
    log,
    clock: SYSTEM_CLOCK,
    // Nothing else of it is used here.
    openApi: (_log, place) => {
      places.push(place);
      return api as ApiClient;
    },
    env: (name) => options.env?.[name],
    handleSession: options.handle ?? greet,
    ...(options.limits && { limits: options.limits }),
  });
  return {
    folder,
    server,
    metrics,
    port: server.address.port,
    records,
    lookups,
    places,
    async logged(message, count = 1) {
      for (;;) {
        const found = records.filter(({ msg }) => msg === message);
        const record = found[count - 1];
        if (record) return record;
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiters.delete(wake);
            resolve();
          };
          waiters.add(wake);
        });
      }
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** Says what it was asked to run, and as whom. */
const greet: SessionHandler = async (start, { io }) => {
  const { identity, namespacePath } = start.login;
  const who = identity.kind === "key"
    ? `key-${identity.keyId}`
    : identity.kind === "username"
    ? `${identity.username}@${namespacePath}`
    : "nobody";
  await writeText(
    io.stdout,
    `${who} ${JSON.stringify(start.command)} ${start.gitProtocol}\n`,
  );
  return { exitStatus: 0 };
};

/** An outcome without anything to tell. */
export const DONE: SessionOutcome = { exitStatus: 0 };

/** A configuration with everything that these tests do not care about. */
export function makeConfig(sshd: Partial<SshdConfig>): Config {
  return {
    rootDir: "",
    user: "git",
    gitlabUrl: "http://127.0.0.1:1",
    gitlabRelativeUrlRoot: "",
    gitlabTracing: "",
    secret: new Secret("secret"),
    sslCertDir: "",
    logFile: "",
    logLevel: "info",
    logFormat: "json",
    authFile: "",
    http: {
      user: "",
      password: new Secret(""),
      readTimeoutMs: 1_000,
      caFile: "",
      caPath: "",
    },
    sshd: {
      listen: "127.0.0.1:0",
      webListen: "",
      proxyProtocol: false,
      proxyPolicy: "",
      proxyAllowed: [],
      proxyHeaderTimeoutMs: 500,
      concurrentSessionsLimit: 10,
      clientAliveIntervalMs: 0,
      gracePeriodMs: 10_000,
      loginGraceTimeMs: 60_000,
      maxStartups: "none",
      perSourceMaxStartups: 0,
      perSourceNetBlockSize: "32:64",
      perSourcePenalties: "no",
      perSourceExempt: [],
      workers: 1,
      readinessProbe: "/start",
      livenessProbe: "/health",
      hostKeyFiles: [],
      hostCertFiles: [],
      trustedUserCaKeys: [],
      macs: [],
      kexAlgorithms: [],
      ciphers: [],
      publicKeyAlgorithms: [],
      gssapi: {
        enabled: false,
        keytab: "",
        servicePrincipalName: "",
        libPath: "",
      },
      ...sshd,
    },
    lfs: { pureSshProtocol: false },
    pat: { enabled: true, allowedScopes: [] },
    topologyService: {
      enabled: false,
      address: "",
      timeoutMs: 5_000,
      tls: {
        enabled: false,
        caFile: "",
        certFile: "",
        keyFile: "",
        serverName: "",
        insecureSkipVerify: false,
      },
      cellEndpoint: { scheme: "https", port: 443 },
    },
  };
}

/** What a real client did. */
export interface SshRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Arguments with which OpenSSH's client asks nothing and trusts everything. */
export function sshArgs(
  { folder, port }: Pick<SshFixture, "folder" | "port">,
  options: readonly string[] = [],
  agentPath?: string,
): string[] {
  const identity = agentPath === undefined
    ? [
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      "IdentityAgent=none",
      "-i",
      `${folder}/user_ed25519`,
    ]
    : ["-o", `IdentityAgent=${agentPath}`, "-o", "IdentityFile=none"];
  return [
    "-F",
    "none",
    "-p",
    String(port),
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "BatchMode=yes",
    ...options,
    ...identity,
    "git@127.0.0.1",
  ];
}

/** How OpenSSH's client is run. */
export interface SshRunOptions {
  /** Options that come before the fixture's, and so win. */
  first?: readonly string[];
  options?: readonly string[];
  /** Socket of an agent, whose keys are offered instead of the file's. */
  agentPath?: string;
  stdin?: Uint8Array<ArrayBuffer>;
}

/** Runs OpenSSH's client to its end. */
export async function runSsh(
  fixture: Pick<SshFixture, "folder" | "port">,
  command: readonly string[],
  options: SshRunOptions = {},
): Promise<SshRun> {
  const run = await runSshForBytes(fixture, command, options);
  return { ...run, stdout: new TextDecoder().decode(run.stdout) };
}

/** The same where the output is no text. */
export async function runSshForBytes(
  fixture: Pick<SshFixture, "folder" | "port">,
  command: readonly string[],
  { first = [], options = [], agentPath, stdin }: SshRunOptions = {},
): Promise<Omit<SshRun, "stdout"> & { stdout: Uint8Array<ArrayBuffer> }> {
  const child = new Deno.Command("ssh", {
    args: [...first, ...sshArgs(fixture, options, agentPath), ...command],
    stdin: stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
    env: { SSH_AUTH_SOCK: "" },
  }).spawn();
  const feeding = stdin ? feed(child.stdin, stdin) : undefined;
  const { code, stdout, stderr } = await child.output();
  await feeding;
  return { code, stdout, stderr: new TextDecoder().decode(stderr) };
}

async function feed(
  sink: WritableStream<Uint8Array<ArrayBuffer>>,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = sink.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch {
    // The client was done before it had read everything.
  }
}

/** Source text of the pinned ssh2, for tests of the ground. */
export async function readSsh2(file: string): Promise<string> {
  const url = import.meta.resolve(`ssh2/lib/${file}`);
  const { createRequire } = await import("node:module");
  const path = url.startsWith("file:")
    ? new URL(url).pathname
    : createRequire(import.meta.url).resolve(url);
  return await Deno.readTextFile(path);
}
