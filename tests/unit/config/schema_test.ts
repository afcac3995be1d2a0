import { assert, assertEquals, assertMatch } from "@std/assert";
import { CONFIG_KEYS } from "../../../src/config/config_keys.ts";
import { formatConfigSchema } from "../../../src/config/schema.ts";

const FILE = new URL("../../../docs/config.schema.json", import.meta.url);

Deno.test("docs/config.schema.json is what the table of keys says", async () => {
  assertEquals(
    await Deno.readTextFile(FILE),
    formatConfigSchema(),
    "run: deno run main.ts gitlab-shell config schema > docs/config.schema.json",
  );
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly default?: unknown;
  readonly writeOnly?: boolean;
  readonly anyOf?: readonly { readonly pattern?: string }[];
}

function find(path: string): Node | undefined {
  let node: Node | undefined = JSON.parse(formatConfigSchema());
  for (const name of path.split(".")) node = node?.properties?.[name];
  return node;
}

Deno.test("formatConfigSchema() has every key, and no secret's default", () => {
  for (const { path } of CONFIG_KEYS) assert(find(path), path);
  assertEquals(find("secret")?.writeOnly, true);
  assertEquals(find("secret")?.default, undefined);
  assertEquals(find("sshd.grace_period")?.default, "10s");
  assertEquals(find("pat.enabled")?.default, true);
});

Deno.test("the pattern of durations accepts what the parser accepts, keys-and-config.md cases 123 to 125", () => {
  const pattern = find("topology_service.timeout")?.anyOf?.[1]?.pattern ?? "";
  for (const text of ["10s", "1m30s", "500ms", "1.5h", "-2s", "0"]) {
    assertMatch(text, new RegExp(pattern, "u"));
  }
  for (const text of ["5", "1d", "", "s"]) {
    assert(!new RegExp(pattern, "u").test(text), text);
  }
});
