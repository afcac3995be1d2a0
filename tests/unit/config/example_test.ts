import { assert, assertEquals } from "@std/assert";
import { CONFIG_KEYS } from "../../../src/config/config_keys.ts";
import { formatExample } from "../../../src/config/example.ts";
import { lintKeys } from "../../../src/config/lint.ts";
import { parseConfig } from "../../../src/config/parse.ts";

Deno.test("formatExample() loads as it is, with no key in vain", async () => {
  const text = formatExample();
  const { values } = await parseConfig(text, "/config.yml");
  assertEquals(values.text("user"), "git");
  assert(values.text("gitlab_url").startsWith("http+unix://"));
  assertEquals(await lintKeys(text, "/config.yml"), []);
});

Deno.test("formatExample() with every # taken away sets each key to its default", async () => {
  const text = formatExample().split("\n")
    .map((line) => /^#\s*[a-z_]+:/.test(line) ? line.slice(1) : line)
    .join("\n");
  const { values } = await parseConfig(text, "/config.yml");
  assertEquals(await lintKeys(text, "/config.yml"), []);
  const given = new Set(["user", "gitlab_url", "auth_file", "log_file"]);
  for (const row of CONFIG_KEYS) {
    assert(values.isGiven(row), row.path);
    if (!given.has(row.path)) {
      assertEquals<unknown>(values.valueOf(row), row.default, row.path);
    }
  }
});
