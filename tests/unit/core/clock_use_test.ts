/**
 * A wall clock may be put on or back at any time. What waits, or measures how
 * long something took, therefore asks a clock that cannot be; only what tells
 * others the time asks the wall.
 */
import { assertEquals } from "@std/assert";

const SOURCE = new URL("../../../src/", import.meta.url);
/** Stand-ins and tasks, and the one place that has the clock to give. */
const OTHERS = /^(?:devstack|build)\/|^core\/host\.ts$|^cli\/(?:demo|dev)_/;
const ALLOWED: Readonly<Record<string, string>> = {
  "gitaly/probe.ts": "signs a token",
};

async function* walk(folder: URL): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = new URL(name + (isDirectory ? "/" : ""), folder);
    if (isDirectory) yield* walk(path);
    else if (name.endsWith(".ts")) yield path.pathname;
  }
}

Deno.test("no program reads the wall clock past its host, but to sign", async () => {
  const found: string[] = [];
  for await (const path of walk(SOURCE)) {
    const name = path.slice(SOURCE.pathname.length);
    if (OTHERS.test(name)) continue;
    const text = await Deno.readTextFile(path);
    if (/\bDate\.now\(|\bnew Date\(\)/.test(text)) found.push(name);
  }
  assertEquals(found.toSorted(), Object.keys(ALLOWED).toSorted());
});
