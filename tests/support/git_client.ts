/**
 * The machine's own git and ssh with a home of their own.
 * @module
 */
import type { SshKeys } from "../../src/cli/ssh_front_door.ts";

/** A command that has ended. */
export interface GitOutcome {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where the client connects to. */
export interface SshDoor {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly keys: SshKeys;
}

const COMMAND_TIMEOUT_MS = 120_000;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Runs git and ssh in one folder, against one door. */
export class GitClient {
  readonly folder: string;
  readonly #door: SshDoor;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(
    folder: string,
    door: SshDoor,
    env: Readonly<Record<string, string>>,
  ) {
    this.folder = folder;
    this.#door = door;
    this.#env = env;
  }

  /**
   * Makes a client whose files are all in `folder`.
   * @param settings Further options of ssh, `Name=value`; these come first.
   */
  static async make(
    folder: string,
    door: SshDoor,
    settings: readonly string[] = [],
  ): Promise<GitClient> {
    const { hostname, port, keys } = door;
    await Deno.writeTextFile(
      `${folder}/known_hosts`,
      `[${hostname}]:${port} ${keys.hostPublicKey}\n`,
    );
    await Deno.writeTextFile(
      `${folder}/.gitconfig`,
      "[user]\n\tname = Test\n\temail = test@example.com\n" +
        // Tests move random bytes; looking for likenesses takes seconds.
        "[core]\n\tcompression = 0\n[pack]\n\twindow = 0\n",
    );
    const given = settings.flatMap((setting) => ["-o", setting]);
    const ssh = ["ssh", ...given, ...sshOptions(folder, keys)].join(" ");
    return new GitClient(folder, door, {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_SSH_COMMAND: ssh,
      LC_ALL: "C",
    });
  }

  /** URL of a project. */
  url(project: string): string {
    const { user, hostname, port } = this.#door;
    return `ssh://${user}@${hostname}:${port}/${project}.git`;
  }

  /** Starts ssh to be typed into. */
  startTalk(...words: readonly string[]): Deno.ChildProcess {
    return this.start("ssh", this.#sshArgs(words), "", "piped");
  }

  /** Runs git in `folder`, or in one below it. */
  git(args: readonly string[], below = ""): Promise<GitOutcome> {
    return this.#run(this.start("git", args, below));
  }

  /** Runs ssh with a command for the server. */
  ssh(...words: readonly string[]): Promise<GitOutcome> {
    return this.#run(this.start("ssh", this.#sshArgs(words)));
  }

  /**
   * Runs ssh and types into it.
   * @param typed What it reads; `undefined` types nothing, and does not end.
   */
  async talk(
    typed: string | undefined,
    ...words: readonly string[]
  ): Promise<GitOutcome> {
    const child = this.startTalk(...words);
    const outcome = this.#run(child);
    const keyboard = child.stdin.getWriter();
    if (typed === undefined) await outcome;
    else await keyboard.write(encoder.encode(typed)).catch(() => {});
    await keyboard.close().catch(() => {});
    return await outcome;
  }

  /** Starts a command without waiting for it. */
  start(
    command: string,
    args: readonly string[],
    below = "",
    stdin: "null" | "piped" = "null",
  ): Deno.ChildProcess {
    return new Deno.Command(command, {
      args: [...args],
      cwd: `${this.folder}/${below}`,
      env: { ...this.#env },
      clearEnv: true,
      stdin,
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS),
    }).spawn();
  }

  #sshArgs(words: readonly string[]): string[] {
    const { user, hostname, port, keys } = this.#door;
    const options = [...sshOptions(this.folder, keys), "-p", String(port)];
    return [...options, `${user}@${hostname}`, ...words];
  }

  async #run(child: Deno.ChildProcess): Promise<GitOutcome> {
    const { code, stdout, stderr } = await child.output();
    return {
      exitStatus: code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }
}

function sshOptions(folder: string, { userKeyFile }: SshKeys): string[] {
  const settings = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=yes",
    "LogLevel=ERROR",
    `UserKnownHostsFile=${folder}/known_hosts`,
  ];
  return [
    "-F",
    "/dev/null",
    "-i",
    userKeyFile,
    ...settings.flatMap((setting) => ["-o", setting]),
  ];
}
