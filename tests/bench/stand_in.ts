/**
 * Brings up a stack until its standard input ends:
 * `stand_in.ts FOLDER [SIZE_MIB…]`. Prints what a benchmark has to know of it
 * as one line of JSON.
 * @module
 */
import { SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import { startDevstack } from "../../src/devstack/stack.ts";
import { bulkProject } from "./stand_in_process.ts";

/** Where a stand-in is found, and what it has. */
export interface StandInFacts {
  readonly gitalyAddress: string;
  readonly gitalyToken: string;
  /** Folder of the storage `default`. */
  readonly storage: string;
  /** Paths below the storage by project. */
  readonly relativePaths: Readonly<Record<string, string>>;
  /** Where its LFS store is, and the secret of its API. */
  readonly apiUrl: string;
  readonly secret: string;
  /** A root directory that names its own API. */
  readonly rootPath: string;
}

const FIRST_ID = 300;

/**
 * Brings the objects of a small repository into a pack, as they are in those
 * of GitLab: loose ones would be compressed again for every clone.
 */
async function packObjects(path: string): Promise<void> {
  const options = ["-c", "core.compression=0", "-c", "pack.window=0"];
  const { success } = await new Deno.Command("git", {
    args: ["-C", path, ...options, "repack", "-a", "-d", "-q"],
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`Cannot pack ${path}`);
}

if (import.meta.main) {
  const [folder = "", ...sizes] = Deno.args;
  const [first] = SAMPLE_PROJECTS;
  if (first === undefined) throw new Error("The sample has no projects");
  const bulk = sizes.map((size, index) => ({
    ...first,
    id: FIRST_ID + index,
    path: bulkProject(Number(size)),
    content: { kind: "bulk", sizeMib: Number(size) } as const,
  }));
  const projects = [...SAMPLE_PROJECTS, ...bulk];
  await using stack = await startDevstack({
    folder,
    api: { rateLimit: 0 },
    // The faster of its two carriers: it is not to be measured.
    gitaly: { carrier: "lean" },
    projects,
    configLines: ["lfs:", "  pure_ssh_protocol: true"],
  });
  for (const { path } of bulk) await packObjects(stack.repositoryPath(path));
  const facts: StandInFacts = {
    gitalyAddress: stack.gitalyAddress,
    gitalyToken: stack.gitalyToken,
    storage: stack.storage,
    relativePaths: Object.fromEntries(projects.map(({ path }) => [
      path,
      stack.repositoryPath(path).slice(stack.storage.length + 1),
    ])),
    apiUrl: stack.apiUrl,
    secret: stack.secret,
    rootPath: stack.shellRoot.path,
  };
  console.log(JSON.stringify(facts));
  for await (const _ of Deno.stdin.readable);
}
