import { assertEquals, assertStrictEquals } from "@std/assert";
import { CONFIG_KEYS } from "../../../src/config/config_keys.ts";
import {
  buildConfig,
  ConfigValues,
} from "../../../src/config/config_values.ts";
import { Secret } from "../../../src/core/secret.ts";

const RESOLVED = {
  rootDir: "/srv",
  gitlabUrl: "http://h",
  secret: new Secret("s"),
  logFile: "/l",
};

/** Every leaf of an object, by dotted path. */
function leavesOf(value: unknown, path = ""): [string, unknown][] {
  const isLeaf = typeof value !== "object" || value === null ||
    Array.isArray(value) || value instanceof Secret;
  if (isLeaf) return [[path, value]];
  return Object.entries(value).flatMap(([name, member]) =>
    leavesOf(member, path === "" ? name : `${path}.${name}`)
  );
}

Deno.test("buildConfig() takes what has been resolved", () => {
  const config = buildConfig(new ConfigValues(), RESOLVED);
  assertEquals(config.rootDir, "/srv");
  assertEquals(config.gitlabUrl, "http://h");
  assertEquals(config.secret.reveal(), "s");
  assertEquals(config.logFile, "/l");
});

Deno.test("buildConfig() brings every key of the table to a place of its own", () => {
  // Resolved elsewhere, or used up on the way.
  const resolved = ["gitlab_url", "secret", "secret_file", "log_file"];
  const places = new Map<string, string>();
  const before = leavesOf(buildConfig(new ConfigValues(), RESOLVED));
  for (const row of CONFIG_KEYS) {
    const values = new ConfigValues();
    values.set(
      row,
      row.type === "string"
        ? "changed"
        : row.type === "bool"
        ? !row.default
        : row.type === "strings"
        ? ["changed"]
        : 77,
    );
    const after = leavesOf(buildConfig(values, RESOLVED));
    const changed = after.filter(([, value], at) =>
      leafText(value) !== leafText(before[at]?.[1])
    );
    if (resolved.includes(row.path)) continue;
    assertEquals(changed.length, 1, row.path);
    places.set(changed[0]?.[0] ?? "", row.path);
  }
  assertEquals(places.size, CONFIG_KEYS.length - resolved.length);
});

function leafText(value: unknown): string {
  return value instanceof Secret ? value.reveal() : JSON.stringify(value);
}

Deno.test("buildConfig() makes the server's section once", () => {
  const config = buildConfig(new ConfigValues(), RESOLVED);
  assertStrictEquals(config.sshd, config.sshd);
});

Deno.test("ConfigValues without defaults is all zeros", () => {
  const values = new ConfigValues({ hasDefaults: false });
  assertEquals(values.text("user"), "");
  assertEquals(values.number("sshd.concurrent_sessions_limit"), 0);
  assertEquals(values.milliseconds("sshd.login_grace_time"), 0);
  assertEquals(values.flag("pat.enabled"), false);
  assertEquals(values.list("sshd.host_key_files"), []);
});
