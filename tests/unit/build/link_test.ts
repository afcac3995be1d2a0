import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Chunk,
  linkChunk,
  linkChunks,
  linkProgram,
} from "../../../src/build/link.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

/** What the loader does with a script, which is part of a strict module. */
function runScript(
  script: string,
  load: (name: string) => unknown = () => undefined,
  imports: Record<string, unknown> = {},
): Record<string, unknown> {
  const [names, run] = new Function(`"use strict";return ${script}`)();
  return run(load, ...names.map((name: string) => imports[name]));
}

function chunk(
  text: string,
  atStart: readonly string[] = [],
  late: readonly string[] = [],
): Chunk {
  return { name: "./chunk.js", text, imports: { atStart, late } };
}

Deno.test("linkChunk() hands out what a chunk exports", () => {
  const script = linkChunk(
    chunk("var e=1,f=2,g=()=>e+f;export{e as a,g};\n"),
    false,
  );
  const { a, g } = runScript(script);
  assertStrictEquals(a, 1);
  assertStrictEquals((g as () => number)(), 3);
});

const IMPORTS = [
  ['import{a as x,b}from"./o.js";', "[x,b]"],
  ['import{a as x}from"./o.js";import{b}from"./o.js";', "[x,b]"],
  ['import*as n from"./o.js";', "[n.a,n.b]"],
  ['import d from"./o.js";', "[d.a,d.b]"],
  ['import d,{a as x}from"./o.js";', "[x,d.b]"],
  ['import"./o.js";', "[1,2]"],
  ['import { a as x, b } from "./o.js";\n', "[x,b]"],
] as const;
for (const [statement, expression] of IMPORTS) {
  Deno.test(`linkChunk() takes ${statement.trim()}`, () => {
    const text = `${statement}var r=${expression};export{r};`;
    const script = linkChunk(chunk(text, ["./o.js"]), false);
    const other = { a: 1, b: 2, default: { a: 1, b: 2 } };
    assertEquals(runScript(script, undefined, { "./o.js": other })["r"], [
      1,
      2,
    ]);
  });
}

Deno.test("linkChunk() takes imports from behind code", () => {
  const text = 'import{a}from"./o.js";var b=a;import{c as d}from"./p.js";' +
    'function f(){return d}import"./q.js";var r=[b,f()];export{r};';
  const script = linkChunk(chunk(text, ["./o.js", "./p.js", "./q.js"]), false);
  const imports = { "./o.js": { a: 1 }, "./p.js": { c: 2 }, "./q.js": {} };
  assertEquals(runScript(script, undefined, imports)["r"], [1, 2]);
});

Deno.test("linkChunk() loads late what the chunk imports late", async () => {
  const text = 'var r=async()=>(await import("./l.js")).x;export{r};';
  const script = linkChunk(chunk(text, [], ["./l.js"]), false);
  const asked: string[] = [];
  const { r } = runScript(script, (name) => {
    asked.push(name);
    return Promise.resolve({ x: 7 });
  });
  assertEquals(asked, []);
  assertStrictEquals(await (r as () => Promise<number>)(), 7);
  assertEquals(asked, ["./l.js"]);
});

Deno.test("linkChunk() lets the entry wait, and tells it that it is one", async () => {
  const script = linkChunk(
    chunk("var r=0;import.meta.main&&(r=await Promise.resolve(5));export{r};"),
    true,
  );
  assertEquals({ ...await runScript(script) }, { r: 5 });
});

Deno.test("linkChunk() keeps code strict", () => {
  const script = linkChunk(
    chunk("var r=(function(){return this})();export{r};"),
    false,
  );
  assertStrictEquals(runScript(script)["r"], undefined);
});

Deno.test("linkChunk() keeps the licence of a package", () => {
  const licence = "/*! (c) Somebody, MIT */";
  const script = linkChunk(chunk(`var e=4;export{e};\n${licence}\n`), false);
  assertStrictEquals(script.includes(licence), true);
  assertStrictEquals(runScript(script)["e"], 4);
});

Deno.test("linkChunk() takes a chunk of nothing", () => {
  assertEquals({ ...runScript(linkChunk(chunk(""), false)) }, {});
});

const REFUSED = [
  [chunk('import{a}from"./o.js";'), "an import that the parser did not see"],
  [chunk("var a;", ["./o.js"]), "an import that it does not find"],
  [chunk('import("./l.js");'), "a late import that nobody expects"],
  [chunk("var a=await b;"), "a chunk that waits at its top"],
  [chunk("var a=import.meta.url;"), "a chunk that asks where it is"],
  [chunk("export default 1;"), "an export that the bundler does not write"],
] as const;
for (const [faulty, what] of REFUSED) {
  Deno.test(`linkChunk() refuses ${what}`, () => {
    assertThrows(() => linkChunk(faulty, false), Error, "Cannot link");
  });
}

/** Chunks of a program: an entry, two late modules and what they share. */
const CHUNKS: readonly Chunk[] = [
  {
    name: "./main.js",
    text: 'import{v}from"./chunk-S.js";var m=await(Deno.args[0]==="a"?' +
      'import("./alpha-1.js"):import("./beta-2.js"));console.log(v,m.w);',
    imports: {
      atStart: ["./chunk-S.js"],
      late: ["./alpha-1.js", "./beta-2.js"],
    },
  },
  sharedChunk("./chunk-S.js", "var v=[];export{v};"),
  sharedChunk(
    "./alpha-1.js",
    'import{v}from"./chunk-S.js";v.push(1);var w="a";export{w};',
    ["./chunk-S.js"],
  ),
  sharedChunk(
    "./beta-2.js",
    'import{v}from"./chunk-S.js";import"./chunk-T.js";var w="b";export{w};',
    ["./chunk-S.js", "./chunk-T.js"],
  ),
  sharedChunk("./chunk-T.js", 'import{v}from"./chunk-S.js";v.push(2);', [
    "./chunk-S.js",
  ]),
];

function sharedChunk(
  name: string,
  text: string,
  atStart: readonly string[] = [],
): Chunk {
  return { name, text, imports: { atStart, late: [] } };
}

async function runLinked(
  files: ReadonlyMap<string, string>,
  args: readonly string[],
  main = "main.js",
): Promise<string> {
  using place = makeTempDir(Object.fromEntries(files));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--v8-flags=--disallow-code-generation-from-strings",
      "--allow-read",
      `${place.path}/${main}`,
      ...args,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const GROUPINGS = [
  [[[]], ["alpha-1.js", "beta-2.js", "chunk-T.js"]],
  [[["alpha"]], ["beta-2.js", "chunk-T.js"]],
  [[[], ["alpha", "beta"]], ["group_1.js", "whole.js"]],
  [[["alpha"], ["beta"]], ["group_1.js", "whole.js"]],
  [[[], ["beta"]], ["alpha-1.js", "group_1.js", "whole.js"]],
  [[["beta", "alpha"]], []],
] as const;
for (const [groups, others] of GROUPINGS) {
  const shown = JSON.stringify(groups);
  Deno.test(`linkChunks() puts ${shown} together and all runs`, async () => {
    const files = linkChunks(CHUNKS, groups);
    assertEquals(
      [...files.keys()].toSorted(),
      [...others, "main.js"].toSorted(),
    );
    for (const main of ["main.js", "whole.js"]) {
      if (!files.has(main)) continue;
      assertStrictEquals(await runLinked(files, ["a"], main), "[ 1 ] a\n");
      assertStrictEquals(await runLinked(files, ["b"], main), "[ 2 ] b\n");
    }
  });
}

Deno.test("linkChunks() makes a main file that does nothing unasked", async () => {
  assertStrictEquals(await runLinked(linkChunks(CHUNKS, [["alpha"]]), []), "");
});

Deno.test("linkChunks() refuses a group with a module that is not there", () => {
  assertThrows(
    () => linkChunks(CHUNKS, [["gamma"]]),
    Error,
    "Cannot place gamma",
  );
});

Deno.test("linkProgram() lets a module wait at its top", async () => {
  const source = "console.log(await Promise.resolve(Deno.args[0]));";
  const files = new Map([["main.js", linkProgram(source)]]);
  assertStrictEquals(await runLinked(files, ["x"]), "x\n");
});
