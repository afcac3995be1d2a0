/**
 * A root directory for programs of `dist/`: config.yml, secret and log.
 * @module
 */
import { type ProgramOutcome, type ProgramRun, runProgram } from "./dist.ts";
import { makeTempDir, type TempDir } from "./temp_dir.ts";

/** What the directory holds. */
export interface RootDirOptions {
  readonly gitlabUrl?: string;
  /** Further lines of config.yml. */
  readonly config?: string;
  /** Content of the secret file; none is made for `null`. */
  readonly secret?: string | null;
}

/** A root directory that is removed after the test. */
export class RootDir implements Disposable {
  readonly #folder: TempDir;
  readonly path: string;

  constructor({ gitlabUrl, config = "", secret = "s3cret\n" }: RootDirOptions) {
    this.#folder = makeTempDir({
      "config.yml":
        `${gitlabUrl === undefined ? "" : `gitlab_url: "${gitlabUrl}"\n`}` +
        config,
    });
    this.path = this.#folder.path;
    if (secret !== null) {
      Deno.writeTextFileSync(`${this.path}/.gitlab_shell_secret`, secret);
    }
  }

  /** Runs a program of `dist/` on this directory. */
  run(name: string, run: ProgramRun = {}): Promise<ProgramOutcome> {
    const env = { GITLAB_SHELL_DIR: this.path, ...run.env };
    return runProgram(name, { ...run, env });
  }

  /** Text of the log so far. */
  logText(): string {
    try {
      return Deno.readTextFileSync(`${this.path}/gitlab-shell.log`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Records of the log so far. */
  records(): Record<string, unknown>[] {
    return this.logText().split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}
