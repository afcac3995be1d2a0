/**
 * One request of Git over HTTP, answered by real git while it is still coming
 * in.
 * Source: Git, gitprotocol-http(5); GitLab Workhorse for `ssh-…`.
 * @module
 */
import type { ByteReader } from "../../core/io.ts";
import { GitProcess } from "../gitaly/git_process.ts";

/** What git is asked to do. */
export interface GitExchangeOptions {
  readonly service: "upload-pack" | "receive-pack";
  /** References alone, one request and answer, or a whole conversation. */
  readonly mode: "references" | "stateless" | "conversation";
  /** Path of the repository on disk. */
  readonly path: string;
  /** `Git-Protocol` of the request; empty for none. */
  readonly gitProtocol: string;
  /** `PATH` at least. */
  readonly env: Readonly<Record<string, string>>;
}

const READ_BYTES = 65_536;
const OPTIONS = [
  "receive.advertisePushOptions=true",
  "receive.autogc=false",
  "uploadpack.allowFilter=true",
  "uploadpack.allowAnySHA1InWant=true",
];
const FLAGS = {
  references: ["--stateless-rpc", "--advertise-refs"],
  stateless: ["--stateless-rpc"],
  conversation: [],
};
const encoder = new TextEncoder();

/** A git that runs. */
export class GitExchange implements ByteReader {
  readonly #git: GitProcess;
  readonly #prefix: Uint8Array[];

  /**
   * Starts git on what the request brings.
   * @throws {Error} If it cannot be started.
   */
  constructor(options: GitExchangeOptions, request: ByteReader) {
    const { service, mode, path, gitProtocol, env } = options;
    this.#git = new GitProcess({
      program: "git",
      args: [
        ...OPTIONS.flatMap((option) => ["-c", option]),
        service,
        ...FLAGS[mode],
        path,
      ],
      env: {
        PATH: env["PATH"] ?? "",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_SYSTEM: "/dev/null",
        ...(gitProtocol !== "" && { GIT_PROTOCOL: gitProtocol }),
      },
    });
    this.#prefix = mode === "references" ? [formatAnnouncement(service)] : [];
    void this.#feed(request);
    void this.#swallowErrors();
  }

  /** Settles when git has ended. */
  get ended(): Promise<unknown> {
    return this.#git.exit;
  }

  async read(): Promise<Uint8Array | null> {
    const prefix = this.#prefix.shift();
    if (prefix) return prefix;
    const { done, value } = await this.#git.stdout.read(
      new Uint8Array(READ_BYTES),
    );
    return done ? null : value;
  }

  /** Ends git. */
  async close(): Promise<void> {
    await this.#git.kill();
  }

  async #feed(request: ByteReader): Promise<void> {
    const { stdin } = this.#git;
    try {
      for (let bytes; (bytes = await request.read()) !== null;) {
        await stdin.write(bytes);
      }
      await stdin.close();
    } catch {
      // Either the client has gone or git has ended; both end the exchange.
      await stdin.abort().catch(() => {});
    }
  }

  async #swallowErrors(): Promise<void> {
    const { stderr } = this.#git;
    try {
      while (!(await stderr.read(new Uint8Array(READ_BYTES))).done);
    } catch {
      // It was closed.
    }
  }
}

function formatAnnouncement(service: string): Uint8Array {
  const line = `# service=git-${service}\n`;
  const length = (line.length + 4).toString(16).padStart(4, "0");
  return encoder.encode(`${length}${line}0000`);
}
