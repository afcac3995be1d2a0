/**
 * gitlab-keys run within the test's own process, on a root directory and a
 * managed file of its own.
 * @module
 */
import { runGitlabKeys } from "../../src/cli/gitlab_keys.ts";
import { type Host, SYSTEM_CLOCK } from "../../src/core/host.ts";
import type { ByteReader } from "../../src/core/io.ts";
import { makeFakeHost, readerOf } from "./fake_host.ts";
import { makeTempDir, type TempDir } from "./temp_dir.ts";

/** The options of every line, written out and not taken from the product. */
export const OPTS =
  "no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty";

/** What a run left. */
export interface KeysOutcome {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a stand is made of. */
export interface KeysStandOptions {
  /** Content of the managed file; none is made when left out. */
  readonly content?: string | Uint8Array;
  /** Further lines of config.yml. */
  readonly config?: string;
}

/** A root directory, and beside it a folder with the managed file. */
export class KeysStand implements Disposable {
  readonly #folder: TempDir;
  /** Root directory. */
  readonly root: string;
  /** Folder of the managed file. */
  readonly folder: string;
  readonly authFile: string;

  constructor({ content, config = "" }: KeysStandOptions = {}) {
    this.#folder = makeTempDir();
    this.root = `${this.#folder.path}/root`;
    this.folder = `${this.#folder.path}/ssh`;
    this.authFile = `${this.folder}/authorized_keys`;
    Deno.mkdirSync(this.root);
    Deno.mkdirSync(this.folder);
    Deno.writeTextFileSync(
      `${this.root}/config.yml`,
      `auth_file: ${this.authFile}\nlog_level: debug\n${config}`,
    );
    if (content !== undefined) this.write(content);
  }

  /** The line that is ours for an id and a key, with its line end. */
  line(id: string, key: string): string {
    return `command="${this.root}/bin/gitlab-shell ${id}",${OPTS} ${key}\n`;
  }

  /** Replaces the managed file, mode 0600. */
  write(content: string | Uint8Array): void {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    Deno.writeFileSync(this.authFile, bytes, { mode: 0o600 });
  }

  /** Content of the managed file. */
  read(): string {
    return Deno.readTextFileSync(this.authFile);
  }

  /** The same as bytes. */
  readBytes(): Uint8Array {
    return Deno.readFileSync(this.authFile);
  }

  /** Permission bits of the managed file. */
  get mode(): number {
    return (Deno.statSync(this.authFile).mode ?? 0) & 0o7777;
  }

  /** Names in the folder of the managed file, sorted. */
  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  /** Records of the log so far. */
  records(): Record<string, unknown>[] {
    return Deno.readTextFileSync(`${this.root}/gitlab-shell.log`).split("\n")
      .filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  /** A host for one run. */
  host(args: readonly string[], stdin: ByteReader = readerOf()) {
    const fake = makeFakeHost({
      programName: "gitlab-keys",
      args,
      env: { GITLAB_SHELL_DIR: this.root },
      stdin,
    });
    const host: Host = { ...fake, clock: SYSTEM_CLOCK };
    return { fake, host };
  }

  /** Runs gitlab-keys to its end. */
  async run(...args: readonly string[]): Promise<KeysOutcome> {
    return await this.runWith("", ...args);
  }

  /** The same with standard input. */
  async runWith(
    input: string | Uint8Array,
    ...args: readonly string[]
  ): Promise<KeysOutcome> {
    const { fake, host } = this.host(args, readerOf(input));
    const exitStatus = await runGitlabKeys(host);
    const { stdout: { text: stdout }, stderr: { text: stderr } } = fake;
    return { exitStatus, stdout, stderr };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** A run that went well and said nothing. */
export const SILENT: KeysOutcome = { exitStatus: 0, stdout: "", stderr: "" };
