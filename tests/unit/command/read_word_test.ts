import { assertEquals } from "@std/assert";
import { readWord, scanWord } from "../../../src/command/read_word.ts";
import { readerOf } from "../../support/fake_host.ts";

const LIMIT = 1024;

const ANSWERS: readonly (readonly [
  input: string,
  word: string,
  problem?: string,
])[] = [
  ["yes\n", "yes"],
  ["yes", "yes"],
  ["yes\r\n", "yes"],
  [" yes\n", "yes"],
  ["\tyes \n", "yes"],
  ["yes please\n", "yes", "expected newline"],
  ["yes \t", "yes"],
  ["YES\n", "YES"],
  ["\nyes\n", "", "unexpected newline"],
  ["   \n", "", "unexpected newline"],
  ["\r\n", "", "unexpected newline"],
  ["\r yes\n", "yes"],
  ["", "", "EOF"],
  ["  ", "", "EOF"],
  ["yes\nno\n", "yes"],
  ["\u3000yes\u00a0\n", "yes"],
  ["\u0085yes\u2028no\n", "yes", "expected newline"],
  ["\ufeffyes\n", "\ufeffyes"],
  ["jä\n", "jä"],
  ["x\0y\n", "x\0y"],
];
for (const [input, word, problem] of ANSWERS) {
  const shown = JSON.stringify(input);
  Deno.test(`shell.md 4.3.1: readWord() finds ${JSON.stringify(word)} in ${shown}`, async () => {
    const answer = await readWord(readerOf(input), LIMIT);
    assertEquals(answer, { word, problem } as typeof answer);
  });

  Deno.test(`readWord() finds the same in ${shown} when its bytes come one by one`, async () => {
    const bytes = [...new TextEncoder().encode(input)];
    const reader = readerOf(...bytes.map((byte) => Uint8Array.of(byte)));
    const answer = await readWord(reader, LIMIT);
    assertEquals(answer, { word, problem } as typeof answer);
  });
}

const CUT: readonly (readonly [name: string, input: string, word: string])[] = [
  ["1024 times yes", "yes".repeat(1024), "yes".repeat(342).slice(0, 1024)],
  ["1021 blanks and yes", `${" ".repeat(1021)}yes\n`, "yes"],
  ["1022 blanks and yes", `${" ".repeat(1022)}yes\n`, "ye"],
  ["1024 blanks", " ".repeat(2000), ""],
];
for (const [name, input, word] of CUT) {
  Deno.test(`shell.md 4.3.1 and case 97: readWord() ends at its limit, ${name}`, async () => {
    const half = input.length >> 1;
    for (
      const reader of [
        readerOf(input),
        readerOf(input.slice(0, half), input.slice(half)),
      ]
    ) {
      assertEquals((await readWord(reader, LIMIT)).word, word);
    }
  });
}

Deno.test("readWord() reads nothing behind the line that answers", async () => {
  let reads = 0;
  const chunks = ["ye", "s\n"].map((text) => new TextEncoder().encode(text));
  await readWord({
    read() {
      reads++;
      const chunk = chunks.shift();
      if (!chunk) throw new TypeError("Read too far");
      return Promise.resolve(chunk);
    },
  }, LIMIT);
  assertEquals(reads, 2);
});

Deno.test("readWord() makes U+FFFD of what is no UTF-8", async () => {
  const bytes = Uint8Array.of(0x79, 0xff, 0x65, 0x0a);
  assertEquals((await readWord(readerOf(bytes), LIMIT)).word, "y\ufffde");
});

Deno.test("scanWord() waits until the line tells how it goes on", () => {
  for (const text of ["", " ", "\r", "y", "yes", "yes ", "yes\r"]) {
    assertEquals(scanWord(text, false), undefined);
  }
});
