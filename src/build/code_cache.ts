/**
 * The cache of compiled code of the portable form.
 *
 * Deno keeps compiled code in databases below `DENO_DIR`, by address and text
 * of each module. The build makes one for each library, in a folder of
 * `dist/`, and lets it have the code of every function; afterwards it is only
 * read, by whoever may read the programs. It is as trusted as they are: who
 * could change it could change them. This is not the cache that `deno compile`
 * switches on, which lies where other users may write.
 *
 * Without a cache that fits (another copy of Deno, no /proc) the programs are
 * compiled from their text as they start, which takes 10 to 20 ms longer.
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import {
  DENO_ENVIRONMENT,
  FOLDER_DESCRIPTOR,
  folderThroughDescriptor,
} from "./launcher.ts";
import { isLinked, type ProgramLibrary, runFlags } from "./programs.ts";

/** Folder of the caches, beside the folders of the libraries. */
export const CACHE_FOLDER = "cache";
/** Imports every module of a library, so that Deno compiles them all. */
const COMPILE_ALL = "compile_all.js";
const TIMEOUT_MS = 60_000;

/**
 * Has Deno compile the files of a library and keep the code.
 * @param lib The folder `lib` of `dist/`, with `deno` and the library in it.
 * @throws {Error} If Deno cannot run the files, or keeps nothing.
 */
export async function saveCodeCache(
  lib: string,
  library: ProgramLibrary,
): Promise<void> {
  if (!isLinked(library, "portable")) return;
  const folder = `${lib}/${library.name}`;
  const names = (await Array.fromAsync(Deno.readDir(folder)))
    .map(({ name }) => name).toSorted();
  const lines = names.map((name) => `import "./${name}";\n`);
  await Deno.writeTextFile(`${folder}/${COMPILE_ALL}`, lines.join(""));
  try {
    await runOnce(lib, library, COMPILE_ALL);
  } finally {
    await Deno.remove(`${folder}/${COMPILE_ALL}`);
  }
  // Deno counts the rows of a database that is new to it; then no more.
  await runOnce(lib, library, "main.js");
  await tidyDatabases(`${lib}/${CACHE_FOLDER}/${library.name}`);
}

/** Runs one file as the launcher does, but without a program to run. */
async function runOnce(
  lib: string,
  library: ProgramLibrary,
  file: string,
): Promise<void> {
  const place = folderThroughDescriptor(library);
  const { success, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      `exec ${FOLDER_DESCRIPTOR}<"$1" && shift && exec "$@"`,
      "sh",
      lib,
      `${lib}/deno`,
      "run",
      "--quiet",
      ...runFlags(library, "portable"),
      "--no-prompt",
      `${place}/${file}`,
    ],
    clearEnv: true,
    env: {
      ...DENO_ENVIRONMENT,
      DENO_DIR: `${lib}/${CACHE_FOLDER}/${library.name}`,
      HOME: lib,
      PATH: Deno.env.get("PATH") ?? "",
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  if (!success) {
    const cause = new TextDecoder().decode(stderr).trim();
    throw new Error(`Cannot compile ${library.name}: ${cause}`);
  }
}

/** Leaves databases that are the same after every build, and only them. */
async function tidyDatabases(cache: string): Promise<void> {
  const entries = await Array.fromAsync(Deno.readDir(cache));
  for (const { name, isFile } of entries) {
    // Deno makes an empty folder here, and would make it again.
    if (isFile && !isCompanion(name)) await tidyDatabase(`${cache}/${name}`);
  }
}

/**
 * Brings a database into one file, its rows in order.
 *
 * Deno's databases have a log of what was written last, empty here, and an
 * index of that log. Without these two files a database cannot be read, and a
 * reader who may not write could not make them, so they are part of the build.
 */
async function tidyDatabase(path: string): Promise<void> {
  const database = new DatabaseSync(path);
  for (const table of listTables(database)) {
    database.exec(`
      DELETE FROM ${table} WHERE ${table === "info" ? "key" : "specifier"}
        LIKE '%/${COMPILE_ALL}';
      CREATE TEMP TABLE ordered AS SELECT * FROM ${table} ORDER BY 1, 2;
      DELETE FROM ${table};
      INSERT INTO ${table} SELECT * FROM ordered;
      DROP TABLE ordered;`);
  }
  database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  database.prepare("SELECT count(*) FROM info").get();
  const index = await Deno.readFile(`${path}-shm`);
  // Removes both files.
  database.close();
  await Deno.writeFile(`${path}-shm`, index);
  await Deno.writeFile(`${path}-wal`, new Uint8Array());
}

function listTables(database: DatabaseSync): string[] {
  return database.prepare(
    `SELECT name FROM sqlite_master WHERE type = 'table'
      AND name NOT LIKE 'sqlite_%' ORDER BY name`,
  ).all().map(({ name }) => `${name}`);
}

function isCompanion(name: string): boolean {
  return name.endsWith("-wal") || name.endsWith("-shm");
}
