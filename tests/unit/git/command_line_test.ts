import { assert, assertEquals, assertThrows } from "@std/assert";
import { CommandLineError } from "../../../src/core/errors.ts";
import { splitCommandLine } from "../../../src/git/command_line.ts";

/** The examples of shell.md 2.2, row for row; `undefined` is a rejection. */
const EXAMPLES:
  readonly (readonly [line: string, words: string[] | undefined])[] = [
    ["", []],
    [" \t\r\n", []],
    ["git-upload-pack 'group/repo'", ["git-upload-pack", "group/repo"]],
    ['git-upload-pack "group/repo"', ["git-upload-pack", "group/repo"]],
    ["git-upload-pack  'a b'  ", ["git-upload-pack", "a b"]],
    ["git-upload-pack 'a''b'", ["git-upload-pack", "ab"]],
    ["git-upload-pack 'it'\\''s'", ["git-upload-pack", "it's"]],
    ['git-upload-pack "a\\"b"', ["git-upload-pack", 'a"b']],
    ["git-upload-pack 'a\\b'", ["git-upload-pack", "a\\b"]],
    ['git-upload-pack "a\\b"', ["git-upload-pack", "ab"]],
    ["git-upload-pack a\\ b", ["git-upload-pack", "a b"]],
    ["a\\tb", ["a\tb"]],
    ['"a\\tb"', ["a\tb"]],
    ["a\\nb", ["a\nb"]],
    ["'a\\nb'", ["a\\nb"]],
    ["a '' b", ["a", "", "b"]],
    ["''", [""]],
    ["git-receive-pack group/repo; any command", [
      "git-receive-pack",
      "group/repo",
    ]],
    ["a;'", ["a"]],
    [";id", []],
    ["&", []],
    ["a ';b'", ["a", ";b"]],
    ["a \\; b", ["a", ";", "b"]],
    ["a > b", ["a"]],
    ["a < b", ["a"]],
    ["a & b", ["a"]],
    ["a 2>b", ["a"]],
    ["a 2x>c", ["a"]],
    ['a "2">x', ["a"]],
    ["a ''2>b", ["a"]],
    ["a b2>c", ["a", "b2"]],
    ["a ''>b", ["a", ""]],
    ["a `b c` d", ["a", "`b c`", "d"]],
    ["a`b`c", ["a`b`c"]],
    ['"a`b"', ["a`b"]],
    ["a `'` b", undefined],
    ["a $(b c) d", ["a", "$(b c)", "d"]],
    ["a $('x y') b", ["a", "$('x y')", "b"]],
    ["\\$(a)", ["$(a)"]],
    ['"$"(a)', ["$(a)"]],
    ["'$'(a)", ["$(a)"]],
    ['"$(a)"', ["$(a)"]],
    ['"a(b)"', ["a(b)"]],
    ["'a)b'", ["a)b"]],
    ["a\\(b\\)", ["a(b)"]],
    ["$HOME", ["$HOME"]],
    ['"${HOME}"', ["${HOME}"]],
    ["(a", undefined],
    ["a(b)", undefined],
    ["a) b", undefined],
    ["$(a(b))", undefined],
    ["$(a$(b))", undefined],
    ["$(b", undefined],
    ["`b", undefined],
    ["'abc", undefined],
    ['a"b', undefined],
    ["abc\\", undefined],
    ["abc '", undefined],
    ['git receive-pack "', undefined],
    ["a #c b", ["a", "#c", "b"]],
  ];

for (const [line, words] of EXAMPLES) {
  const name = `shell.md 2.2: splitCommandLine() of ${JSON.stringify(line)}`;
  Deno.test(name, () => {
    if (words) return assertEquals(splitCommandLine(line), words);
    const error = assertThrows(() => splitCommandLine(line), CommandLineError);
    assertEquals(error.message, "invalid command line string");
  });
}

Deno.test("splitCommandLine() separates words at four characters only", () => {
  assertEquals(splitCommandLine("a\vb\fc\u00a0d\u3000e"), [
    "a\vb\fc\u00a0d\u3000e",
  ]);
});

Deno.test("splitCommandLine() keeps a line break after a backslash", () => {
  assertEquals(splitCommandLine("a\\\nb"), ["a\nb"]);
});

Deno.test("splitCommandLine() takes a character outside the BMP whole", () => {
  assertEquals(splitCommandLine("\\\u{1f600} '\u{1f600}'"), [
    "\u{1f600}",
    "\u{1f600}",
  ]);
});

Deno.test("splitCommandLine() keeps a NUL as an ordinary character", () => {
  assertEquals(splitCommandLine("a\0b c"), ["a\0b", "c"]);
});

Deno.test("splitCommandLine() gives back every word that git quotes", () => {
  const random = seeded(1);
  for (let round = 0; round < 2_000; round++) {
    const word = randomText(random, 1 + Math.floor(random() * 12));
    const line = `git-upload-pack ${quoteAsGit(word)}`;
    assertEquals(splitCommandLine(line), ["git-upload-pack", word]);
  }
});

Deno.test("splitCommandLine() ends with words or a rejection on any text", () => {
  const random = seeded(2);
  for (let round = 0; round < 20_000; round++) {
    const line = randomText(random, Math.floor(random() * 16));
    try {
      const length = splitCommandLine(line).join("").length;
      assert(length <= line.length, JSON.stringify(line));
    } catch (error) {
      assert(error instanceof CommandLineError, JSON.stringify(line));
    }
  }
});

/** How git quotes an argument for ssh: single quotes, `'` and `!` escaped. */
function quoteAsGit(word: string): string {
  return `'${word.replaceAll(/['!]/g, (char) => `'\\${char}'`)}'`;
}

function randomText(random: () => number, chars: number): string {
  const alphabet = "ab29 \t\n\\'\"`$();&|<>!#é\u{1f600}";
  const all = [...alphabet];
  return Array.from(
    { length: chars },
    () => all[Math.floor(random() * all.length)],
  ).join("");
}

/** A small generator with a seed, so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}
