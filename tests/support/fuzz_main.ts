/**
 * `deno task fuzz [--minutes=N] [--seed=N] [--keep] [NAME…]`: feeds the fuzz
 * targets for as long as it is told to, one after the other, and prints a
 * table of what was tried. `--keep` adds inputs with a new outcome to the
 * corpus; one that breaks something is always added. The exit status is 0 only
 * if nothing broke.
 *
 * Every target has a process of its own, so that an endless loop is found too:
 * a target that says nothing for a while is ended and counts as broken.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  definedTargets,
  FuzzFailure,
  FuzzRun,
  keepInput,
  readCorpus,
} from "./fuzz_target.ts";

const FOLDER = new URL("../hostile/", import.meta.url);
const SUFFIX = "_fuzz_test.ts";
const SILENCE_MS_MAX = 30_000;
const REPORT_EVERY_MS = 1_000;
const BATCH_INPUTS = 50;

/** What a run of one target came to, as its process reports it. */
interface Report {
  readonly inputs: number;
  readonly outcomes: number;
  readonly failure?: string;
}

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly isKeeping: boolean;
}

/** Runs one target in this process; a report goes out every second. */
async function fuzzHere(name: string, options: Options): Promise<void> {
  await import(new URL(name + SUFFIX, FOLDER).href);
  const target = definedTargets().find((known) => known.name === name);
  if (!target) throw new Error(`There is no fuzz target ${name}`);
  const run = new FuzzRun(target, options.seed);
  const report = (failure?: string) => {
    const line: Report = {
      inputs: run.inputs,
      outcomes: run.outcomes.size,
      ...failure !== undefined && { failure },
    };
    console.log(JSON.stringify(line));
  };
  const endMs = performance.now() + options.seconds * 1000;
  let reportedMs = 0;
  try {
    const corpus = await readCorpus(name);
    await run.replay(corpus);
    const known = run.novel.length;
    while (performance.now() < endMs) {
      await run.make(BATCH_INPUTS);
      if (performance.now() - reportedMs < REPORT_EVERY_MS) continue;
      reportedMs = performance.now();
      report();
    }
    await run.finish();
    for (const { outcome, input } of run.novel.slice(known)) {
      if (options.isKeeping) await keepInput(name, { what: outcome, input });
    }
    report();
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    await keepInput(name, {
      what: `found: ${error.cause}`,
      input: error.input,
    });
    report(`seed ${options.seed}: ${error.message}`);
  }
}

/** Runs one target in a process of its own, and waits for it in vain at most. */
async function fuzzApart(name: string, options: Options): Promise<Report> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      import.meta.filename ?? "",
      `--only=${name}`,
      `--seconds=${options.seconds}`,
      `--seed=${options.seed}`,
      ...options.isKeeping ? ["--keep"] : [],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let last: Report = { inputs: 0, outcomes: 0 };
  const kill = () => child.kill("SIGKILL");
  let watchdog = setTimeout(kill, SILENCE_MS_MAX);
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    clearTimeout(watchdog);
    watchdog = setTimeout(kill, SILENCE_MS_MAX);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) last = JSON.parse(line);
  }
  clearTimeout(watchdog);
  const { code, signal } = await child.status;
  if (code === 0 || last.failure !== undefined) return last;
  const end = signal ? "an endless loop" : `exit status ${code}`;
  const failure = `seed ${options.seed}, after input ${last.inputs}: ${end}`;
  return { ...last, failure };
}

async function listTargets(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    if (name.endsWith(SUFFIX)) names.push(name.slice(0, -SUFFIX.length));
  }
  return names.toSorted();
}

async function fuzzAll(names: readonly string[], options: Options) {
  let failed = 0;
  let inputs = 0;
  console.log(
    "| target | inputs | outcomes | broken |\n| --- | --- | --- | --- |",
  );
  for (const name of names) {
    const report = await fuzzApart(name, options);
    if (report.failure !== undefined) failed++;
    inputs += report.inputs;
    console.log(
      `| ${name} | ${
        report.inputs.toLocaleString("en")
      } | ${report.outcomes} | ${report.failure === undefined ? 0 : 1} |`,
    );
    if (report.failure !== undefined) console.error(report.failure);
  }
  console.log(
    `\nSeed ${options.seed}, ${options.seconds.toFixed(0)} s each: ` +
      `${inputs.toLocaleString("en")} inputs, ${failed} targets broken`,
  );
  return failed;
}

if (import.meta.main) {
  const { _: words, ...given } = parseArgs(Deno.args, {
    string: ["minutes", "seconds", "seed", "only"],
    boolean: ["keep"],
    default: { minutes: "1" },
  });
  const all = await listTargets();
  const unknown = words.find((word: string | number) =>
    !all.includes(`${word}`)
  );
  const minutes = Number(given.minutes);
  if (unknown !== undefined || !(minutes > 0)) {
    console.error(
      `Usage: deno task fuzz [--minutes=N] [--seed=N] [--keep] [${
        all.join("|")
      }]`,
    );
    Deno.exit(1);
  }
  const names = words.length > 0 ? words.map(String) : all;
  const options: Options = {
    seconds: Number(given.seconds ?? minutes * 60 / names.length),
    seed: Number(given.seed ?? 1 + Math.floor(Math.random() * 0x7fff_fffe)),
    isKeeping: given.keep,
  };
  if (given.only !== undefined) await fuzzHere(given.only, options);
  else Deno.exit(await fuzzAll(names, options) === 0 ? 0 : 1);
}
