/**
 * OpenSSH's sshd with a configuration of its own, on a port of its own, as the
 * user who runs the tests.
 * @module
 */
import type { SshKeys } from "../../src/cli/ssh_front_door.ts";
import { copyProgramTo } from "./dist.ts";

/** A server that accepts connections. */
export interface OpensshServer extends AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** The account that clients log in to. */
  readonly user: string;
  readonly keys: SshKeys;
  /** Process that listens; each connection is a child of it. */
  readonly pid: number;
  /** What sshd has written so far. */
  readLog(): Promise<string>;
}

/** How a server is set up. */
export interface OpensshOptions {
  /** Folder with `config.yml`; the programs are installed in `bin` below it. */
  readonly rootPath: string;
  readonly keys: SshKeys;
  /** Bound of a key lookup, where the usual 10 s are too few. */
  readonly lookupSeconds?: number | undefined;
}

const SSHD_PATHS = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
const HOSTNAME = "127.0.0.1";
/**
 * sshd runs a command only if nobody but root can write to it or to any folder
 * above it, which rules out the system's folder for temporary files.
 */
const ROOT_OWNED_FOLDER = "/var/lib";

/** Path of sshd, if this machine has one. */
export function findSshd(): string | undefined {
  return SSHD_PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Starts sshd. As root it asks the lookup helper for keys; as anybody else,
 * whose files sshd would not run, it reads what the helper said from a file.
 * @throws {Error} If it does not accept connections in time.
 */
export async function startOpenssh(
  { rootPath, keys, lookupSeconds }: OpensshOptions,
): Promise<OpensshServer> {
  await using parts = new AsyncDisposableStack();
  const sshd = findSshd();
  if (sshd === undefined) throw new Error("Cannot find sshd");
  const user = await accountName();
  const isRoot = Deno.uid() === 0;
  const folder = await Deno.makeTempDir({
    prefix: "gitlab-shell-test-",
    ...(isRoot ? { dir: ROOT_OWNED_FOLDER } : {}),
  });
  parts.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.chmod(folder, 0o755);
  await copyProgramTo("gitlab-shell", `${rootPath}/bin`);
  const helper = lookupSeconds === undefined
    ? "gitlab-shell-authorized-keys-check"
    : "gitlab-keys";
  await copyHelper(helper, `${rootPath}/bin`);
  const lookup = [
    `${rootPath}/bin/${helper}`,
    ...lookupSeconds === undefined
      ? []
      : ["check", `--deadline=${lookupSeconds}`],
  ];
  const keyLines = isRoot
    ? await commandLines(folder, { user, lookup })
    : await fileLines(folder, { user, lookup, keys });
  const port = findFreePort();
  const logFile = `${folder}/sshd.log`;
  await Deno.writeTextFile(
    `${folder}/sshd_config`,
    [
      `Port ${port}`,
      `ListenAddress ${HOSTNAME}`,
      `HostKey ${keys.hostKeyFile}`,
      "PidFile none",
      "LogLevel VERBOSE",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PubkeyAuthentication yes",
      "PermitRootLogin prohibit-password",
      "AcceptEnv GIT_PROTOCOL",
      // Else bash takes itself for a login, and what the user's ~/.bashrc does
      // may take a second each time.
      "SetEnv SHLVL=2",
      "MaxStartups 400",
      ...keyLines,
      "",
    ].join("\n"),
  );
  if (isRoot) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const child = new Deno.Command(sshd, {
    args: ["-D", "-f", `${folder}/sshd_config`, "-E", logFile],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  parts.defer(async () => {
    child.kill("SIGTERM");
    await child.status;
  });
  await waitForPort(port, logFile);
  const owned = parts.move();
  return {
    hostname: HOSTNAME,
    port,
    user,
    keys,
    pid: child.pid,
    readLog: () => Deno.readTextFile(logFile),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The helper lies beside gitlab-shell, whose library is there already. */
async function copyHelper(name: string, folder: string): Promise<void> {
  const temporary = `${folder}/helper`;
  const path = await copyProgramTo(name, temporary);
  await Deno.rename(path, `${folder}/${name}`);
  await Deno.remove(temporary, { recursive: true });
}

/** As root: sshd runs the helper, by way of a script that it trusts. */
async function commandLines(
  folder: string,
  { user, lookup }: { user: string; lookup: readonly string[] },
): Promise<string[]> {
  const script = `${folder}/authorized-keys`;
  const words = lookup.map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(script, `#!/bin/sh\nexec ${words} "$@"\n`);
  await Deno.chmod(script, 0o755);
  return [
    "UsePAM no",
    "AuthorizedKeysFile none",
    `AuthorizedKeysCommand ${script} ${user} %u %k`,
    `AuthorizedKeysCommandUser ${user}`,
  ];
}

/** As anybody else: the helper is asked beforehand. */
async function fileLines(
  folder: string,
  { user, lookup, keys }: {
    user: string;
    lookup: readonly string[];
    keys: SshKeys;
  },
): Promise<string[]> {
  const [, blob = ""] = keys.userPublicKey.split(" ");
  const [command = "", ...args] = lookup;
  const { stdout } = await new Deno.Command(command, {
    args: [...args, user, user, blob],
    stderr: "inherit",
  }).output();
  const file = `${folder}/authorized_keys`;
  await Deno.writeFile(file, stdout, { mode: 0o600 });
  return ["StrictModes no", `AuthorizedKeysFile ${file}`];
}

async function accountName(): Promise<string> {
  const { stdout } = await new Deno.Command("id", { args: ["-un"] }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** sshd takes no port 0. The port is free when this returns. */
export function findFreePort(): number {
  using listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  return listener.addr.port;
}

async function waitForPort(port: number, logFile: string): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    try {
      (await Deno.connect({ hostname: HOSTNAME, port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  const log = await Deno.readTextFile(logFile).catch(() => "");
  throw new Error(`Cannot reach sshd on port ${port}: ${log}`);
}
