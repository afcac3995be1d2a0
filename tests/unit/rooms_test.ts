import { assertEquals } from "@std/assert";

/** What each room may import, by the arrows of the project's layout. */
const ARROWS: ReadonlyMap<string, readonly string[]> = new Map([
  ["cli", [
    "devstack",
    "ssh",
    "command",
    "api",
    "gitaly",
    "keys",
    "git",
    "config",
    "core",
  ]],
  ["devstack", ["gitaly", "git", "keys", "config", "core"]],
  ["ssh", ["command", "api", "gitaly", "config", "core"]],
  ["command", ["api", "gitaly", "git", "config", "core"]],
  ["api", ["config", "core"]],
  ["gitaly", ["git", "core"]],
  ["keys", ["config", "core"]],
  ["git", ["core"]],
  ["config", ["core"]],
  ["core", []],
  // Run by the tasks of deno.json alone; nothing of it is in a program. It
  // describes the table of keys.
  ["build", ["config"]],
]);

/** Packages with one owner each, so that a late import stays late. */
const OWNERS:
  readonly (readonly [package_: RegExp, rooms: readonly string[]])[] = [
    [/^@grpc\/|^grpc/, ["gitaly", "devstack", "build"]],
    [/^ssh2/, ["ssh"]],
    [/^@std\/yaml/, ["config"]],
  ];

const SOURCE = new URL("../../src/", import.meta.url);
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g;

interface Import {
  file: string;
  room: string;
  target: string;
}

async function* readImports(): AsyncGenerator<Import> {
  for await (const file of walk(SOURCE)) {
    const room = file.slice(SOURCE.pathname.length).split("/")[0] ?? "";
    const text = await Deno.readTextFile(file);
    for (const [, target = ""] of text.matchAll(IMPORT)) {
      yield { file: file.slice(SOURCE.pathname.length), room, target };
    }
  }
}

async function* walk(folder: URL): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
    if (entry.isDirectory) yield* walk(path);
    else if (entry.name.endsWith(".ts")) yield path.pathname;
  }
}

Deno.test("every room imports only what its arrow allows", async () => {
  const faults: string[] = [];
  for await (const { file, room, target } of readImports()) {
    if (!target.startsWith(".")) continue;
    const path = new URL(target, new URL(file, SOURCE)).pathname;
    const other = path.slice(SOURCE.pathname.length).split("/")[0] ?? "";
    if (other === room) continue;
    if (!ARROWS.get(room)?.includes(other)) faults.push(`${file} -> ${target}`);
  }
  assertEquals(faults, []);
});

Deno.test("every package is imported by the rooms that own it", async () => {
  const faults: string[] = [];
  for await (const { file, room, target } of readImports()) {
    for (const [package_, rooms] of OWNERS) {
      if (package_.test(target) && !rooms.includes(room)) {
        faults.push(`${file} -> ${target}`);
      }
    }
  }
  assertEquals(faults, []);
});

Deno.test("no room has a barrel file", async () => {
  const barrels: string[] = [];
  for await (const file of walk(SOURCE)) {
    if (/\/(mod|index)\.ts$/.test(file)) barrels.push(file);
  }
  assertEquals(barrels, []);
});
