import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type BuiltProgram,
  formatCarriedScript,
  formatLauncher,
  programWord,
} from "../../../src/build/launcher.ts";
import {
  isLinked,
  permissionFlags,
  PROGRAM_LIBRARIES,
  type ProgramLibrary,
  PROGRAMS,
  runFlags,
} from "../../../src/build/programs.ts";
import { parseProgramWord } from "../../../src/cli/program_word.ts";

const STAMP = { version: "v14.56.1", buildTime: "20260901.101112" };

function libraryOf(program: string): ProgramLibrary {
  const library = PROGRAMS.get(program);
  if (!library) throw new RangeError(`There is no ${program}`);
  return library;
}

function built(library: ProgramLibrary, version = "v14.56.1"): BuiltProgram {
  return { name: library.name, library, stamp: { ...STAMP, version } };
}

Deno.test("formatLauncher() grants no network to who dials nobody", () => {
  const library = libraryOf("gitlab-shell-authorized-principals-check");
  for (const { name } of library.programs) {
    const text = formatLauncher({ ...built(library), name });
    const dials = name !== "gitlab-shell-authorized-principals-check";
    assertEquals([name, text.includes("--allow-net")], [name, dials]);
    assertEquals([name, text.includes("  --deny-net \\\n")], [name, !dials]);
  }
});

for (const library of PROGRAM_LIBRARIES) {
  Deno.test(`formatLauncher() passes every flag of ${library.name}`, () => {
    const text = formatLauncher(built(library));
    // Nothing between the command and the file but flags, each on its line.
    const [, command = ""] = text.split('exec "$folder/lib/deno" run \\\n');
    const lines = command.split(" \\\n")
      .map((line) => line.trim().replace(/^'(.*)'$/, "$1"));
    assertEquals(lines.slice(0, -2), [
      "--quiet",
      ...runFlags(library, "portable"),
      ...permissionFlags(library),
      ...isLinked(library, "portable") ? ['"--allow-read=$place"'] : [],
      '"--deny-write=$denied"',
      ...library.hiddenInSession ? ['${hidden:+"--deny-read=$hidden"}'] : [],
    ]);
    assertEquals(lines.slice(-2), [
      `"$place/$main"`,
      `${library.name}@v14.56.1-20260901.101112@"$self" "$@"`,
    ]);
  });

  Deno.test(`formatLauncher() has ${library.name} find its files and cache`, () => {
    const text = formatLauncher(built(library));
    const hasCache = isLinked(library, "portable");
    const cache = hasCache
      ? `"$folder/lib/cache/${library.name}"`
      : "/dev/null/deno";
    assertStringIncludes(text, `\nexport DENO_DIR=${cache} `);
    assertStringIncludes(text, `\nplace=$folder/lib/${library.name}\n`);
    assertEquals(
      text.includes(
        `\nexec 9<"$folder/lib"\n[ -r /proc/self/fd/9 ] && ` +
          `place=/proc/self/fd/9/${library.name}\n`,
      ),
      hasCache,
    );
  });

  Deno.test(`formatLauncher() runs all of ${library.name} where it must`, () => {
    const text = formatLauncher(built(library));
    const { wholePatterns = [] } = library;
    assertStringIncludes(text, "\nmain=main.js\n");
    assertEquals(text.includes("main=whole.js"), wholePatterns.length > 0);
    for (const pattern of wholePatterns) assertStringIncludes(text, pattern);
  });

  Deno.test(`formatLauncher() keeps what ${library.name} may read`, () => {
    const text = formatLauncher(built(library));
    const [, patterns = ""] = /case \$word in\n([^)]*)\) ;;/.exec(text) ?? [];
    const kept = patterns.split("|\\\n").map((line) => line.trim());
    const expected = library.environment
      .filter((name) => !["CALLER_HOME", "DENO_TLS_CA_STORE"].includes(name))
      .map((name) => `${name}=*`);
    assertEquals(kept, expected);
  });
}

Deno.test("formatLauncher() keeps the caller's home folder from Deno", () => {
  for (const library of PROGRAM_LIBRARIES) {
    const text = formatLauncher(built(library));
    assertStringIncludes(text, '\nexport HOME="$folder/lib"\n');
    assertEquals(
      text.includes("CALLER_HOME=${HOME-}"),
      library.environment.includes("HOME"),
    );
  }
});

Deno.test("programWord() is what parseProgramWord() takes apart", () => {
  const library = libraryOf("gitlab-shell");
  for (const version of ["v14.56.1", "v1.2.3-4-gabcdef0"]) {
    assertEquals(parseProgramWord(programWord(built(library, version))), {
      program: "gitlab-shell",
      build: { version, buildTime: STAMP.buildTime },
      isBuilt: true,
      launcherPath: undefined,
    });
  }
});

Deno.test("programWord() is one word of the shell whatever the version", () => {
  const library = libraryOf("gitlab-shell");
  const word = programWord(built(library, "(it's unknown) $x"));
  assertEquals(
    word,
    `'gitlab-shell@(it'\\''s unknown) $x-20260901.101112'`,
  );
});

Deno.test("formatCarriedScript() starts the executable beside it", () => {
  const library = libraryOf("gitlab-shell-check");
  const text = formatCarriedScript({
    name: "gitlab-shell-check",
    library,
    stamp: STAMP,
  });
  assertStringIncludes(
    text,
    'exec "$folder/gitlab-keys" ' +
      'gitlab-shell-check@v14.56.1-20260901.101112@"$self" "$@"\n',
  );
});
