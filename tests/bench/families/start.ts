/**
 * What a user waits for before anything happens: programs from start to exit,
 * with an internal API that costs nothing and ones that take their time.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import {
  BASE_ENV,
  type BenchWorld,
  contendersOf,
  EMPTY,
  type Family,
  OURS,
} from "../bench_world.ts";
import { type Contender, PEAK_NOTE, timeProcesses } from "../process_timer.ts";
import type { Goal, Question } from "../question.ts";
import { timeWarmCall } from "../warm_call.ts";

const ROUNDS = 25;
/** Milliseconds that the API takes; GitLab's usual are 20 to 100. */
const API_DELAYS_MS = [0, 20, 50, 100];
/** What git says to list the refs: one request of protocol 2, and the end. */
export const LIST_REFS = "0014command=ls-refs\\n00000000";
/** What must be in the answer. */
export const REFS_LISTED = /refs\/heads\/main/;

/** Start of the one-shot programs. */
export const startFamily: Family = {
  name: "start",
  sizesMib: () => [],
  async run(world, tell) {
    const rounds = world.rounds(ROUNDS);
    const { rootPath } = await world.api(0);
    const env = { ...BASE_ENV, GITLAB_SHELL_DIR: rootPath };
    const floor = { name: EMPTY, command: world.empty, args: [], env };
    const ask = async (
      title: string,
      contenders: readonly Contender[],
      goals: readonly Goal[],
    ) => {
      const series = await timeProcesses(contenders, rounds);
      tell({ family: "start", title, unit: "ms", series, goals });
    };
    await ask("key lookup, which sshd waits for at each login", [
      floor,
      ...lookups(world, env),
      { name: "/bin/true", command: "/bin/true", args: [], env },
    ], boundBy(1.25, 42));
    await ask("principals of a certificate, asked by sshd", [
      floor,
      ...principals(env),
    ], boundBy(1.3));
    await ask("discover: ssh git@host, without ssh", [
      floor,
      ...discovers(env),
    ], boundBy(1.35, 45));
    for (const delayMs of API_DELAYS_MS) {
      tell(await askLsRemote(world, delayMs));
    }
  },
};

/** At most so many times E, and so many MiB. */
function boundBy(atMost: number, peakMib?: number): Goal[] {
  const goals: Goal[] = [{ of: OURS, against: EMPTY, atMost }];
  if (peakMib !== undefined) {
    goals.push({ of: OURS, note: PEAK_NOTE, atMost: peakMib });
  }
  return goals;
}

function lookups(
  { keys }: BenchWorld,
  env: Readonly<Record<string, string>>,
): Contender[] {
  const blob = keys.userPublicKey.split(" ")[1] ?? "";
  return contendersOf("gitlab-shell-authorized-keys-check").map((
    [name, command],
  ) => ({
    name,
    command,
    args: ["git", "git", blob],
    env,
    expects: /^command=".*gitlab-shell key-1",/,
  }));
}

function principals(env: Readonly<Record<string, string>>): Contender[] {
  return contendersOf("gitlab-shell-authorized-principals-check").map((
    [name, command],
  ) => ({
    name,
    command,
    args: [SAMPLE.username, "sshUsers"],
    env,
    expects: /^command=".*gitlab-shell username-mira",.* sshUsers\n$/,
  }));
}

function discovers(env: Readonly<Record<string, string>>): Contender[] {
  return contendersOf("gitlab-shell").map(([name, command]) => ({
    name,
    command,
    args: ["key-1"],
    env,
    expects: `Welcome to GitLab, @${SAMPLE.username}!\n`,
  }));
}

/** Lists the refs as `git ls-remote` does, without ssh and git's own start. */
async function askLsRemote(
  world: BenchWorld,
  delayMs: number,
): Promise<Question> {
  const { rootPath } = await world.api(delayMs);
  const env = {
    ...BASE_ENV,
    GITLAB_SHELL_DIR: rootPath,
    GIT_PROTOCOL: "version=2",
    SSH_ORIGINAL_COMMAND: `git-upload-pack '${SAMPLE.project}'`,
  };
  const repository = world.standIn.repositoryPath(SAMPLE.project);
  const piped = (words: string, name: string, ...args: string[]) => ({
    name,
    command: "sh",
    args: ["-c", `printf '${LIST_REFS}' | exec "$0" ${words}`, ...args],
    env,
  });
  const rounds = world.rounds(ROUNDS);
  const series = await timeProcesses([
    // The word would have its launcher look for a file that it has not.
    { ...piped("", EMPTY, world.empty), env: BASE_ENV },
    ...contendersOf("gitlab-shell").map(([name, path]) => ({
      ...piped("key-1", name, path),
      expects: REFS_LISTED,
    })),
    {
      ...piped('upload-pack "$1"', "git upload-pack itself", "git", repository),
      expects: REFS_LISTED,
    },
  ], rounds);
  series.push(await timeWarmCall(world.standIn, rounds));
  const goals: Goal[] = delayMs === 0
    ? boundBy(1.9, 42)
    : [{ of: OURS, against: EMPTY, atMost: 2.5, less: delayMs }];
  return {
    family: "start",
    title: `git ls-remote, without ssh; the API takes ${delayMs} ms`,
    unit: "ms",
    series,
    goals,
    remark: "The last two rows are the share that is not ours: git, and git " +
      "behind the Gitaly stand-in, asked by a program that runs already.",
  };
}
