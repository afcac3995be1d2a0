/**
 * The steps of the demo: what a person does with a GitLab server over SSH,
 * and what should come of it.
 * @module
 */
import { runLfsSteps } from "./demo_lfs_steps.ts";
import type { DemoRunner } from "./demo_runner.ts";
import { type DemoTarget, expectOutcome, urlOf } from "./demo_target.ts";

/** Runs every step; the runner remembers what was not as it should be. */
export async function runDemoSteps(
  runner: DemoRunner,
  target: DemoTarget,
): Promise<void> {
  await greet(runner, target);
  await clone(runner, target);
  await push(runner, target);
  await fetch(runner, target);
  await archive(runner, target);
  await makeToken(runner, target);
  if (target.hasGitLfs) await runLfsSteps(runner, target);
  await fetchInternally(runner, target);
  await refuseProject(runner, target);
  await refuseShell(runner, target);
  await meetRateLimit(runner, target);
}

function greet(runner: DemoRunner, target: DemoTarget): Promise<void> {
  return runner.step("Log in without a command: who am I?", async () => {
    const outcome = await runner.run({
      words: ["ssh", "-T", ...target.sshWords],
    });
    const welcome = `Welcome to GitLab, @${target.username}!\n`;
    return expectOutcome(outcome, { exitStatus: 0, stdout: welcome });
  });
}

function clone(runner: DemoRunner, target: DemoTarget): Promise<void> {
  return runner.step("Clone a project, twice", async () => {
    for (const folder of ["mine", "hers"]) {
      const outcome = await runner.run({
        words: ["git", "clone", urlOf(target, target.project), folder],
      });
      const problem = expectOutcome(outcome, { exitStatus: 0 });
      if (problem) return problem;
    }
    const log = await runner.run({
      words: ["git", "log", "--oneline", "--graph", "-5"],
      folder: `${target.folder}/mine`,
    });
    return expectOutcome(log, { exitStatus: 0 }) ??
      (log.stdout === "" ? "the clone has no commits" : undefined);
  });
}

function push(runner: DemoRunner, target: DemoTarget): Promise<void> {
  const folder = `${target.folder}/mine`;
  return runner.step("Commit and push", async () => {
    await Deno.writeTextFile(`${folder}/demo.txt`, "Pushed over SSH.\n");
    const commands = [
      ["git", "add", "demo.txt"],
      ["git", "commit", "-m", "Add a line over SSH"],
      ["git", "push", "origin", "HEAD"],
    ];
    for (const words of commands) {
      const outcome = await runner.run({ words, folder });
      const problem = expectOutcome(outcome, { exitStatus: 0 });
      if (problem) return problem;
    }
    return undefined;
  });
}

function fetch(runner: DemoRunner, target: DemoTarget): Promise<void> {
  const folder = `${target.folder}/hers`;
  return runner.step("Fetch that commit into the other clone", async () => {
    const words = ["git", "pull", "--ff-only"];
    const problem = expectOutcome(await runner.run({ words, folder }), {
      exitStatus: 0,
    });
    if (problem) return problem;
    const text = await Deno.readTextFile(`${folder}/demo.txt`)
      .catch(() => undefined);
    if (text !== "Pushed over SSH.\n") return "the pushed file did not arrive";
    const check = await runner.run({
      words: ["git", "fsck", "--full"],
      folder,
    });
    return expectOutcome(check, { exitStatus: 0 });
  });
}

function archive(runner: DemoRunner, target: DemoTarget): Promise<void> {
  return runner.step("Take an archive without cloning", async () => {
    const outcome = await runner.run({
      words: [
        "git",
        "archive",
        `--remote=${urlOf(target, target.project)}`,
        "--output=project.tar",
        "HEAD",
      ],
    });
    const problem = expectOutcome(outcome, { exitStatus: 0 });
    if (problem) return problem;
    const list = await runner.run({ words: ["tar", "-tf", "project.tar"] });
    return expectOutcome(list, { exitStatus: 0 }) ??
      (list.stdout.includes("demo.txt") ? undefined : "demo.txt is missing");
  });
}

function makeToken(runner: DemoRunner, target: DemoTarget): Promise<void> {
  return runner.step("Make an access token that ends in a month", async () => {
    const words = ["personal_access_token", "demo", "read_api", "30"];
    const outcome = await runner.run({
      words: ["ssh", ...target.sshWords, ...words],
    });
    const pattern =
      /^Token: {3}glpat-\S+\nScopes: {2}read_api\nExpires: \d{4}-\d\d-\d\d\n$/;
    return expectOutcome(outcome, { exitStatus: 0 }) ??
      (pattern.test(outcome.stdout) ? undefined : "there is no token");
  });
}

function fetchInternally(
  runner: DemoRunner,
  target: DemoTarget,
): Promise<void> {
  const { program, address, token, payload } = target.gitaly;
  const title = "Fetch as one Gitaly server does from another, without SSH";
  return runner.step(title, async () => {
    const words = ["git", "init", "-q", "--bare", "replica.git"];
    const problem = expectOutcome(await runner.run({ words }), {
      exitStatus: 0,
    });
    if (problem) return problem;
    const fetched = await runner.run({
      words: [
        "git",
        "fetch",
        "--no-write-fetch-head",
        "ssh://gitaly/internal.git",
        "+refs/heads/*:refs/heads/*",
      ],
      folder: `${target.folder}/replica.git`,
      env: {
        GITALY_ADDRESS: address,
        GITALY_TOKEN: token,
        GITALY_PAYLOAD: payload,
        GIT_SSH_COMMAND: `${program} upload-pack`,
        GIT_SSH_VARIANT: "simple",
      },
    });
    return expectOutcome(fetched, {
      exitStatus: 0,
      stderrPart: "[new branch]",
    });
  });
}

function refuseProject(runner: DemoRunner, target: DemoTarget): Promise<void> {
  const title = "Be refused a project that this key may not read";
  return runner.step(title, async () => {
    const outcome = await runner.run({
      words: ["git", "clone", urlOf(target, target.privateProject), "secret"],
    });
    return expectOutcome(outcome, {
      exitStatus: 128,
      stderrPart: "could not be found or you don't have permission to view it",
    });
  });
}

function refuseShell(runner: DemoRunner, target: DemoTarget): Promise<void> {
  return runner.step("Be refused a shell", async () => {
    const outcome = await runner.run({
      words: ["ssh", ...target.sshWords, "bash", "-i"],
    });
    return expectOutcome(outcome, {
      exitStatus: 128,
      stdout: "",
      stderrPart: "Unknown command: bash -i",
    });
  });
}

function meetRateLimit(runner: DemoRunner, target: DemoTarget): Promise<void> {
  const { rateLimit } = target;
  const title = "Meet the rate limit (lowered from 600 to " +
    `${rateLimit} calls a minute for this demo)`;
  return runner.step(title, async () => {
    const words = [
      "git",
      "ls-remote",
      urlOf(target, target.busyProject),
      "HEAD",
    ];
    // A minute of the clock may end on the way, which starts the count anew.
    for (let call = 1; call <= 2 * rateLimit + 1; call++) {
      const outcome = await runner.run({ words, isQuiet: call > 1 });
      if (outcome.exitStatus === 0) continue;
      runner.note(`after ${call - 1} calls, the same command again:`);
      runner.show(outcome);
      if (call <= rateLimit) return `refused at call ${call} already`;
      return expectOutcome(outcome, {
        exitStatus: 128,
        stderrPart: "This endpoint has been requested too many times.",
      });
    }
    return "never refused";
  });
}
