/**
 * gitlab-shell of `dist/` in front of a devstack, for process tests: one
 * session per call, its environment as sshd would leave it.
 * @module
 */
import type { ScriptedAnswer } from "../../src/devstack/api/script.ts";
import {
  type Devstack,
  type DevstackOptions,
  startDevstack,
} from "../../src/devstack/stack.ts";
import { type ProgramOutcome, runProgram } from "./dist.ts";

/** What one session is started with. */
export interface SessionStart {
  readonly args?: readonly string[];
  /** `SSH_ORIGINAL_COMMAND`; not set when left out. */
  readonly command?: string;
  /** Replaces single variables; `undefined` unsets one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | Uint8Array;
  /** Whether standard input stays open behind `stdin`, until the end. */
  readonly staysOpen?: boolean;
}

/** A stack and the sessions on it. */
export class ShellStand implements AsyncDisposable {
  readonly stack: Devstack;
  private constructor(stack: Devstack) {
    this.stack = stack;
  }

  static async start(options: DevstackOptions = {}): Promise<ShellStand> {
    return new ShellStand(await startDevstack(options));
  }

  /** Runs one session to its end. */
  session(start: SessionStart = {}): Promise<ProgramOutcome> {
    const { args = ["key-1"], command, env = {}, stdin, staysOpen } = start;
    const all: Record<string, string | undefined> = {
      GITLAB_SHELL_DIR: this.stack.shellRoot.path,
      SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
      SSH_ORIGINAL_COMMAND: command,
      ...env,
    };
    const set: Record<string, string> = {};
    for (const [name, value] of Object.entries(all)) {
      if (value !== undefined) set[name] = value;
    }
    return runProgram("gitlab-shell", {
      args,
      env: set,
      ...(stdin === undefined ? {} : { stdin }),
      ...(staysOpen === undefined ? {} : { staysOpen }),
    });
  }

  /** Answers the next requests to `/allowed` and the like as written here. */
  answer(path: string, ...answers: readonly ScriptedAnswer[]): void {
    this.stack.api.script.enqueue(path, ...answers);
  }

  /** Requests since `mark`, as `METHOD target` lines. */
  requestsSince(mark: number): string[] {
    return this.stack.api.requests.all.slice(mark)
      .map(({ method, target }) => `${method} ${target}`);
  }

  /** How many requests there were so far. */
  get requestCount(): number {
    return this.stack.api.requests.all.length;
  }

  /** JSON bodies of the requests since `mark`. */
  bodiesSince(mark: number): Record<string, unknown>[] {
    return this.stack.api.requests.all.slice(mark)
      .map(({ body }) => JSON.parse(new TextDecoder().decode(body)));
  }

  /** Reads the log and empties it. */
  async takeRecords(): Promise<Record<string, unknown>[]> {
    const file = this.stack.shellRoot.logFile;
    const text = await Deno.readTextFile(file).catch(() => "");
    await Deno.writeTextFile(file, "");
    return text.split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack[Symbol.asyncDispose]();
  }
}

const RULER = `remote: ${"=".repeat(72)}\n`;
const DIVIDER = `remote: \n${RULER}remote: \n`;

/** Written out here, and not taken from the product, which it is to check. */
export function warn(text: string): string {
  return `${DIVIDER}remote: ${text}\n${DIVIDER}`;
}

/** The block of the API's messages. */
export function info(...texts: readonly string[]): string {
  const lines = texts.map((text) => `remote: ${text}\n`).join("");
  return `remote: \n${lines}remote: \n`;
}

/**
 * A test on a stand that all tests of its file share. Its servers accept and
 * wait before, during and after each of them, which the checks for leaks would
 * lay to the test that happens to run; the stand itself is checked by the
 * tests of the stack.
 */
export function testOnStand(name: string, run: () => Promise<void>): void {
  Deno.test({ name, fn: run, sanitizeOps: false, sanitizeResources: false });
}
