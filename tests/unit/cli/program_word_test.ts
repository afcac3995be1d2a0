import { assertEquals } from "@std/assert";
import { parseProgramWord } from "../../../src/cli/program_word.ts";

const UNSTAMPED = {
  version: "(unknown version)",
  buildTime: "19700101.000000",
};
const STAMPED = { version: "v1.2-3-gabc", buildTime: "20260901.101112" };

const WORDS = [
  ["gitlab-shell", "gitlab-shell", UNSTAMPED, false, undefined],
  ["", "", UNSTAMPED, false, undefined],
  [
    "gitlab-keys@v1.2-3-gabc-20260901.101112",
    "gitlab-keys",
    STAMPED,
    true,
    undefined,
  ],
  [
    "a@v1.2-3-gabc-20260901.101112@/opt/a b/x",
    "a",
    STAMPED,
    true,
    "/opt/a b/x",
  ],
  [
    "a@v1.2-3-gabc-20260901.101112@/home/me@work/x@y",
    "a",
    STAMPED,
    true,
    "/home/me@work/x@y",
  ],
  ["a@v1.2-3-gabc-20260901.101112@", "a", STAMPED, true, ""],
  ["a@nothing", "a", UNSTAMPED, true, undefined],
] as const;
for (const [word, program, build, isBuilt, launcherPath] of WORDS) {
  Deno.test(`parseProgramWord() of ${JSON.stringify(word)}`, () => {
    assertEquals(parseProgramWord(word), {
      program,
      build,
      isBuilt,
      launcherPath,
    });
  });
}
