/**
 * `deno task build`: makes `dist/`, and writes nowhere else but in Deno's
 * caches. `--program-form=portable` or `compiled` asks for one form; without
 * it the compiled form is made where Deno's base runtime can be had.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  type BuildPlan,
  bundleLibraries,
  CompileError,
  makeCompiled,
  makePortable,
} from "./dist.ts";
import { replaceFolder } from "./dist_folder.ts";
import { generate } from "./gen.ts";
import type { ProgramForm } from "./programs.ts";
import { readStamp } from "./stamp.ts";

const FORMS: readonly ProgramForm[] = ["portable", "compiled"];

/** What to build, and where to. */
export interface BuildOptions {
  /** Folder of the repository. */
  readonly root: string;
  /** Replaced as a whole. */
  readonly folder: string;
  /** Absent: compiled if possible, else portable. */
  readonly form?: ProgramForm;
  readonly print: (line: string) => void;
}

/**
 * Builds every program.
 * @returns The form that was made.
 * @throws {Error} If it cannot be built; what was there before is untouched.
 */
export async function buildPrograms(
  { root, folder, form, print }: BuildOptions,
): Promise<ProgramForm> {
  const startMs = performance.now();
  await checkGenerated(root);
  const stamp = await readStamp(root);
  let made: ProgramForm = form ?? "compiled";
  await replaceFolder(folder, async (fresh) => {
    const plan: BuildPlan = { root, folder: fresh, stamp };
    await bundleLibraries(plan);
    if (made === "compiled") {
      const fault = await tryCompiled(plan);
      if (fault === undefined) return;
      if (form === "compiled") throw new CompileError(fault);
      print(
        "The compiled form cannot be made without Deno's base runtime, " +
          `which DENORT_BIN may name: ${fault}`,
      );
      made = "portable";
    }
    await makePortable(plan);
  });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  print(
    `Built ${stamp.version}-${stamp.buildTime} in ${folder} ` +
      `as the ${made} form, ${seconds} s`,
  );
  return made;
}

/** @returns Why it could not be done, or `undefined` when it was. */
async function tryCompiled(plan: BuildPlan): Promise<string | undefined> {
  try {
    await makeCompiled(plan);
    return undefined;
  } catch (error) {
    if (error instanceof CompileError) return error.message;
    throw error;
  }
}

async function checkGenerated(root: string): Promise<void> {
  for (const [name, text] of await generate()) {
    const path = `src/gitaly/gen/${name}`;
    const found = await Deno.readTextFile(`${root}/${path}`).catch(() => "");
    if (found !== text) {
      throw new Error(
        `Cannot build: ${path} is not what proto/ says, run deno task gen`,
      );
    }
  }
}

function parseForm(args: string[]): ProgramForm | undefined {
  const { _: words, ["program-form"]: given, ...others } = parseArgs(args, {
    string: ["program-form"],
  });
  const form = FORMS.find((name) => name === given);
  const isUnknown = words.length > 0 || Object.keys(others).length > 0;
  if (isUnknown || (given !== undefined && !form)) {
    console.error("Usage: deno task build [--program-form=portable|compiled]");
    Deno.exit(1);
  }
  return form;
}

if (import.meta.main) {
  const form = parseForm(Deno.args);
  const root = await Deno.realPath(new URL("../..", import.meta.url));
  try {
    await buildPrograms({
      root,
      folder: `${root}/dist`,
      ...form && { form },
      print: console.log,
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
