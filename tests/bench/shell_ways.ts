/**
 * git over a pipe, and git whose `ssh` is a script that runs gitlab-shell as
 * sshd would: all that a user waits for but the encryption.
 * @module
 */
import type { BenchWorld } from "./bench_world.ts";
import { contendersOf } from "./bench_world.ts";
import type { GitWay } from "./git_way.ts";
import { measureWords } from "./process_timer.ts";

/** Name of the limit. */
export const PIPE = "git over a pipe";
/** What Gitaly tells receive-pack, so that it does the same over a pipe. */
const RECEIVE_OPTIONS = [
  "transfer.fsckObjects=true",
  "receive.autogc=false",
  "core.fsync=objects,derived-metadata,reference",
  "core.fsyncMethod=fsync",
];

/** The pipe first. */
export async function openShellWays(world: BenchWorld): Promise<GitWay[]> {
  const options = RECEIVE_OPTIONS.map((option) => `-c ${option}`).join(" ");
  const pipe: GitWay = {
    name: PIPE,
    urlOf: (project) => world.standIn.repositoryPath(project),
    receivePack: `git ${options} receive-pack`,
  };
  const { rootPath } = await world.api(0);
  const ways = contendersOf("gitlab-shell").map(async ([name, program]) => {
    const script = `${world.folder}/ssh ${name}`.replaceAll(/[^\w/-]/g, "-");
    const metered = `${script}-metered`;
    const counter = [Deno.execPath(), ...measureWords(`${script}.json`)];
    await writeSshScript(script, { program, rootPath, counter: [] });
    await writeSshScript(metered, { program, rootPath, counter });
    const way: GitWay = {
      name,
      urlOf: (project) => `git@host:${project}.git`,
      env: { GIT_SSH_COMMAND: script },
      meterEnv: { GIT_SSH_COMMAND: metered },
      meter: () => async () =>
        JSON.parse(await Deno.readTextFile(`${script}.json`)),
    };
    return way;
  });
  return [pipe, ...await Promise.all(ways)];
}

/** Stands in for ssh; `counter` runs what follows it. */
async function writeSshScript(
  path: string,
  { program, rootPath, counter }: {
    program: string;
    rootPath: string;
    counter: readonly string[];
  },
): Promise<void> {
  const words = [...counter, program, "key-1"].map((word) => `'${word}'`);
  await Deno.writeTextFile(
    path,
    `#!/bin/sh
for last; do :; done
export SSH_ORIGINAL_COMMAND="$last"
export SSH_CONNECTION="127.0.0.1 0 127.0.0.2 65535"
export GITLAB_SHELL_DIR='${rootPath}'
exec ${words.join(" ")}
`,
    { mode: 0o755 },
  );
}
