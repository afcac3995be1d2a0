import { assert, assertEquals } from "@std/assert";
import {
  permissionFlags,
  PROGRAM_LIBRARIES,
  type ProgramLibrary,
} from "../../src/build/programs.ts";

const ROOT = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/security.md", ROOT));

/** What the page says between two marks. */
function section(name: string): string {
  const [, text = ""] =
    new RegExp(`<!-- ${name} -->\n([^]*?)<!-- /${name} -->`).exec(page) ?? [];
  return text.trim();
}

function permissionRow(library: ProgramLibrary): string {
  const { programs, hidden, hiddenInSession = [], writesKeys, environment } =
    library;
  const code = (words: readonly string[]) =>
    words.map((word) => `\`${word}\``).join(", ");
  const reads = [
    hidden.length > 0 ? `not ${code(hidden)}` : "",
    hiddenInSession.length > 0
      ? `in a session not ${code([...hiddenInSession, "~/.ssh"])} (launcher)`
      : "",
  ].filter((text) => text !== "").join("; ");
  const writes = writesKeys
    ? "not the programs (launcher)"
    : "not the programs, not `~/.ssh` (launcher)";
  return `| ${
    code(programs.map(({ name }) => name))
  } | ${reads} | ${writes} | ${
    code(environment.filter((name) => name !== "CALLER_HOME"))
  } |`;
}

Deno.test("docs/security.md tells what each program may do", () => {
  assertEquals(
    section("permissions"),
    [
      "| programs | files that they read | files that they write | variables that they see |",
      "| --- | --- | --- | --- |",
      ...PROGRAM_LIBRARIES.map(permissionRow),
    ].join("\n"),
  );
});

Deno.test("docs/security.md knows of every kind of permission that is granted", () => {
  for (const library of PROGRAM_LIBRARIES) {
    const granted = permissionFlags(library)
      .filter((flag) => flag.startsWith("--allow"))
      .map((flag) => flag.replace(/=.*$/, ""));
    assertEquals(granted, [
      "--allow-read",
      "--allow-write",
      "--allow-net",
      "--allow-env",
    ]);
  }
});

Deno.test("every test that docs/security.md names is there", async () => {
  const missing: string[] = [];
  let folder = "";
  for (const [, path = ""] of page.matchAll(/`([\w/.*…]+_test\.ts)`/g)) {
    if (path.includes("*")) continue;
    // A bare name lies beside the one before it.
    if (path.includes("/")) folder = path.slice(0, path.lastIndexOf("/") + 1);
    const whole = path.includes("/") ? path : folder + path;
    const found = await Deno.stat(new URL(whole, ROOT))
      .then(() => true, () => false);
    if (!found) missing.push(whole);
  }
  assertEquals(missing, []);
});

Deno.test("docs/security.md has figures of every fuzz target", async () => {
  const figures = section("fuzz");
  for await (const { name } of Deno.readDir(new URL("tests/hostile/", ROOT))) {
    const [, target] = /^(\w+)_fuzz_test\.ts$/.exec(name) ?? [];
    assert(!target || figures.includes(`| ${target} |`), target);
  }
});
