/**
 * The Gitaly stand-in in a process of its own, so that what it does is not
 * done by the process that holds the clock.
 * @module
 */
import type { StandInFacts } from "./stand_in.ts";

/** A stand-in that runs. */
export interface StandIn extends StandInFacts, AsyncDisposable {
  /** Path on disk of a project's repository. @throws {RangeError} If there is none. */
  repositoryPath(project: string): string;
  /** Its path below the storage. */
  relativePath(project: string): string;
}

const STAND_IN = new URL("stand_in.ts", import.meta.url).pathname;

/** Name of the project whose repository is of this size. */
export function bulkProject(sizeMib: number): string {
  return `tanuki/bulk-${sizeMib}`;
}

/**
 * Starts the stand-in, which makes its repositories first.
 * @param folder Where it keeps them.
 * @param sizesMib One repository of random bytes for each.
 * @throws {Error} If it ends before it is ready.
 */
export async function startStandIn(
  folder: string,
  sizesMib: readonly number[],
): Promise<StandIn> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", STAND_IN, `${folder}/stand`]
      .concat(sizesMib.map(String)),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The Gitaly stand-in has ended");
    text += value;
  }
  await reader.cancel();
  const facts: StandInFacts = JSON.parse(text);
  const relativePath = (project: string) => {
    const path = facts.relativePaths[project];
    if (path === undefined) throw new RangeError(`There is no ${project}`);
    return path;
  };
  return {
    ...facts,
    relativePath,
    repositoryPath: (project) => `${facts.storage}/${relativePath(project)}`,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
    },
  };
}
