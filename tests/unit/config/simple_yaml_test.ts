import { assert, assertEquals } from "@std/assert";
import { readSimpleYaml } from "../../../src/config/simple_yaml.ts";
import type { YamlNode } from "../../../src/config/yaml_node.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { assertSameAsFull } from "../../support/yaml_meaning.ts";

const ACCEPTED = [
  "",
  "\n# nothing\n",
  "---\n",
  "...\nuser: a\n",
  "---\n---\nuser: a\n",
  "user: a",
  "user: a\r\nlog_level: b\r\n",
  "user: a\n---\nuser: : :\n",
  "user: a\n...\n{\n",
  "user: a # comment\n",
  "user: a#b\n",
  "user: # comment\n",
  'user: "a # b" # c\n',
  "user: 'a: b'\n",
  "user: ''\n",
  "user: http://h:80/a?b=c\n",
  "user: [a, 'b', \"c\", ~]  # ] c\n",
  "user: [ ]\npat: {}\n",
  "sshd:\n  macs:\n  - a\n  - 'b'\n  listen: c\n",
  "sshd:\n    macs:\n      - a\nuser: b\n",
  "sshd:\nuser: b\n",
  "a:\n  b:\n    c: d\n  e: f\n",
  "# \u00fcber \u2013 \u4e2d\nuser: \u00e9\n",
];
for (const text of ACCEPTED) {
  const name = `readSimpleYaml() reads ${JSON.stringify(text)} as the parser`;
  Deno.test(name, () => {
    const simple = readSimpleYaml(text);
    if (!simple) throw new Error("Declined");
    assertSameAsFull(text, simple);
  });
}

const DECLINED = [
  "a: b: c\n",
  "a: b:\n",
  "a:b\n",
  "a : b\n",
  "a\n",
  "- a\n",
  " a: b\n",
  "a: b\n  c\n",
  "a: b\n  c: d\n",
  "a:\n    b: c\n  d: e\n",
  "a:\n  - b\n  c: d\n",
  "a:\n  - b: c\n",
  "a:\n  -\n    b\n",
  "a: |\n  b\n",
  "a: >\n  b\n",
  "a: &b c\n",
  "a: *b\n",
  "a: !!str b\n",
  "a: @b\n",
  "a: `b\n",
  "a: %b\n",
  "a: ? b\n",
  "a: , b\n",
  "a: - b\n",
  "a: :b\n",
  'a: "b\\n"\n',
  'a: "b"c\n',
  'a: "b"#c\n',
  'a: "b\n  c"\n',
  "a: 'it''s'\n",
  "a: [b\n",
  "a: [b]c\n",
  "a: [b,]\n",
  "a: [[b]]\n",
  "a: [b c]\n",
  "a: ['b, c']\n",
  "a: {b: c}\n",
  "a:\tb\n",
  "a: b\t# c\n",
  "a: b\rc: d\n",
  "a: \u0001\n",
  "a: b\u0085c\n",
  "a: b\u2028c\n",
  "a: \u00a0b\n",
  "a: \ud83d\ude00\n",
  "\ufeffa: b\n",
  "<<: a\n",
  '"a": b\n',
  "1: b\n",
  "--- a\n",
  "%YAML 1.1\n---\na: b\n",
  `${"k".repeat(129)}: a\n`,
  Array.from({ length: 10 }, (_, at) => `${" ".repeat(at)}k:\n`).join(""),
];
for (const text of DECLINED) {
  Deno.test(`readSimpleYaml() declines ${JSON.stringify(text)}`, () => {
    assertEquals(readSimpleYaml(text), undefined);
  });
}

Deno.test("readSimpleYaml() knows the line of every key and value", () => {
  const root = readSimpleYaml("# c\n\na: b\nc:\n\n  d:\n  - e\n  - f\n");
  const lines = collectLines(root);
  assertEquals(lines, ["a 3", "c 4", "c d 6", "c d 0 7", "c d 1 8"]);
});

/** Every key and item with its line. */
function collectLines(node: YamlNode | undefined, path = ""): string[] {
  if (node?.kind === "mapping") {
    return node.entries.flatMap(({ key, line, value }) => [
      `${path}${key} ${line}`,
      ...collectLines(value, `${path}${key} `),
    ]);
  }
  if (node?.kind !== "sequence") return [];
  return node.items.map(({ line }, at) => `${path}${at} ${line}`);
}

const LETTERS = [..."aab0159 -:#'\"[]{},&*!|>%@`?~=+._\\/<;$()^\u00e9"];
const WORDS = ["1", "true", "0x1F", "null", "-1", ".5", "[a, b]", "''", ""];
const TAILS = ["", "", " # c", "  ", "#c"];

function makeLine(random: SeededRandom): string {
  const letters = Array.from(
    { length: random.below(7) },
    () => random.pick(LETTERS),
  );
  const text = letters.join("");
  const indent = " ".repeat(random.pick([0, 0, 0, 1, 2, 2, 4]));
  const key = `${indent}${random.pick(["a", "b", "key", "x.y", "_"])}:`;
  const tail = random.pick(TAILS);
  switch (random.below(11)) {
    case 0:
      return `${indent}# ${text}`;
    case 1:
      return indent;
    case 2:
      return `${indent}- ${text}`;
    case 3:
      return key;
    case 4:
      return `${key} [${text}]${tail}`;
    case 5:
      return `${key} "${text}"${tail}`;
    case 6:
      return `${key} '${text}'${tail}`;
    case 7:
      return random.pick(["---", "...", "--- a", "---  ", key, key]);
    case 8:
      return indent + text;
    case 9:
      return `${key} ${text}${tail}`;
    default:
      return `${key}${random.pick([" ", "  ", ""])}${random.pick(WORDS)}`;
  }
}

Deno.test("readSimpleYaml() agrees with the parser on all that it reads", () => {
  const random = new SeededRandom(20_260_818);
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const lines = Array.from(
      { length: 1 + random.below(5) },
      () => makeLine(random),
    );
    const text = `${lines.join("\n")}\n`;
    const simple = readSimpleYaml(text);
    if (!simple) continue;
    accepted++;
    assertSameAsFull(text, simple);
  }
  // Otherwise the rounds prove nothing.
  assert(accepted > 2_000, `only ${accepted} accepted`);
});
