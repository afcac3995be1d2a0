/**
 * gitaly-ssh under Gitaly's own git: a fetch that brings nothing, and one that
 * brings much.
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
import { type GitWay, timeWays } from "../git_way.ts";
import { fetchWork } from "../git_works.ts";
import { measureWords, PEAK_NOTE, timeProcesses } from "../process_timer.ts";
import { PIPE } from "../shell_ways.ts";
import { bulkProject } from "../stand_in_process.ts";
import { LIST_REFS, REFS_LISTED } from "./start.ts";

const ROUNDS = 25;
const FETCH_ROUNDS = 3;
const FETCH_MIB = 512;
const QUICK_MIB = 8;

/** What Gitaly waits for when it replicates. */
export const gitalySshFamily: Family = {
  name: "gitaly-ssh",
  sizesMib: (isQuick) => [isQuick ? QUICK_MIB : FETCH_MIB],
  async run(world, tell) {
    const piped = (words: string, path: string) => [
      "-c",
      `printf '${LIST_REFS}' | exec "$0" ${words}`,
      path,
    ];
    tell({
      family: "gitaly-ssh",
      title: "git fetch of nothing new through gitaly-ssh, without git",
      unit: "ms",
      series: await timeProcesses([
        {
          name: EMPTY,
          command: "sh",
          args: piped("", world.empty),
          env: BASE_ENV,
        },
        ...contendersOf("gitaly-ssh").map(([name, path]) => ({
          name,
          command: "sh",
          args: piped("upload-pack gitaly git-upload-pack", path),
          env: { ...BASE_ENV, ...gitalyEnv(world, SAMPLE.project) },
          expects: REFS_LISTED,
        })),
      ], world.rounds(ROUNDS)),
      goals: [{ of: OURS, against: EMPTY, atMost: 2 }],
    });
    const sizeMib = world.isQuick ? QUICK_MIB : FETCH_MIB;
    tell({
      family: "gitaly-ssh",
      title: `git fetch of ${sizeMib} MiB through gitaly-ssh`,
      unit: "MiB/s",
      series: await timeWays(world, {
        ways: await openWays(world, bulkProject(sizeMib)),
        work: fetchWork(world, sizeMib),
        rounds: world.rounds(FETCH_ROUNDS),
      }),
      goals: [
        { of: OURS, against: PIPE, atLeast: 0.7 },
        { of: OURS, note: PEAK_NOTE, atMost: 100 },
      ],
    });
  },
};

/** What Gitaly would set. */
function gitalyEnv(
  { standIn }: BenchWorld,
  project: string,
): Record<string, string> {
  const relativePath = standIn.relativePath(project);
  return {
    GITALY_ADDRESS: standIn.gitalyAddress,
    GITALY_TOKEN: standIn.gitalyToken,
    GITALY_PAYLOAD: JSON.stringify({
      repository: { storageName: "default", relativePath },
      gitProtocol: "version=2",
    }),
  };
}

async function openWays(
  world: BenchWorld,
  project: string,
): Promise<GitWay[]> {
  const ways: GitWay[] = [{
    name: PIPE,
    urlOf: (name) => `file://${world.standIn.repositoryPath(name)}`,
  }];
  for (const [name, program] of contendersOf("gitaly-ssh")) {
    const result = `${world.folder}/gitaly-ssh.json`;
    const script = `${world.folder}/gitaly-ssh-${ways.length}`;
    const words = [Deno.execPath(), ...measureWords(result), program]
      .map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(
      script,
      `#!/bin/sh\nexec ${words} upload-pack "$@"\n`,
      { mode: 0o755 },
    );
    const env = {
      ...gitalyEnv(world, project),
      GIT_SSH_VARIANT: "simple",
    };
    const plain = `'${program}' upload-pack`;
    ways.push({
      name,
      urlOf: () => "ssh://gitaly/internal.git",
      env: { ...env, GIT_SSH_COMMAND: plain },
      meterEnv: { GIT_SSH_COMMAND: script },
      meter: () => async () => JSON.parse(await Deno.readTextFile(result)),
    });
  }
  return ways;
}
