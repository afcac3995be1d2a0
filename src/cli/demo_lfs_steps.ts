/**
 * The steps of the demo that need a Git LFS client: large files over SSH
 * alone, and locks.
 * @module
 */
import type { DemoRunner } from "./demo_runner.ts";
import { type DemoTarget, expectOutcome, urlOf } from "./demo_target.ts";

/** Large enough to be no text, small enough not to be waited for. */
const FILE_BYTES = 3_000_000;
const BRANCH = "large-files";

/** Runs the steps in the clone that earlier ones have made. */
export async function runLfsSteps(
  runner: DemoRunner,
  target: DemoTarget,
): Promise<void> {
  await pushLargeFile(runner, target);
  await cloneLargeFile(runner, target);
  await lockFile(runner, target);
}

/** Runs commands up to the first that fails. @returns What went wrong. */
async function runAll(
  runner: DemoRunner,
  commands: readonly (readonly string[])[],
  folder: string,
): Promise<string | undefined> {
  for (const words of commands) {
    const outcome = await runner.run({ words, folder });
    const problem = expectOutcome(outcome, { exitStatus: 0 });
    if (problem) return problem;
  }
  return undefined;
}

function pushLargeFile(
  runner: DemoRunner,
  { folder }: DemoTarget,
): Promise<void> {
  const clone = `${folder}/mine`;
  return runner.step("Push a large file with LFS, over SSH alone", async () => {
    const bytes = new Uint8Array(FILE_BYTES);
    for (let at = 0; at < bytes.length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    await Deno.writeFile(`${clone}/whale.bin`, bytes);
    return await runAll(runner, [
      ["git", "lfs", "install", "--skip-repo"],
      ["git", "config", "--global", "lfs.sshtransfer", "always"],
      ["git", "lfs", "track", "--lockable", "*.bin"],
      ["git", "add", ".gitattributes", "whale.bin"],
      ["git", "commit", "-q", "-m", "Add a whale"],
      ["git", "push", "origin", `HEAD:${BRANCH}`],
    ], clone);
  });
}

function cloneLargeFile(
  runner: DemoRunner,
  target: DemoTarget,
): Promise<void> {
  const { folder, project } = target;
  return runner.step("Clone it again", async () => {
    const problem = await runAll(runner, [
      ["git", "clone", "-b", BRANCH, urlOf(target, project), "large"],
      ["git", "-C", "large", "lfs", "ls-files", "--size"],
    ], folder);
    if (problem) return problem;
    const [sent, received] = await Promise.all(
      ["mine", "large"].map((name) =>
        Deno.readFile(`${folder}/${name}/whale.bin`)
      ),
    );
    const isSame = sent?.length === received?.length &&
      sent?.every((byte, at) => byte === received?.[at]);
    return isSame ? undefined : "the file has changed on its way";
  });
}

function lockFile(runner: DemoRunner, { folder }: DemoTarget): Promise<void> {
  return runner.step(
    "Lock the file, see the lock, give it back",
    () =>
      runAll(runner, [
        ["git", "lfs", "lock", "whale.bin"],
        ["git", "lfs", "locks"],
        ["git", "lfs", "unlock", "whale.bin"],
      ], `${folder}/mine`),
  );
}
