import { assertEquals } from "@std/assert";
import {
  isLinked,
  PROGRAM_LIBRARIES,
  type ProgramLibrary,
} from "../../src/build/programs.ts";
import { programPath } from "../support/dist.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const DIST = programPath("");
const RUN_TIMEOUT_MS = 60_000;
const NOBODY = 65_534;
const OUTCOME = /V8 code cache (hit|miss) for ES module: (\S+),/g;

const LINKED = PROGRAM_LIBRARIES.filter((library) =>
  isLinked(library, "portable")
);

/** Whether `dist/` is of the form that has caches. */
const HAS_CACHE = await Deno.stat(`${DIST}lib/deno`).then(
  () => true,
  () => false,
);

/**
 * Runs a program whose launcher lets Deno say what it finds in its cache.
 * @param dist A folder like `dist/`, without a slash at its end.
 * @returns Lines like `hit main.js`.
 */
async function traceCache(
  dist: string,
  { name }: ProgramLibrary,
  user: { uid?: number; gid?: number } = {},
): Promise<string[]> {
  const launcher = await Deno.readTextFile(`${dist}/${name}`);
  const path = `${dist}/traced-${name}`;
  await Deno.writeTextFile(
    path,
    launcher.replace(/DENO_LOG=\S+/, "DENO_LOG=debug")
      .replace("  --quiet \\\n", ""),
    { mode: 0o755 },
  );
  try {
    const { stderr } = await new Deno.Command(path, {
      args: ["-version"],
      env: { PATH: Deno.env.get("PATH") ?? "" },
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
      ...user,
    }).output();
    const text = new TextDecoder().decode(stderr);
    return Array.from(
      text.matchAll(OUTCOME),
      ([, outcome, file = ""]) => `${outcome} ${file.split("/").at(-1)}`,
    );
  } finally {
    await Deno.remove(path);
  }
}

/** Digests of the databases by path; their indices are made anew at will. */
async function digestDatabases(dist: string): Promise<string[]> {
  const lines: string[] = [];
  for (const { name } of LINKED) {
    const folder = `${dist}/lib/cache/${name}`;
    for await (const entry of Deno.readDir(folder)) {
      if (!entry.isFile || entry.name.endsWith("-shm")) continue;
      const bytes = await Deno.readFile(`${folder}/${entry.name}`);
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      lines.push(`${name}/${entry.name} ${new Uint8Array(digest).toHex()}`);
    }
  }
  return lines.toSorted();
}

/** A copy of `dist/` that shares the large file. */
async function copyDist(target: string): Promise<void> {
  const { success } = await new Deno.Command("cp", {
    args: ["-R", "-p", "--reflink=auto", `${DIST}.`, target],
  }).output();
  assertEquals(success, true);
}

Deno.test({
  name: "the code of a program is in its cache, wherever dist/ lies",
  ignore: !HAS_CACHE,
  async fn() {
    using place = makeTempDir();
    const dist = `${place.path}/it's elsewhere`;
    await copyDist(dist);
    const before = await digestDatabases(dist);
    for (const library of LINKED) {
      const lines = await traceCache(dist, library);
      assertEquals(lines[0], "hit main.js", library.name);
      assertEquals(lines.filter((line) => !line.startsWith("hit ")), []);
    }
    assertEquals(await digestDatabases(dist), before);
  },
});

Deno.test({
  name: "the code of a program is found by a user who may not write",
  ignore: !HAS_CACHE || Deno.uid() !== 0,
  async fn() {
    using place = makeTempDir();
    const dist = `${place.path}/dist`;
    await copyDist(dist);
    await Deno.chmod(place.path, 0o755);
    const user = { uid: NOBODY, gid: NOBODY };
    for (const library of LINKED) {
      const lines = await traceCache(dist, library, user);
      assertEquals(lines[0], "hit main.js", library.name);
    }
  },
});

Deno.test({
  name: "a program runs without its cache",
  ignore: !HAS_CACHE,
  async fn() {
    using place = makeTempDir();
    const dist = `${place.path}/dist`;
    await copyDist(dist);
    await Deno.remove(`${dist}/lib/cache`, { recursive: true });
    // Nor can one be made.
    await Deno.writeTextFile(`${dist}/lib/cache`, "");
    for (const library of LINKED) {
      assertEquals(await traceCache(dist, library), [], library.name);
    }
    const { stdout, success } = await new Deno.Command(`${dist}/gitlab-shell`, {
      args: ["-version"],
      signal: AbortSignal.timeout(RUN_TIMEOUT_MS),
    }).output();
    assertEquals(success, true);
    const text = new TextDecoder().decode(stdout);
    assertEquals(text.startsWith("gitlab-shell "), true, text);
  },
});
