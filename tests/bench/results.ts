/**
 * What a run leaves behind: figures as JSON, a picture, and the table in a
 * page that has a place for it.
 * @module
 */
import { drawPerformance } from "./performance_picture.ts";
import type { Question } from "./question.ts";
import { formatTable } from "./report.ts";

/** A run, and the machine that it was on. */
interface BenchResults {
  /** Day of the run, in UTC. */
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  readonly deno: string;
  readonly processor: string;
  readonly questions: readonly Question[];
}

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";
const ROOT = new URL("../..", import.meta.url).pathname;

/** Writes `performance.json`, `performance.svg` and the table of `performance.md`. */
export async function saveResults(
  folder: string,
  questions: readonly Question[],
): Promise<void> {
  const results: BenchResults = {
    date: new Date().toISOString().slice(0, 10),
    command: ["deno task bench", ...Deno.args].join(" "),
    commit: await readCommit(),
    deno: Deno.version.deno,
    processor: await readProcessor(),
    questions,
  };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/performance.json`,
    `${JSON.stringify(results, roundNumber, 1)}\n`,
  );
  await Deno.writeTextFile(
    `${folder}/performance.svg`,
    drawPerformance(questions, describeRun(results)),
  );
  await placeTable(`${folder}/performance.md`, results);
}

/** Questions of an earlier run, if there was one. */
export async function loadQuestions(folder: string): Promise<Question[]> {
  const path = `${folder}/performance.json`;
  const text = await Deno.readTextFile(path).catch(() => undefined);
  if (text === undefined) return [];
  const { questions }: BenchResults = JSON.parse(text);
  return [...questions];
}

/** Puts the table into the page, if it has a place for it. */
async function placeTable(path: string, results: BenchResults): Promise<void> {
  const page = await Deno.readTextFile(path).catch(() => "");
  const text = `${describeRun(results)}\n\n${formatTable(results.questions)}`;
  const replaced = replaceBlock(page, text);
  if (replaced !== undefined) await Deno.writeTextFile(path, replaced);
}

/**
 * Replaces what stands between the two marks of a page.
 * @returns `undefined` if the page does not have them.
 */
export function replaceBlock(page: string, text: string): string | undefined {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) return undefined;
  return `${before}${BEGIN}\n\n${text}\n\n${END}${after}`;
}

function describeRun(
  { date, command, commit, deno, processor }: BenchResults,
): string {
  return `\`${command}\` at ${commit}, ${date}; Deno ${deno}; ${processor}.`;
}

/** Digits that no clock has are left out of the file. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}

async function readCommit(): Promise<string> {
  const { stdout } = await new Deno.Command("git", {
    args: ["-C", ROOT, "rev-parse", "--short", "HEAD"],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim() || "an unknown commit";
}

async function readProcessor(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const [, model = Deno.build.arch] = /^model name\s*: (.*)$/m.exec(text) ?? [];
  return `${navigator.hardwareConcurrency} x ${model.trim()}, ${Deno.build.os}`;
}
