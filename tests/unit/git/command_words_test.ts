import { assertEquals } from "@std/assert";
import { parseCommandWords } from "../../../src/git/command_words.ts";

const EXAMPLES: readonly (readonly [line: string, words: string[]])[] = [
  ["git receive-pack group/repo", ["git-receive-pack", "group/repo"]],
  ["git lfs-authenticate group/repo download", [
    "git-lfs-authenticate",
    "group/repo",
    "download",
  ]],
  [`g"it" 'upload-pack' x`, ["git-upload-pack", "x"]],
  ['"git upload-pack" x', ["git upload-pack", "x"]],
  ["git", ["git"]],
  ["git ''", ["git-"]],
  ["Git upload-pack x", ["Git", "upload-pack", "x"]],
  ["", []],
];

for (const [line, words] of EXAMPLES) {
  const name = `shell.md 2.3: parseCommandWords() of ${JSON.stringify(line)}`;
  Deno.test(name, () => assertEquals(parseCommandWords(line), words));
}
