/**
 * The quick YAML reader held against the complete parser.
 * @module
 */
import { assertEquals } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { readFullYaml } from "../../src/config/full_yaml.ts";
import { parseGoNumber, parseYamlBoolean } from "../../src/config/go_scalar.ts";
import { isNull, type YamlNode } from "../../src/config/yaml_node.ts";

/** What the decoder can tell apart about a node. */
type Meaning =
  | null
  | { text: string; isTyped: boolean }
  | { items: Meaning[] }
  | { entries: [key: string, value: Meaning][] };

function meaningOf(node: YamlNode): Meaning {
  if (isNull(node)) return null;
  switch (node.kind) {
    case "scalar": {
      const { text, isPlain } = node;
      return { text, isTyped: isPlain && isTypedWord(text) };
    }
    case "sequence":
      return { items: node.items.map(meaningOf) };
    case "mapping":
      return {
        entries: node.entries.map((
          { key, value },
        ) => [key, meaningOf(value)]),
      };
  }
}

/** Numbers for Go alone are left out: there the parser cannot see quotes. */
function isTypedWord(text: string): boolean {
  return parseYamlBoolean(text) !== undefined ||
    (parseGoNumber(text) !== undefined &&
      typeof parse(text, { schema: "core" }) === "number");
}

/** @throws {AssertionError} If the parser makes something else of `text`. */
export function assertSameAsFull(text: string, simple: YamlNode): void {
  const shown = JSON.stringify(text);
  let full: YamlNode;
  try {
    full = readFullYaml(text, "config.yml").root;
  } catch (error) {
    throw new Error(`The parser refuses ${shown}`, { cause: error });
  }
  assertEquals(meaningOf(simple), meaningOf(full), shown);
}
