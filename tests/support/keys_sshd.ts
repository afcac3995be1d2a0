/**
 * OpenSSH's sshd in front of an installation of `dist/`, configured by what
 * `gitlab-keys sshd-config` prints. sshd runs helpers only from folders that
 * nobody but root can write to, so that all of this needs root.
 * @module
 */
import { copyProgramTo, type ProgramOutcome, runProgram } from "./dist.ts";
import { findFreePort, findSshd } from "./openssh_server.ts";
import { makeTempDir } from "./temp_dir.ts";

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 20;
const HOSTNAME = "127.0.0.1";
const ROOT_OWNED_FOLDER = "/var/lib";
const PROGRAMS = [
  "gitlab-shell",
  "gitlab-keys",
  "gitlab-shell-authorized-keys-check",
  "gitlab-shell-authorized-principals-check",
] as const;

/** Why these tests cannot run here; empty if they can. */
export const NO_KEYS_SSHD = findSshd() === undefined
  ? " (left out: no sshd here)"
  : Deno.uid() === 0
  ? ""
  : " (left out: needs root)";

/** An installation: programs, config.yml, keys, and sshd when it is started. */
export class KeysSshd implements AsyncDisposable {
  readonly #parts = new AsyncDisposableStack();
  /** Root directory; `bin` below it has the programs. */
  readonly root: string;
  /** Private things of the client. */
  readonly client: string;
  readonly authFile: string;
  /** Account that clients log in to. */
  readonly user = "root";
  #port = 0;

  private constructor(root: string, client: string) {
    this.root = root;
    this.client = client;
    this.authFile = `${root}/.ssh/authorized_keys`;
  }

  /** Installs the programs and makes keys; sshd is not running yet. */
  static async install(gitlabUrl: string): Promise<KeysSshd> {
    const root = await Deno.makeTempDir({
      dir: ROOT_OWNED_FOLDER,
      prefix: "gitlab-shell-test-",
    });
    await Deno.chmod(root, 0o755);
    const client = makeTempDir();
    const stand = new KeysSshd(root, client.path);
    stand.#parts.use(client);
    stand.#parts.defer(() => Deno.remove(root, { recursive: true }));
    await installPrograms(root);
    await Deno.mkdir(`${root}/.ssh`, { mode: 0o700 });
    await Deno.writeTextFile(
      `${root}/config.yml`,
      `user: root\ngitlab_url: "${gitlabUrl}"\nsecret: s3cret\n` +
        `auth_file: ${stand.authFile}\n`,
    );
    await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    for (const name of ["host", "user", "other", "ca"]) {
      await keygen(["-t", "ed25519", "-N", "", "-C", name], {
        file: `${client.path}/${name}`,
      });
    }
    return stand;
  }

  /** Text of a public key, without line end. */
  publicKey(name: string): string {
    return Deno.readTextFileSync(`${this.client}/${name}.pub`).trimEnd();
  }

  /** Runs the installed gitlab-keys. */
  keys(...args: readonly string[]): Promise<ProgramOutcome> {
    return runProgram("gitlab-keys", {
      args,
      path: `${this.root}/bin/gitlab-keys`,
    });
  }

  /** Has the CA certify the user's key. */
  async certify(keyIdentity: string, principals: string): Promise<void> {
    const options = ["-s", `${this.client}/ca`, "-I", keyIdentity];
    await keygen([...options, "-n", principals, `${this.client}/user.pub`]);
  }

  /**
   * Starts sshd.
   * @param snippet Lines for sshd_config, after those that make it private.
   */
  async start(snippet: string): Promise<void> {
    this.#port = findFreePort();
    const config = `${this.client}/sshd_config`;
    await Deno.writeTextFile(
      config,
      `Port ${this.#port}\nListenAddress ${HOSTNAME}\n` +
        `HostKey ${this.client}/host\nPidFile none\nLogLevel VERBOSE\n` +
        `UsePAM no\nPermitRootLogin prohibit-password\n` +
        `AuthorizedKeysFile none\n${snippet}`,
    );
    // What helpers say on standard error goes into the same log.
    const child = new Deno.Command("sh", {
      args: ["-c", 'exec "$0" "$@" 2>> "$LOG"', findSshd() ?? ""]
        .concat("-D", "-e", "-f", config),
      env: { LOG: `${this.client}/sshd.log` },
      stdin: "null",
      stdout: "null",
    }).spawn();
    this.#parts.defer(async () => {
      child.kill("SIGTERM");
      await child.status;
    });
    await waitForPort(this.#port, () => this.log());
  }

  /** What sshd has written so far. */
  log(): string {
    try {
      return Deno.readTextFileSync(`${this.client}/sshd.log`);
    } catch {
      return "";
    }
  }

  /** Logs in with a key, as `ssh` does it, and runs nothing in particular. */
  async login(
    key: string,
    { user = this.user, options = [] }: {
      user?: string;
      options?: readonly string[];
    } = {},
  ): Promise<ProgramOutcome> {
    return await runProgram("ssh", {
      path: "/usr/bin/env",
      args: [
        "ssh",
        "-F",
        "none",
        "-p",
        String(this.#port),
        ...["-i", `${this.client}/${key}`],
        ...["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"],
        ...["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
        ...["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
        ...options,
        `${user}@${HOSTNAME}`,
      ],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

async function installPrograms(root: string): Promise<void> {
  for (const name of PROGRAMS) {
    const path = await copyProgramTo(name, `${root}/${name}`);
    await Deno.mkdir(`${root}/bin`, { recursive: true });
    await Deno.rename(path, `${root}/bin/${name}`);
    // All of them share one library.
    const library = `${root}/${name}/lib`;
    const isFirst = name === PROGRAMS[0];
    if (isFirst) await Deno.rename(library, `${root}/bin/lib`).catch(() => {});
    await Deno.remove(`${root}/${name}`, { recursive: true });
  }
}

async function keygen(
  args: readonly string[],
  { file }: { file?: string } = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command("ssh-keygen", {
    args: ["-q", ...args, ...(file === undefined ? [] : ["-f", file])],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function waitForPort(port: number, log: () => string): Promise<void> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    try {
      (await Deno.connect({ hostname: HOSTNAME, port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  throw new Error(`Cannot reach sshd on port ${port}: ${log()}`);
}
