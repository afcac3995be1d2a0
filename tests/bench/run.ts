/**
 * `deno task bench`: what a user waits for and what an operator pays, every
 * rival in the same run. Prints one table; build `dist/` first.
 *
 * `deno task bench [--quick] [--out=FOLDER [--add]] [--folder=FOLDER] [family…]`
 *
 * - `--quick` does everything twice, on small repositories: whether it works.
 * - `--out` writes `performance.json` and `performance.svg` there, and puts
 *   the table into `performance.md`, if there is one.
 * - `--add` keeps what other families of an earlier run have left there.
 * - `--folder` is where repositories are made; one in memory spares the disk,
 *   but not one below /dev, which Deno keeps from programs.
 *
 * Programs with the same contract are put through the same work where the
 * environment names them: RIVAL_GITLAB_SHELL, RIVAL_GITLAB_SSHD,
 * RIVAL_KEYS_CHECK, RIVAL_PRINCIPALS_CHECK, RIVAL_GITALY_SSH; RIVAL_NAME is
 * what the tables call them.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type BenchWorld, type Family, openBenchWorld } from "./bench_world.ts";
import { FAMILIES } from "./families.ts";
import type { Question } from "./question.ts";
import { formatRows, listMisses, TABLE_HEAD } from "./report.ts";
import { loadQuestions, saveResults } from "./results.ts";

interface BenchOptions {
  readonly families: readonly Family[];
  readonly isQuick: boolean;
  readonly out: string | undefined;
  readonly keepsOthers: boolean;
  readonly folder: string | undefined;
}

function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { _: words, quick, add, out, folder, ...others } = parseArgs(
    [...args],
    { boolean: ["quick", "add"], string: ["out", "folder"] },
  );
  const names = words.map(String);
  const known = new Map(FAMILIES.map((family) => [family.name, family]));
  const families = names.length === 0
    ? FAMILIES
    : names.flatMap((name: string) => known.get(name) ?? []);
  const isGood = families.length >= names.length &&
    Object.keys(others).length === 0;
  return isGood
    ? { families, isQuick: quick, keepsOthers: add, out, folder }
    : undefined;
}

/**
 * Runs the families; one that fails is told and does not stop the others.
 * @returns Whether all of them came to their end.
 */
async function runFamilies(options: BenchOptions): Promise<boolean> {
  const { families, isQuick, folder, out, keepsOthers } = options;
  const earlier = out !== undefined && keepsOthers
    ? await loadQuestions(out)
    : [];
  const names = families.map(({ name }) => name);
  const kept = earlier.filter(({ family }) => !names.includes(family));
  const questions: Question[] = [];
  const sizes = new Set(families.flatMap((family) => family.sizesMib(isQuick)));
  await using world = await openBenchWorld({
    isQuick,
    folder,
    sizesMib: [...sizes],
  });
  let isWhole = true;
  console.log(TABLE_HEAD.join("\n"));
  for (const family of families) {
    isWhole = await runFamily(family, world, questions) && isWhole;
    // What is there is there, should a later one fail.
    if (out !== undefined) {
      await saveResults(out, order([...kept, ...questions]));
    }
  }
  for (const miss of listMisses(questions)) console.error(`Missed: ${miss}`);
  return isWhole;
}

async function runFamily(
  family: Family,
  world: BenchWorld,
  questions: Question[],
): Promise<boolean> {
  const missing = family.missing?.();
  if (missing !== undefined) {
    console.error(`${family.name} is left out: ${missing}`);
    return true;
  }
  try {
    await family.run(world, (question) => {
      questions.push(question);
      console.log(formatRows(question).join("\n"));
    });
    return true;
  } catch (error) {
    console.error(`${family.name} has failed:`, error);
    return false;
  }
}

/** As the table has them, whenever they were asked. */
function order(questions: readonly Question[]): Question[] {
  const place = (question: Question) =>
    FAMILIES.findIndex(({ name }) => name === question.family);
  return questions.toSorted((one, other) => place(one) - place(other));
}

if (import.meta.main) {
  const options = parseOptions(Deno.args);
  if (options === undefined) {
    const names = FAMILIES.map(({ name }) => name).join(", ");
    console.error(
      "Usage: deno task bench [--quick] [--out=FOLDER [--add]] " +
        `[--folder=FOLDER] [family…]\nFamilies: ${names}`,
    );
    Deno.exit(1);
  }
  if (!await runFamilies(options)) Deno.exitCode = 1;
}
