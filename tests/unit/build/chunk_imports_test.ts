import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type ChunkImports,
  findImportFault,
  readChunkImports,
} from "../../../src/build/chunk_imports.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

const FOREIGN = "./src/cli/other.ts";
const RULES = { foreign: [FOREIGN], mayStartWithNode: false };

function bundle(
  chunks: Record<string, Partial<ChunkImports>>,
): Map<string, ChunkImports> {
  return new Map(
    Object.entries(chunks).map(([name, imports]) => [
      name,
      { atStart: [], late: [], ...imports },
    ]),
  );
}

const FAULTS = [
  [
    "a module that is not there",
    { "./main.js": { late: ["./gone.js"] } },
    './main.js imports "./gone.js"',
  ],
  [
    "a package",
    { "./main.js": { atStart: ["cpu-features"] } },
    './main.js imports "cpu-features"',
  ],
  [
    "a module of the network",
    { "./main.js": { late: ["https://example.com/a.js"] } },
    './main.js imports "https://example.com/a.js"',
  ],
  [
    "Node in the entry",
    { "./main.js": { atStart: ["node:net"] } },
    "./main.js starts with node:net",
  ],
  [
    "Node in what the program imports",
    {
      "./main.js": { late: ["./program.js"] },
      "./program.js": { atStart: ["./shared.js"] },
      "./shared.js": { atStart: ["node:module"] },
    },
    "./shared.js starts with node:module",
  ],
] as const;
for (const [what, chunks, fault] of FAULTS) {
  Deno.test(`findImportFault() finds ${what}`, () => {
    assertStrictEquals(findImportFault(bundle(chunks), RULES), fault);
  });
}

Deno.test("findImportFault() allows Node in what a program loads late", () => {
  const chunks = bundle({
    "./main.js": { late: ["./program.js", FOREIGN] },
    "./program.js": { late: ["./rare.js", "node:zlib"] },
    "./rare.js": { atStart: ["node:tls"] },
  });
  assertStrictEquals(findImportFault(chunks, RULES), undefined);
});

Deno.test("findImportFault() allows Node everywhere where it may start", () => {
  const chunks = bundle({ "./main.js": { atStart: ["node:net"] } });
  const rules = { ...RULES, mayStartWithNode: true };
  assertStrictEquals(findImportFault(chunks, rules), undefined);
});

Deno.test("readChunkImports() tells early imports from late ones", async () => {
  using folder = makeTempDir({
    "main.js": 'import{a}from"./b.js";import("./c.js");r("node:fs");' +
      'const text=\'from"./not.js" import("./nor.js")\';',
    "b.js": 'export{a}from"./c.js";',
    "c.js": "export const a=1;",
    "unused.js": "",
  });
  assertEquals(
    await readChunkImports(folder.path),
    bundle({
      "./main.js": { atStart: ["./b.js", "node:fs"], late: ["./c.js"] },
      "./b.js": { atStart: ["./c.js"] },
      "./c.js": {},
    }),
  );
});

Deno.test("readChunkImports() refuses a folder without an entry", async () => {
  using folder = makeTempDir({ "other.js": "" });
  await assertRejects(() => readChunkImports(folder.path), Error);
});
