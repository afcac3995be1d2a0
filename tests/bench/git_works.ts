/**
 * The operations that are timed: clones, pushes and fetches of one large
 * repository, each looked at afterwards.
 * @module
 */
import { SAMPLE } from "../../src/devstack/sample.ts";
import type { BenchWorld } from "./bench_world.ts";
import { gitEnv, type GitWork, runGit } from "./git_way.ts";
import { bulkProject } from "./stand_in_process.ts";

/** A bare clone into nothing. */
export function cloneWork(world: BenchWorld, sizeMib: number): GitWork {
  const project = bulkProject(sizeMib);
  const target = `${world.folder}/clone.git`;
  const source = world.standIn.repositoryPath(project);
  return {
    sizeMib,
    words: (way) =>
      Promise.resolve([
        "clone",
        "-q",
        "--bare",
        "--no-local",
        way.urlOf(project),
        target,
      ]),
    async finish() {
      await assertSameTip(world, source, { path: target, ref: "main" });
      await Deno.remove(target, { recursive: true });
    },
  };
}

/** A push into an empty repository, so that every object travels. */
export function pushWork(world: BenchWorld, sizeMib: number): GitWork {
  const source = world.standIn.repositoryPath(bulkProject(sizeMib));
  const target = world.standIn.repositoryPath(SAMPLE.busyProject);
  return {
    sizeMib,
    async words(way) {
      await emptyRepository(target);
      const path = way.urlOf(SAMPLE.busyProject);
      const url = path.startsWith("/") ? `file://${path}` : path;
      const other = way.receivePack === undefined
        ? []
        : [`--receive-pack=${way.receivePack}`];
      const ref = "refs/heads/main:refs/heads/pushed";
      return ["-C", source, "push", "-q", ...other, url, ref];
    },
    finish: () => assertSameTip(world, source, { path: target, ref: "pushed" }),
  };
}

/** A fetch into a new repository, without the clone's own work. */
export function fetchWork(world: BenchWorld, sizeMib: number): GitWork {
  const project = bulkProject(sizeMib);
  const target = `${world.folder}/fetch.git`;
  return {
    sizeMib,
    async words(way) {
      await runGit(["init", "-q", "--bare", target], gitEnv(world.folder));
      const refs = "+refs/*:refs/*";
      const words = ["fetch", "-q", "--no-write-fetch-head"];
      return ["-C", target, ...words, way.urlOf(project), refs];
    },
    async finish() {
      const source = world.standIn.repositoryPath(project);
      await assertSameTip(world, source, { path: target, ref: "main" });
      await Deno.remove(target, { recursive: true });
    },
  };
}

/** @throws {Error} If the branch is not what it is in the source. */
async function assertSameTip(
  { folder }: BenchWorld,
  source: string,
  { path, ref }: { path: string; ref: string },
): Promise<void> {
  const env = gitEnv(folder);
  const tip = (of: string, name: string) =>
    runGit(["-C", of, "rev-parse", `refs/heads/${name}`], env);
  const [wanted, found] = await Promise.all([
    tip(source, "main"),
    tip(path, ref),
  ]);
  if (wanted !== found) throw new Error(`${path} has ${found}`);
  // Present and whole is one thing: the last blob of the tree.
  const [line = ""] = (await runGit(
    ["-C", path, "rev-list", "--objects", "-1", ref],
    env,
  )).trimEnd().split("\n").slice(-1);
  await runGit(["-C", path, "cat-file", "-e", line.split(" ")[0] ?? ""], env);
}

async function emptyRepository(path: string): Promise<void> {
  for (const name of ["objects", "refs/heads", "refs/tags"]) {
    await Deno.remove(`${path}/${name}`, { recursive: true });
    await Deno.mkdir(`${path}/${name}`, { recursive: true });
  }
  await Deno.remove(`${path}/packed-refs`).catch(() => {});
}
