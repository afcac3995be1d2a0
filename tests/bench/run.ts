/**
 * `deno task bench`: what a user waits for and what an operator pays, every
 * rival in the same run. Prints one table; build `dist/` first.
 *
 * `deno task bench [--quick] [--out=FOLDER] [--folder=FOLDER] [family…]`
 *
 * - `--quick` does everything twice, on small repositories: whether it works.
 * - `--out` writes `performance.json` and `performance.svg` there, and puts
 *   the table into `performance.md`, if there is one.
 * - `--folder` is where repositories are made; one in memory spares the disk.
 *
 * Programs with the same contract are put through the same work where the
 * environment names them: RIVAL_GITLAB_SHELL, RIVAL_GITLAB_SSHD,
 * RIVAL_KEYS_CHECK, RIVAL_PRINCIPALS_CHECK, RIVAL_GITALY_SSH; RIVAL_NAME is
 * what the tables call them.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Family, openBenchWorld } from "./bench_world.ts";
import { FAMILIES } from "./families.ts";
import type { Question } from "./question.ts";
import { formatRows, listMisses, TABLE_HEAD } from "./report.ts";
import { saveResults } from "./results.ts";

interface BenchOptions {
  readonly families: readonly Family[];
  readonly isQuick: boolean;
  readonly out: string | undefined;
  readonly folder: string | undefined;
}

function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { _: words, quick, out, folder, ...others } = parseArgs([...args], {
    boolean: ["quick"],
    string: ["out", "folder"],
  });
  const names = words.map(String);
  const known = new Map(FAMILIES.map((family) => [family.name, family]));
  const families = names.length === 0
    ? FAMILIES
    : names.flatMap((name: string) => known.get(name) ?? []);
  const isGood = families.length >= names.length &&
    Object.keys(others).length === 0;
  return isGood ? { families, isQuick: quick, out, folder } : undefined;
}

async function runFamilies(options: BenchOptions): Promise<Question[]> {
  const { families, isQuick, folder } = options;
  const questions: Question[] = [];
  const sizes = new Set(families.flatMap((family) => family.sizesMib(isQuick)));
  await using world = await openBenchWorld({
    isQuick,
    folder,
    sizesMib: [...sizes],
  });
  console.log(TABLE_HEAD.join("\n"));
  for (const family of families) {
    const missing = family.missing?.();
    if (missing !== undefined) {
      console.error(`${family.name} is left out: ${missing}`);
      continue;
    }
    await family.run(world, (question) => {
      questions.push(question);
      console.log(formatRows(question).join("\n"));
    });
  }
  return questions;
}

if (import.meta.main) {
  const options = parseOptions(Deno.args);
  if (options === undefined) {
    const names = FAMILIES.map(({ name }) => name).join(", ");
    console.error(
      "Usage: deno task bench [--quick] [--out=FOLDER] [--folder=FOLDER] " +
        `[family…]\nFamilies: ${names}`,
    );
    Deno.exit(1);
  }
  const questions = await runFamilies(options);
  for (const miss of listMisses(questions)) console.error(`Missed: ${miss}`);
  if (options.out !== undefined) await saveResults(options.out, questions);
}
