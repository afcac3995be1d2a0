import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFullYaml } from "../../../src/config/full_yaml.ts";
import { findEntry } from "../../../src/config/yaml_merge.ts";
import type { YamlMapping, YamlNode } from "../../../src/config/yaml_node.ts";
import { ConfigError } from "../../../src/core/errors.ts";

const FILE = "/srv/config.yml";

function scalarAt(text: string, ...path: string[]) {
  const node = findEntry(readFullYaml(text, FILE).root, path)?.value;
  if (node?.kind !== "scalar") throw new TypeError("No scalar there");
  return { text: node.text, isPlain: node.isPlain };
}

function asMapping(node: YamlNode): YamlMapping {
  if (node.kind !== "mapping") throw new TypeError("No mapping");
  return node;
}

const SCALARS = [
  ["a: {b: 5}", { text: "5", isPlain: true }],
  ["a: {b: '5'}", { text: "5", isPlain: false }],
  ['a: {b: "0x10"}', { text: "0x10", isPlain: false }],
  ["a: {b: true}", { text: "true", isPlain: true }],
  ['a: {b: "true"}', { text: "true", isPlain: false }],
  ["a: {b: ~}", { text: "~", isPlain: true }],
  ["a: {b: }", { text: "", isPlain: true }],
  ['a: {b: "~"}', { text: "~", isPlain: false }],
  ["a: {b: !!str 5}", { text: "5", isPlain: false }],
  // The package takes these for text, so their quotes leave no trace.
  ["a: {b: 0o17}", { text: "0o17", isPlain: true }],
  ["a:\n  b: |\n    5\n", { text: "5\n", isPlain: false }],
  ["a:\n  b: >-\n    c\n    d\n", { text: "c d", isPlain: false }],
  ["x: &x {b: 1}\na: *x", { text: "1", isPlain: true }],
  ["x: &x {b: 1}\na:\n  <<: *x\n", { text: "1", isPlain: true }],
] as const;
for (const [text, scalar] of SCALARS) {
  const name = `readFullYaml() keeps text and quotes of ${
    JSON.stringify(text)
  }`;
  Deno.test(name, () => assertEquals(scalarAt(text, "a", "b"), scalar));
}

Deno.test("readFullYaml() keeps both of a doubled key, with its line", () => {
  const { root } = readFullYaml("a: {}\nb: 1\n'b': 2\n\nb: 3\n", FILE);
  const keys = asMapping(root).entries.map(({ key, line }) => [key, line]);
  assertEquals(keys, [["a", 0], ["b", 0], ["b", 3], ["b", 5]]);
});

Deno.test("readFullYaml() gives up on a file of doubled keys", () => {
  const text = "a: {}\nx: |\n  y\n" + "b: 1\n".repeat(200);
  const error = assertThrows(() => readFullYaml(text, FILE), ConfigError);
  assertEquals(
    error.message,
    "yaml: line 105: cannot store mapping pair: duplicated key",
  );
});

const FIRST_DOCUMENTS = [
  "a: {b: c}\n---\n\t: :\n",
  "---\na: {b: c}\n---\n{",
  "# c\n%YAML 1.2\n---\na: {b: c}\n...\n@",
  "a:\n  b: c\n--- x\n[",
];
for (const text of FIRST_DOCUMENTS) {
  const name = `readFullYaml() reads the first document of ${
    JSON.stringify(text)
  }`;
  Deno.test(name, () => assertEquals(scalarAt(text, "a", "b").text, "c"));
}

const PLACES = [
  ["# b: x\na:\n  c: b\n  b: {x: 1}\nb: 2\n", ["a", "b"], 4],
  ["# b: x\na:\n  c: b\n  b: {x: 1}\nb: 2\n", ["b"], 5],
  ["x: {a: {b: 1}}\na: {c: 1,\n  b: 2}\n", ["a", "b"], 3],
  ['a: {"b": "b: "}\n', ["a", "b"], 1],
  ["a: |\n  b: c\n\nb: [\n]\n", ["b"], 4],
  ["x: &x\n  b: c\na:\n  <<: *x\n", ["a", "b"], 2],
  ["b: {}\nb: 1\n", ["b"], 1],
  ["a: {b.c: 1}\n", ["a", "b.c"], 1],
  ["a: {}\n", ["a", "b"], 0],
  ["a: {}\n", [], 0],
] as const;
for (const [text, path, line] of PLACES) {
  const name = `locate() finds ${path.join(" / ")} in ${JSON.stringify(text)}`;
  Deno.test(name, () => {
    assertEquals(readFullYaml(text, FILE).locate(path), line);
  });
}

const HARMLESS_TABS = [
  "a: {\n\tb: c\n}\n",
  "a: {b: 'c'}\nd: [\n\te,\n\tf\n]\n",
  "a: {b: c}\nd: |\n  e\n  \tf: g\n",
  "a: {b: c}\nd: 'e\n\tf: g'\n",
  "a: {b: c}\n\t# d\n",
  "a:\n  b:\tc\t# d\n",
];
for (const text of HARMLESS_TABS) {
  Deno.test(`readFullYaml() accepts the tabs of ${JSON.stringify(text)}`, () => {
    assertEquals(scalarAt(text, "a", "b").text, "c");
  });
}

const FAULTS = [
  ["a: [", "line 2: cannot read flow collection: unexpected end of the stream"],
  ["a:\n\tb: c\n", "line 2: a tab cannot indent"],
  ["a: {}\nb:\n  \tc: d\n", "line 3: a tab cannot indent"],
  ["a:\n\t- b\n", "line 2: a tab cannot indent"],
  ["a: 'b\n", "line 2: unexpected end of the stream within a single quoted"],
  ["a: !custom b\n", "line 1: cannot resolve unknown tag"],
  ["a: \u0001\n", "line 1: stream contains non-printable characters"],
  ["[".repeat(100_000), "nested too deeply"],
] as const;
for (const [text, start] of FAULTS) {
  const name = `readFullYaml() refuses ${JSON.stringify(text.slice(0, 20))}`;
  Deno.test(name, () => {
    const error = assertThrows(() => readFullYaml(text, FILE), ConfigError);
    assertEquals(error.message.slice(0, 6 + start.length), `yaml: ${start}`);
    assertEquals(error.file, FILE);
  });
}

Deno.test("readFullYaml() repeats nothing of a file that it cannot read", () => {
  const texts = [
    "secret: *hunter2\n",
    "secret: !hunter2 x\n",
    "secret: 'hunter2\n",
    "secret: {hunter2\n",
    "secret: @hunter2\n",
    "secret: hunter2: hunter2\n",
    "hunter2\nsecret: x\n",
    'secret: "\\qhunter2"\n',
    "secret: !<hunter2\n",
    "secret: !<!hunter2> hunter2\n",
    "%TAG hunter2 hunter2\n",
    "%YAML hunter2\n---\n",
    "secret: !!hunter2!hunter2 x\n",
  ];
  for (const text of texts) {
    const error = assertThrows(() => readFullYaml(text, FILE), ConfigError);
    assert(!error.message.includes("hunter2"), error.message);
  }
});

Deno.test("readFullYaml() keeps aliases of aliases small", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let at = 1; at < 20; at++) {
    const alias = `*a${at - 1}`;
    lines.push(`a${at}: &a${at} [${Array(10).fill(alias).join(", ")}]`);
  }
  const { root } = readFullYaml(lines.join("\n"), FILE);
  assertEquals(asMapping(root).entries.length, 20);
});
