/**
 * Fills `dist/` in one of its two forms.
 * @module
 */
import { bundleLibrary } from "./bundle.ts";
import { readChunkImports } from "./chunk_imports.ts";
import { compileLibrary } from "./compile.ts";
import {
  type BuiltProgram,
  formatCarriedScript,
  formatLauncher,
} from "./launcher.ts";
import { saveCodeCache } from "./code_cache.ts";
import { linkChunks, linkProgram } from "./link.ts";
import {
  isLinked,
  PROGRAM_LIBRARIES,
  type ProgramLibrary,
} from "./programs.ts";
import type { Stamp } from "./stamp.ts";

/** How to build. */
export interface BuildPlan {
  /** Folder of the repository. */
  readonly root: string;
  /** The folder to fill, empty now. */
  readonly folder: string;
  readonly stamp: Stamp;
}

/** A program of one module, for benchmarks and tests. */
export interface SingleProgram {
  readonly name: string;
  /** Text of the module. */
  readonly source: string;
  /** Whose permissions it gets; gitlab-shell's when left out. */
  readonly model?: ProgramLibrary;
}

/** The compiled form cannot be made here. */
export class CompileError extends Error {
  override name = "CompileError";
}

/**
 * Bundles every library into `lib/`.
 * @throws {Error} If one cannot be bundled.
 */
export async function bundleLibraries(plan: BuildPlan): Promise<void> {
  const bundle = async (library: ProgramLibrary) => {
    const folder = `${plan.folder}/lib/${library.name}`;
    await Deno.mkdir(folder, { recursive: true });
    await bundleLibrary(library, plan.root, folder);
  };
  // The first run of the bundler ever fetches it, and two at once get in each
  // other's way (Deno 2.9.6).
  const [first, ...others] = PROGRAM_LIBRARIES;
  if (first) await bundle(first);
  await Promise.all(others.map(bundle));
}

/** Adds Deno and a launcher for each program to the bundles in `lib/`. */
export async function makePortable(plan: BuildPlan): Promise<void> {
  await placeDeno(`${plan.folder}/lib/deno`);
  for (const library of PROGRAM_LIBRARIES) {
    if (!isLinked(library, "portable")) continue;
    await linkLibrary(`${plan.folder}/lib/${library.name}`, library);
    await saveCodeCache(`${plan.folder}/lib`, library);
  }
  for (const program of builtPrograms(plan.stamp)) {
    await saveScript(
      `${plan.folder}/${program.name}`,
      formatLauncher(program),
    );
  }
}

/**
 * Turns the bundles in `lib/` into executables.
 * @throws {CompileError} If Deno cannot compile here, with its reason.
 */
export async function makeCompiled(plan: BuildPlan): Promise<void> {
  const { folder, stamp } = plan;
  // One after the other: the first learns whether it can be done at all.
  for (const library of PROGRAM_LIBRARIES) {
    const fault = await compileLibrary({
      library,
      stamp,
      entry: `${folder}/lib/${library.name}/main.js`,
      output: `${folder}/${library.name}`,
      scratch: folder,
    });
    if (fault !== undefined) throw new CompileError(fault);
  }
  await Deno.remove(`${folder}/lib`, { recursive: true });
  for (const program of builtPrograms(stamp)) {
    if (program.name === program.library.name) continue;
    await saveScript(
      `${folder}/${program.name}`,
      formatCarriedScript(program),
    );
  }
}

/**
 * Makes a program that does nothing, in the portable form, for benchmarks to
 * compare with: what is left is the launcher and the start of Deno.
 * @param folder Made if it is missing.
 * @returns Path of the program.
 */
export function buildEmptyProgram(folder: string): Promise<string> {
  return buildSingleProgram(folder, {
    name: "empty",
    source: "Deno.exit(0);\n",
  });
}

/**
 * Makes a portable program of one module, which may do what the programs of a
 * library may do.
 * @param folder Made if it is missing.
 * @returns Path of the program.
 */
export async function buildSingleProgram(
  folder: string,
  { name, source, model = PROGRAM_LIBRARIES[0] }: SingleProgram,
): Promise<string> {
  if (!model) throw new RangeError("Cannot build: there is no library");
  const library: ProgramLibrary = { ...model, name };
  const stamp = { version: "v0.0.0", buildTime: "19700101.000000" };
  await Deno.mkdir(`${folder}/lib/${name}`, { recursive: true });
  await placeDeno(`${folder}/lib/deno`);
  const hasCache = isLinked(library, "portable");
  const text = hasCache ? linkProgram(source) : source;
  await Deno.writeTextFile(`${folder}/lib/${name}/main.js`, text);
  if (hasCache) await saveCodeCache(`${folder}/lib`, library);
  const path = `${folder}/${name}`;
  await saveScript(path, formatLauncher({ name, library, stamp }));
  return path;
}

/** Puts the files that our loader reads in the place of a bundle's modules. */
async function linkLibrary(
  folder: string,
  { groups }: ProgramLibrary,
): Promise<void> {
  const chunks = [];
  for (const [name, imports] of await readChunkImports(folder)) {
    const text = await Deno.readTextFile(`${folder}/${name}`);
    chunks.push({ name, text, imports });
  }
  for await (const { name } of Deno.readDir(folder)) {
    await Deno.remove(`${folder}/${name}`);
  }
  for (const [name, text] of linkChunks(chunks, groups)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

function builtPrograms(stamp: Stamp): BuiltProgram[] {
  return PROGRAM_LIBRARIES.flatMap((library) =>
    library.programs.map(({ name }) => ({ name, library, stamp }))
  );
}

async function saveScript(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, 0o755);
}

/** A hard link takes no space and no time; over a mount it is a copy. */
async function placeDeno(path: string): Promise<void> {
  const source = await Deno.realPath(Deno.execPath());
  try {
    await Deno.link(source, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    await Deno.copyFile(source, path);
    await Deno.chmod(path, 0o755);
  }
}
