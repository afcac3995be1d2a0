/**
 * A Gitaly stand-in with one repository, for its own tests.
 * @module
 */
import { join } from "node:path";
import type { CarrierName } from "../../../../src/devstack/gitaly/carrier.ts";
import {
  type Gitaly,
  type GitalyOptions,
  startGitaly,
} from "../../../../src/devstack/gitaly/gitaly_server.ts";
import {
  type SeedRepository,
  seedRepository,
} from "../../../../src/devstack/seed.ts";
import {
  makeMetadata,
  MultiplexedClient,
  PlainClient,
} from "./grpc_clients.ts";

/** Every test of a call runs on both. */
export const CARRIERS: readonly CarrierName[] = ["grpc-js", "lean"];
/** The stand's token. */
export const TOKEN = "secret-token";

/** What a test wants otherwise. */
export type StandOptions =
  & Partial<Omit<GitalyOptions, "listen" | "storages" | "env">>
  & { readonly seed?: Partial<SeedRepository> };

/** The stand. */
export class GitalyStand implements AsyncDisposable {
  readonly gitaly: Gitaly;
  readonly folder: string;
  readonly relativePath: string;

  private constructor(gitaly: Gitaly, folder: string, relativePath: string) {
    this.gitaly = gitaly;
    this.folder = folder;
    this.relativePath = relativePath;
  }

  static async start(options: StandOptions = {}): Promise<GitalyStand> {
    const { seed, ...gitalyOptions } = options;
    const folder = await Deno.makeTempDir();
    const storage = join(folder, "storage");
    const env = Deno.env.toObject();
    const relativePath = await seedRepository(
      { projectId: 1, content: { kind: "sample" }, ...seed },
      { storage, home: join(folder, "home"), env },
    );
    await Deno.mkdir(join(folder, "gone"));
    const gitaly = await startGitaly({
      token: TOKEN,
      ...gitalyOptions,
      storages: new Map([
        ["default", storage],
        ["missing", join(folder, "nowhere")],
      ]),
      listen: [
        { transport: "unix", path: join(folder, "s") },
        { transport: "tcp", hostname: "127.0.0.1", port: 0 },
      ],
      env,
    });
    return new GitalyStand(gitaly, folder, relativePath);
  }

  get socketPath(): string {
    return join(this.folder, "s");
  }
  get storage(): string {
    return join(this.folder, "storage");
  }
  get repositoryPath(): string {
    return join(this.storage, this.relativePath);
  }
  get repository() {
    return {
      storageName: "default",
      relativePath: this.relativePath,
      glRepository: "project-1",
      glProjectPath: "tanuki/reef",
    };
  }

  plainClient(): PlainClient {
    return new PlainClient(`unix:${this.socketPath}`);
  }
  multiplexedClient(): Promise<MultiplexedClient> {
    return MultiplexedClient.connect(this.socketPath);
  }
  metadata(extra: Readonly<Record<string, string>> = {}) {
    return makeMetadata(TOKEN, extra);
  }

  /** Runs git in the repository. @returns What it printed. */
  async git(...args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("git", {
      args: ["--git-dir", this.repositoryPath, ...args],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gitaly[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** One pkt-line. */
export function pkt(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

/** A client's frames: `text` and the flush that ends it. */
export function framed(text: string): Uint8Array {
  return new TextEncoder().encode(`${text === "" ? "" : pkt(text)}0000`);
}
