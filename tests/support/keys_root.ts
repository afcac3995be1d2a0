/**
 * gitlab-keys of `dist/` on a root directory and a managed file of its own.
 * @module
 */
import { type ProgramOutcome, type ProgramRun, runProgram } from "./dist.ts";
import { OPTS } from "./keys_stand.ts";
import { makeTempDir, type TempDir } from "./temp_dir.ts";

/** A root directory, and beside it a folder with the managed file. */
export class KeysRoot implements Disposable {
  readonly #folder: TempDir;
  readonly path: string;
  /** Folder of the managed file. */
  readonly folder: string;
  readonly authFile: string;

  constructor(content?: string) {
    this.#folder = makeTempDir();
    this.path = `${this.#folder.path}/root`;
    this.folder = `${this.#folder.path}/ssh`;
    this.authFile = `${this.folder}/authorized_keys`;
    Deno.mkdirSync(this.path);
    Deno.mkdirSync(this.folder);
    Deno.writeTextFileSync(
      `${this.path}/config.yml`,
      `auth_file: ${this.authFile}\n`,
    );
    if (content !== undefined) this.write(content);
  }

  /** What the programs run with. */
  get env(): Record<string, string> {
    return { GITLAB_SHELL_DIR: this.path };
  }

  /** The line that is ours for an id and a key, with its line end. */
  line(id: string, key: string): string {
    return `command="${this.path}/bin/gitlab-shell ${id}",${OPTS} ${key}\n`;
  }

  write(content: string): void {
    Deno.writeTextFileSync(this.authFile, content, { mode: 0o600 });
  }

  read(): string {
    return Deno.readTextFileSync(this.authFile);
  }

  /** Names in the folder of the managed file, sorted. */
  names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  /** Takes the lock, as another writer would; frees it when disposed of. */
  lock(): Disposable {
    const file = Deno.openSync(`${this.authFile}.lock`, {
      write: true,
      create: true,
    });
    file.lockSync(true);
    return { [Symbol.dispose]: () => file.close() };
  }

  /** Whether the lock is free at this moment. */
  isLockFree(): boolean {
    using file = Deno.openSync(`${this.authFile}.lock`, {
      write: true,
      create: true,
    });
    return file.tryLockSync(true);
  }

  /** Runs gitlab-keys to its end. */
  run(...args: readonly string[]): Promise<ProgramOutcome> {
    return this.runWith({ args });
  }

  /** The same with standard input and the like. */
  runWith(run: ProgramRun): Promise<ProgramOutcome> {
    return runProgram("gitlab-keys", { ...run, env: this.env });
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
