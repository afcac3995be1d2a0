/**
 * Makes repositories with real git at run time, the same bytes every time.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { formatBulkImport, formatSampleImport } from "./seed_content.ts";

/** What is put into a repository. */
export type SeedContent =
  | { readonly kind: "empty" }
  /** A few commits, tags and a branch. */
  | { readonly kind: "sample" }
  /** One commit of blobs of a MiB each that nothing can compress. */
  | { readonly kind: "bulk"; readonly sizeMib: number };

/** One repository to make. */
export interface SeedRepository {
  /** Number of its project, which decides its path on disk. */
  readonly projectId: number;
  readonly content: SeedContent;
  /** `sha1` unless given. */
  readonly objectFormat?: "sha1" | "sha256";
}

/** Where repositories are made, and with what. */
export interface SeedSurroundings {
  /** Folder of a Gitaly storage. */
  readonly storage: string;
  /** A home folder of its own, so that nobody's configuration takes part. */
  readonly home: string;
  /** `PATH` at least. */
  readonly env: Readonly<Record<string, string>>;
}

/** Path below the storage, as GitLab hashes it: `@hashed/6b/86/6b86….git`. */
export function hashedPath(projectId: number): string {
  const hash = createHash("sha256").update(String(projectId)).digest("hex");
  return `@hashed/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}.git`;
}

/**
 * Makes a bare repository, unless it is there already.
 * @returns Its path below the storage.
 * @throws {Error} If git fails, with what it said.
 */
export async function seedRepository(
  { projectId, content, objectFormat = "sha1" }: SeedRepository,
  surroundings: SeedSurroundings,
): Promise<string> {
  const relativePath = hashedPath(projectId);
  const path = join(surroundings.storage, relativePath);
  if (await exists(path)) return relativePath;
  await Deno.mkdir(surroundings.home, { recursive: true });
  const init = [
    "init",
    "--quiet",
    "--bare",
    "--template=",
    "--initial-branch=main",
    `--object-format=${objectFormat}`,
    path,
  ];
  await runGit(init, surroundings);
  if (content.kind !== "empty") {
    // Stored, not deflated: bulk would be tried in vain, and slowly.
    const options = ["--git-dir", path, "-c", "core.compression=0"];
    const args = [...options, "fast-import", "--quiet"];
    const parts = content.kind === "sample"
      ? formatSampleImport()
      : formatBulkImport(content.sizeMib);
    await runGit(args, surroundings, parts);
  }
  return relativePath;
}

async function runGit(
  args: readonly string[],
  { home, env }: SeedSurroundings,
  stdin: Iterable<Uint8Array> = [],
): Promise<void> {
  const child = new Deno.Command("git", {
    args: [...args],
    env: {
      PATH: env["PATH"] ?? "",
      HOME: home,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
    },
    clearEnv: true,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const feeding = (async () => {
    for (const part of stdin) await input.write(part);
    await input.close();
    // git that has failed reads no further; its own words tell why.
  })().catch(() => {});
  const { success, stderr } = await child.output();
  await feeding;
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`git ${args[0]} failed: ${said}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
