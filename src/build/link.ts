/**
 * Turns the chunks of a bundle into modules for a loader of our own. Pure.
 *
 * What nearly every run needs stands in one file, `main.js`, with the loader,
 * and what Git commands need besides in a second one; every other chunk is a
 * file that is imported when it is asked for. So Deno reads one module to start
 * a program, and finds the code of all its functions in the cache that the
 * build has made (`code_cache.ts`): discover starts 4 ms sooner, a third of an
 * empty program (measured on Deno 2.9.6).
 * @module
 */
import type { ChunkImports } from "./chunk_imports.ts";

/** Name of the chunk that the loader starts with. */
export const ENTRY_CHUNK = "./main.js";
/** The main file that holds every group. */
export const WHOLE_FILE = "whole.js";

/** Imports of other packages may stand behind code of ours. */
const IMPORT_STATEMENT =
  /(?<=^|[;}\n])import\s*(?:(?:([\w$]+)|\*\s*as ([\w$]+)|(?:([\w$]+)\s*,\s*)?\{([^}]*)\})\s*from\s*)?"([^"]+)";?\s*/g;
/** The last statement; licences may follow it. */
const EXPORT_STATEMENT = /export\{([^}]*)\};?(\s*(?:\/\*![^]*?\*\/\s*)*)$/;
const LATE_IMPORT = /(?<![\w$.])import\("([^"]*)"/g;
const ENTRY_TEST = /(?<![\w$.])import\.meta\.main(?![\w$])/g;

/** Modules that a program loads together, without folder and ending. */
export type ModuleGroup = readonly string[];

/** A chunk as the bundler wrote it. */
export interface Chunk {
  readonly name: string;
  readonly text: string;
  readonly imports: ChunkImports;
}

/**
 * Links the chunks of a bundle.
 * @param chunks `ENTRY_CHUNK` among them.
 * @param groups Modules that are loaded together, by the name that the bundler
 * gives to the chunk of a late import: `discover` for
 * `./discover-GYPF5S76.js`. The first group is part of the main file, every
 * other one a file of its own. A chunk that two groups need is in the first.
 * @returns Text by name of the file; `main.js` is the one to run, or
 * `whole.js` where all groups will be needed.
 * @throws {Error} If a chunk cannot be linked, or a module has none.
 */
export function linkChunks(
  chunks: readonly Chunk[],
  groups: readonly ModuleGroup[],
): Map<string, string> {
  const byName = new Map(chunks.map((chunk) => [chunk.name, chunk]));
  const taken = new Set<string>();
  const files = new Map<string, string>();
  const places: [name: string, file: string][] = [];
  const [main = [], ...others] = groups.map((group, index) => {
    const entry = index === 0 ? [ENTRY_CHUNK] : [];
    const names = findNeeded(byName, [...entry, ...findChunks(byName, group)])
      .filter((name) => !taken.has(name));
    for (const name of names) taken.add(name);
    return names;
  });
  for (const [index, names] of others.entries()) {
    const file = `./group_${index + 1}.js`;
    files.set(file.slice(2), formatGroupFile(linkAll(byName, names)));
    places.push(...names.map((name): [string, string] => [name, file]));
  }
  for (const name of byName.keys()) {
    if (taken.has(name)) continue;
    files.set(name.slice(2), formatGroupFile(linkAll(byName, [name])));
    places.push([name, name]);
  }
  const mainFile = ENTRY_CHUNK.slice(2);
  files.set(mainFile, formatMain(linkAll(byName, main), new Map(places)));
  if (others.length > 0) {
    const late = places.filter(([name]) => !taken.has(name));
    const whole = linkAll(byName, [...taken]);
    files.set(WHOLE_FILE, formatMain(whole, new Map(late)));
  }
  return files;
}

/**
 * The main file of a program that is one module without imports at its start.
 * @param source The module's text; it may wait at its top.
 */
export function linkProgram(source: string): string {
  const script = `[[],async function(){${source}\n}]`;
  return formatMain(new Map([[ENTRY_CHUNK, script]]), new Map());
}

function findChunks(
  byName: ReadonlyMap<string, Chunk>,
  group: ModuleGroup,
): string[] {
  return group.flatMap((module) => {
    const own = [...byName.keys()].filter((name) =>
      name.startsWith(`./${module}-`)
    );
    if (own.length !== 1) {
      throw new Error(`Cannot place ${module}: it has ${own.length} chunks`);
    }
    return own;
  });
}

/** The chunks and all that is loaded before one of them. */
function findNeeded(
  byName: ReadonlyMap<string, Chunk>,
  names: readonly string[],
): string[] {
  const found = new Set(names);
  // A set that grows while it is walked is walked to its new end.
  for (const name of found) {
    for (const next of byName.get(name)?.imports.atStart ?? []) {
      if (byName.has(next)) found.add(next);
    }
  }
  return [...found];
}

function linkAll(
  byName: ReadonlyMap<string, Chunk>,
  names: readonly string[],
): Map<string, string> {
  const scripts = new Map<string, string>();
  for (const name of names) {
    const chunk = byName.get(name);
    if (chunk) scripts.set(name, linkChunk(chunk, name === ENTRY_CHUNK));
  }
  return scripts;
}

/**
 * The main file: its scripts, where the others are, and the loader. Without an
 * argument nothing is run, which is how the build has it compiled; a launcher
 * always passes one.
 */
function formatMain(
  scripts: ReadonlyMap<string, string>,
  places: ReadonlyMap<string, string>,
): string {
  return `const scripts=new Map(${formatScripts(scripts)}),loaded=new Map();
const places=new Map(${JSON.stringify([...places])});
function load(name){
let result=loaded.get(name);
if(!result)loaded.set(name,result=scripts.has(name)||places.has(name)?start(name):import(name));
return result;
}
async function start(name){
if(!scripts.has(name))for(const [other,script] of (await import(places.get(name))).default)scripts.set(other,script);
const [names,run]=scripts.get(name);
const imports=[];
for(const other of names)imports.push(await load(other));
return run(load,...imports);
}
if(Deno.args.length>0)await load(${JSON.stringify(ENTRY_CHUNK)});
`;
}

function formatGroupFile(scripts: ReadonlyMap<string, string>): string {
  return `export default ${formatScripts(scripts)};\n`;
}

/** Entries of a map, as an array literal of one line each. */
function formatScripts(scripts: ReadonlyMap<string, string>): string {
  const lines = Array.from(
    scripts,
    ([name, script]) => `[${JSON.stringify(name)},${script}]`,
  );
  return `[${lines.join(",\n")}]`;
}

/**
 * Turns a chunk into a script: an array of what it imports, and of a function
 * that takes `load` and those imports and gives its exports.
 *
 * Exports are copied when the chunk has run, so a variable that changes later
 * would not be seen elsewhere: the sources have no `export let`.
 * @param isEntry Whether it is the program itself, which may wait at its top.
 * @throws {Error} If the chunk is not of the form that the bundler writes.
 */
export function linkChunk(chunk: Chunk, isEntry: boolean): string {
  const { atStart, late } = chunk.imports;
  const names: string[] = [];
  const parameters = ["load"];
  const text = chunk.text.replaceAll(
    IMPORT_STATEMENT,
    (_, byDefault, namespace, alsoDefault, named, name) => {
      names.push(name);
      parameters.push(
        namespace ?? formatPattern(byDefault ?? alsoDefault, named),
      );
      return "";
    },
  );
  const lateNames = Array.from(text.matchAll(LATE_IMPORT), ([, name]) => name);
  const [statement = "", exported = "", licences = ""] =
    EXPORT_STATEMENT.exec(text) ?? [];
  const body = `${text.slice(0, text.length - statement.length)}${licences}`
    .replaceAll(LATE_IMPORT, 'load("$1"')
    .replaceAll(ENTRY_TEST, isEntry ? "true" : "false");
  if (!isSame(names, atStart) || !isSame(lateNames, late)) {
    throw new Error(`Cannot link ${chunk.name}: it has other imports`);
  }
  const script = `[${JSON.stringify(names)},${isEntry ? "async " : ""}` +
    `function(${parameters.join(",")}){${body}\n` +
    `return{${formatExports(exported)}}}]`;
  checkSyntax(chunk.name, script);
  return script;
}

function isSame(
  some: readonly unknown[],
  others: readonly unknown[],
): boolean {
  return new Set(some).symmetricDifference(new Set(others)).size === 0;
}

/** Parameter that takes an import apart: `{a:x,b}`. */
function formatPattern(byDefault?: string, named = ""): string {
  const parts = splitNames(named).map(([outside, inside]) =>
    inside === undefined ? outside : `${outside}:${inside}`
  );
  if (byDefault !== undefined) parts.unshift(`default:${byDefault}`);
  return `{${parts.join(",")}}`;
}

function formatExports(exported: string): string {
  return splitNames(exported).map(([inside, outside]) =>
    outside === undefined ? inside : `${outside}:${inside}`
  ).join(",");
}

/** `a as b,c` to `[["a","b"],["c"]]`. */
function splitNames(list: string): [string, string?][] {
  return list.split(",").filter((part) => part.trim() !== "").map((part) => {
    const [first = "", second] = part.trim().split(" as ");
    return second === undefined ? [first] : [first, second];
  });
}

function checkSyntax(name: string, script: string): void {
  try {
    // Compiled, not called.
    new Function(`"use strict";return ${script}`);
  } catch (error) {
    throw new Error(`Cannot link ${name}: it is no script`, { cause: error });
  }
}
