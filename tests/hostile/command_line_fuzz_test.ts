/**
 * Fuzz target: what an SSH client asks to run. A word that is split elsewhere
 * than where it was quoted would ask GitLab about another project.
 */
import { assert, assertEquals } from "@std/assert";
import { selectCommand } from "../../src/command/allowlist.ts";
import type { Config } from "../../src/config/config.ts";
import { CommandLineError } from "../../src/core/errors.ts";
import { splitCommandLine } from "../../src/git/command_line.ts";
import { parseCommandWords } from "../../src/git/command_words.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const decoder = new TextDecoder();
const CONFIG = {
  lfs: { pureSshProtocol: true },
  pat: { enabled: true, allowedScopes: [] },
} as unknown as Config;

/** Quotes a word as Git and every shell do. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

defineFuzzTarget(import.meta.url, {
  seeds: [
    "git-upload-pack 'group/project.git'",
    "git upload-archive '/a b/\\'c'",
    'git-receive-pack "group/it\'s"',
    "git-lfs-authenticate 'g/p' download 5e2dff",
    "discover $(id) `id` ; rm -rf / | cat",
    "a 2>b",
  ],
  words: ["'", '"', "\\", "`", "$(", ")", "(", ";", "\0", "git ", "\u00e9"],
  inputs: 16_000,
  outcomes: ["refused: ", "allowed", "not allowed"],
  run(input) {
    const line = decoder.decode(input);
    let words: string[];
    try {
      words = splitCommandLine(line);
    } catch (error) {
      return refusal(error, CommandLineError);
    }
    // No word has a character that the line has not, but for escapes.
    const known = new Set([...line, "\t", "\n"]);
    for (const char of words.join("")) assert(known.has(char));
    assert(words.join("").length <= line.length);
    assertEquals(splitCommandLine(words.map(quote).join(" ")), words);
    const command = selectCommand(parseCommandWords(line), CONFIG, "");
    return command ? "allowed" : "not allowed";
  },
});
