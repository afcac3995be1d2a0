/**
 * The Git LFS client that tests run. `deno task test` has put one on `PATH`,
 * or left the tests out; whoever runs a single file gets one here.
 * @module
 */
import { type GitLfs, provideGitLfs } from "../../src/build/git_lfs.ts";

/**
 * Puts a client on this process's `PATH` until it is disposed.
 * @throws {Error} If there is none and none can be had.
 */
export async function useGitLfs(): Promise<AsyncDisposable> {
  const gitLfs: GitLfs | undefined = await provideGitLfs(console.error);
  if (!gitLfs) throw new Error("Cannot run without git-lfs of 3.6 or later");
  const path = Deno.env.get("PATH") ?? "";
  if (gitLfs.folder !== "") Deno.env.set("PATH", `${gitLfs.folder}:${path}`);
  return {
    async [Symbol.asyncDispose]() {
      Deno.env.set("PATH", path);
      await gitLfs[Symbol.asyncDispose]();
    },
  };
}
