/**
 * Turns the chunks of a bundle into scripts for a loader of our own. Pure.
 *
 * Before Deno runs a module it parses it a second time, to find what it
 * imports, and without a cache it does so at every start: 4 ms for the 53 KB
 * with which gitlab-shell begins, a third of an empty program (measured on
 * Deno 2.9.6). The build knows the imports already, so in the portable form
 * the programs that start for every session are scripts, read and evaluated
 * by a loader of a few lines. Only files beside the loader are evaluated.
 * @module
 */
import type { ChunkImports } from "./chunk_imports.ts";

/** File of the chunk that the loader starts with. */
export const ENTRY_SCRIPT = "entry.js";

const IMPORT_STATEMENT =
  /^import\s*(?:(?:([\w$]+)|\*\s*as ([\w$]+)|(?:([\w$]+)\s*,\s*)?\{([^}]*)\})\s*from\s*)?"([^"]+)";?\s*/;
/** The last statement; licences may follow it. */
const EXPORT_STATEMENT = /export\{([^}]*)\};?(\s*(?:\/\*![^]*?\*\/\s*)*)$/;
const LATE_IMPORT = /(?<![\w$.])import\("([^"]*)"/g;
const ENTRY_TEST = /(?<![\w$.])import\.meta\.main(?![\w$])/g;

/** A chunk as the bundler wrote it. */
export interface Chunk {
  readonly name: string;
  readonly text: string;
  readonly imports: ChunkImports;
}

/**
 * The loader, an ES module. Every script is an array: what it imports, and a
 * function that takes `load` and those imports and gives its exports.
 */
export const LOADER = `const folder=import.meta.dirname+"/",loaded=new Map();
function load(name){
let result=loaded.get(name);
if(!result)loaded.set(name,result=name.startsWith("./")?start(name):import(name));
return result;
}
async function start(name){
const [names,run]=(0,eval)(Deno.readTextFileSync(folder+name.slice(2)));
const imports=[];
for(const other of names)imports.push(await load(other));
return run(load,...imports);
}
await load("./${ENTRY_SCRIPT}");
`;

/**
 * Turns a chunk into a script.
 *
 * Exports are copied when the chunk has run, so a variable that changes later
 * would not be seen elsewhere: the sources have no `export let`.
 * @param isEntry Whether it is the program itself, which may wait at its top.
 * @throws {Error} If the chunk is not of the form that the bundler writes.
 */
export function linkChunk(chunk: Chunk, isEntry: boolean): string {
  const { atStart, late } = chunk.imports;
  let text = chunk.text;
  const names: string[] = [];
  const parameters = ["load"];
  for (
    let statement = IMPORT_STATEMENT.exec(text);
    statement;
    statement = IMPORT_STATEMENT.exec(text)
  ) {
    const [all, byDefault, namespace, alsoDefault, named, name = ""] =
      statement;
    names.push(name);
    parameters.push(
      namespace ?? formatPattern(byDefault ?? alsoDefault, named),
    );
    text = text.slice(all.length);
  }
  const lateNames = Array.from(text.matchAll(LATE_IMPORT), ([, name]) => name);
  const [statement = "", exported = "", licences = ""] =
    EXPORT_STATEMENT.exec(text) ?? [];
  const body = `${text.slice(0, text.length - statement.length)}${licences}`
    .replaceAll(LATE_IMPORT, 'load("$1"')
    .replaceAll(ENTRY_TEST, isEntry ? "true" : "false");
  if (!isSame(names, atStart) || !isSame(lateNames, late)) {
    throw new Error(`Cannot link ${chunk.name}: it has other imports`);
  }
  const script =
    `"use strict";[${JSON.stringify(names)},(${isEntry ? "async " : ""}` +
    `function(${parameters.join(",")}){${body}\n` +
    `return{${formatExports(exported)}}})]`;
  checkSyntax(chunk.name, script);
  return `${script}\n//# sourceURL=${chunk.name}\n`;
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
    new Function(script);
  } catch (error) {
    throw new Error(`Cannot link ${name}: it is no script`, { cause: error });
  }
}
