/**
 * Where each millisecond of `git ls-remote` goes: one gitlab-shell from its
 * start to its exit, cut at what it asks of the runtime.
 * @module
 */
import { SAMPLE } from "../../../src/devstack/sample.ts";
import { programPath } from "../../support/dist.ts";
import { BASE_ENV, type BenchWorld, type Family } from "../bench_world.ts";
import { copyWithMarks, copyWithoutDeno, parseMarks } from "../probed_dist.ts";
import { runOnce } from "../process_timer.ts";
import { median, type Series } from "../question.ts";
import { LIST_REFS } from "./start.ts";

const ROUNDS = 40;
const LAUNCHER = "the launcher, a shell script";
/** What has been done when a mark is come to. */
const PHASES: readonly (readonly [mark: string, done: string])[] = [
  ["first line", "Deno: its own start, our file from the cache"],
  ["open 0", "arguments, environment, root directory"],
  ["open 1", "configuration read and parsed"],
  ["token begun", "log opened, command chosen, first record"],
  ["api dialled", "token signed"],
  ["api asked", "connection to the API"],
  ["api heard", "the API's own time"],
  ["gitaly dialled", "answer parsed, access judged"],
  ["gitaly asked", "connection to Gitaly, its token"],
  ["gitaly heard", "Gitaly's first answer"],
  ["output", "the call, git behind Gitaly, its first byte to us"],
  ["exit", "the rest of the list, the end of the call, last record"],
  ["end", "exit: what the kernel takes back"],
];

/** Cuts one session into its parts. */
export const phasesFamily: Family = {
  name: "phases",
  sizesMib: () => [],
  missing: () => hasPortableForm() ? undefined : "dist/ is of executables",
  async run(world, tell) {
    const program = await copyWithMarks(`${world.folder}/marked`);
    const launcher = await copyWithoutDeno(`${world.folder}/launcher`);
    const parts = new Map<string, number[]>();
    const add = (name: string, valueMs: number) =>
      parts.set(name, [...parts.get(name) ?? [], valueMs]);
    for (let round = -1; round < world.rounds(ROUNDS); round++) {
      const launcherMs = await runOnce({
        name: LAUNCHER,
        command: launcher,
        args: ["key-1"],
        env: BASE_ENV,
      });
      const found = await runMarked(world, program);
      if (round < 0) continue;
      add(LAUNCHER, launcherMs);
      for (const [name, valueMs] of found) {
        add(name, name === PHASES[0]?.[1] ? valueMs - launcherMs : valueMs);
      }
    }
    const series = [...parts].map(([name, values]): Series => ({
      name,
      values,
      notes: {},
    }));
    const totalMs = series.reduce((sum, { values }) => sum + median(values), 0);
    tell({
      family: "phases",
      title: `where ${totalMs.toFixed(1)} ms of git ls-remote go`,
      unit: "ms",
      series,
      goals: [],
      isSum: true,
      remark: "Where the milliseconds go: marks of time in a copy of " +
        "gitlab-shell, the API at 0 ms. To take them costs something itself.",
    });
  },
};

function hasPortableForm(): boolean {
  try {
    return Deno.statSync(programPath("lib/deno")).isFile;
  } catch {
    return false;
  }
}

/** One session; what each phase took, in order. */
async function runMarked(
  world: BenchWorld,
  program: string,
): Promise<[name: string, valueMs: number][]> {
  const { rootPath } = await world.api(0);
  const startMs = performance.timeOrigin + performance.now();
  const { stderr, success } = await new Deno.Command("sh", {
    args: ["-c", `printf '${LIST_REFS}' | exec "$0" key-1`, program],
    env: {
      ...BASE_ENV,
      GITLAB_SHELL_DIR: rootPath,
      GIT_PROTOCOL: "version=2",
      SSH_ORIGINAL_COMMAND: `git-upload-pack '${SAMPLE.project}'`,
    },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
  }).output();
  const endMs = performance.timeOrigin + performance.now();
  const text = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`The marked gitlab-shell failed: ${text}`);
  const marks = new Map([...parseMarks(text), ["end", endMs]]);
  let beforeMs = startMs;
  return PHASES.flatMap(([mark, done]) => {
    const atMs = marks.get(mark);
    if (atMs === undefined) return [];
    const valueMs = atMs - beforeMs;
    beforeMs = atMs;
    return [[done, valueMs]];
  });
}
