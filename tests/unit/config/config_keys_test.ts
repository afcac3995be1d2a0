import { assert, assertEquals } from "@std/assert";
import { CONFIG_KEYS } from "../../../src/config/config_keys.ts";

Deno.test("CONFIG_KEYS has each path once, and none that is a section", () => {
  const paths = CONFIG_KEYS.map(({ path }) => path);
  assertEquals(new Set(paths).size, paths.length);
  for (const path of paths) {
    assert(!paths.some((other) => other.startsWith(`${path}.`)), path);
  }
});

Deno.test("CONFIG_KEYS says what each key means in one line", () => {
  for (const { path, meaning } of CONFIG_KEYS) {
    assert(/^[^\n]{10,70}[^.\n]$/.test(meaning), path);
  }
});

Deno.test("CONFIG_KEYS marks what may never be shown", () => {
  const secret = CONFIG_KEYS.filter((row) => "isSecret" in row);
  const paths = secret.map(({ path }) => path);
  assertEquals(paths, ["http_settings.password", "secret"]);
});
