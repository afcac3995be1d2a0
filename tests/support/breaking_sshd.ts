/**
 * gitlab-sshd whose threads a test can break: one that finds the file `break`
 * in the folder of the configuration throws what nobody catches. It is the
 * program from its sources; a built one can be broken by nothing.
 * @module
 */
import { runEntry } from "../../src/cli/entry.ts";

/** One thread takes it and breaks. */
const ONCE = "break";
/** Every thread breaks, each new one too. */
const ALWAYS = "break_all";
const INTERVAL_MS = 20;

/** Command line of the program, up to its arguments. */
export const BREAKING_SSHD: readonly string[] = [
  Deno.execPath(),
  "run",
  "--allow-all",
  "--unstable-net",
  "--no-check",
  import.meta.filename ?? "",
  "gitlab-sshd",
];

/** Has one of the threads break, whichever comes first. */
export async function breakOne(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/${ONCE}`, "");
}

/** Has all of them break, for as long as the server tries. */
export async function breakAll(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/${ALWAYS}`, "");
}

function takesBreak(folder: string): boolean {
  try {
    Deno.removeSync(`${folder}/${ONCE}`);
    return true;
  } catch {
    // Not there, or another thread was faster.
    return isThere(`${folder}/${ALWAYS}`);
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

if ("WorkerGlobalScope" in globalThis) {
  const folder = Deno.args.join(" ").replace(/^.*--config-dir=/, "");
  let isBreaking = false;
  // The first to hear of it, so that the program does not catch it.
  addEventListener("error", (event) => {
    if (isBreaking) event.stopImmediatePropagation();
  });
  setInterval(() => {
    if (!takesBreak(folder)) return;
    isBreaking = true;
    throw new Error("broken by the test");
  }, INTERVAL_MS);
}

if (import.meta.main) {
  const programs = new Map([[
    "gitlab-sshd",
    async () => (await import("../../src/cli/gitlab_sshd.ts")).runGitlabSshd,
  ]]);
  Deno.exit(await runEntry(programs, Deno.args));
}
