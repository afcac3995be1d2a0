/**
 * What the files of a bundle import.
 *
 * A file that is missing here would be looked for at run time, in folders that
 * are not ours; a module of Node on the way to the first line of a program
 * costs it more than everything else it does.
 * @module
 */

const ENTRY = "./main.js";
const OWN_FILE = /^\.\/[^/]+\.js$/;
/** What the bundler makes of a `require`: any function, given a module. */
const REQUIRE_CALL = /(?<![\w$.])(?!import\b)[\w$]+\("(node:[a-z_/]+)"\)/g;

/** What one file of a bundle asks for. */
export interface ChunkImports {
  /** Specifiers loaded before the file runs. */
  readonly atStart: readonly string[];
  /** Specifiers loaded when the program comes to them. */
  readonly late: readonly string[];
}

/** What a bundle may import besides its own files. */
export interface ImportRules {
  /** Specifiers that may stay although nothing answers to them. */
  readonly foreign: readonly string[];
  /** Whether modules of Node may be loaded at the start. */
  readonly mayStartWithNode: boolean;
}

/** As much of what `deno info --json` prints as is used here. */
interface ModuleGraph {
  modules: {
    specifier: string;
    dependencies?: { specifier: string; isDynamic?: boolean }[];
  }[];
}

/**
 * Reads what every file of a bundle imports, as Deno's own parser sees it.
 * @param folder The bundle's folder, with `main.js` in it.
 * @returns By `./name.js`, the files that `main.js` leads to.
 * @throws {Error} If Deno cannot read the bundle.
 */
export async function readChunkImports(
  folder: string,
): Promise<Map<string, ChunkImports>> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", "--no-lock", ENTRY],
    cwd: folder,
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error(`Cannot read the imports of ${folder}`);
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  const chunks = new Map<string, ChunkImports>();
  for (const { specifier, dependencies = [] } of graph.modules) {
    const name = `./${specifier.slice(specifier.lastIndexOf("/") + 1)}`;
    if (!OWN_FILE.test(name)) continue;
    const text = await Deno.readTextFile(`${folder}/${name}`);
    const required = Array.from(
      text.matchAll(REQUIRE_CALL),
      ([, module = ""]) => module,
    );
    const named = (isLate: boolean) =>
      dependencies.filter(({ isDynamic = false }) => isDynamic === isLate)
        .map((dependency) => dependency.specifier);
    chunks.set(name, {
      atStart: [...named(false), ...required],
      late: named(true),
    });
  }
  return chunks;
}

/**
 * Looks for imports that a bundle must not have. Pure.
 * @param chunks By `./name.js`, `./main.js` among them.
 * @returns The first fault as a sentence, or `undefined`.
 */
export function findImportFault(
  chunks: ReadonlyMap<string, ChunkImports>,
  { foreign, mayStartWithNode }: ImportRules,
): string | undefined {
  for (const [name, { atStart, late }] of chunks) {
    const stray = [...atStart, ...late].find((specifier) =>
      !chunks.has(specifier) && !specifier.startsWith("node:") &&
      !foreign.includes(specifier)
    );
    if (stray !== undefined) return `${name} imports ${JSON.stringify(stray)}`;
  }
  if (mayStartWithNode) return undefined;
  for (const name of findStartChunks(chunks)) {
    const node = chunks.get(name)?.atStart
      .find((specifier) => specifier.startsWith("node:"));
    if (node !== undefined) return `${name} starts with ${node}`;
  }
  return undefined;
}

/**
 * Files that are loaded whatever the program is asked to do: those that the
 * entry imports, at once or as the program that it was told to be.
 */
function findStartChunks(
  chunks: ReadonlyMap<string, ChunkImports>,
): Set<string> {
  const found = new Set([ENTRY, ...chunks.get(ENTRY)?.late ?? []]);
  // A set that grows while it is walked is walked to its new end.
  for (const name of found) {
    for (const next of chunks.get(name)?.atStart ?? []) found.add(next);
  }
  return found;
}
