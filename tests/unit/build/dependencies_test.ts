import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  parseAudit,
  parseLock,
  parseOutdated,
} from "../../../src/build/outdated.ts";

const ROOT = new URL("../../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));
/** Licences that let the programs be passed on as they are. */
const LICENCES = ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unlicense"];

async function readTable(): Promise<string[][]> {
  const text = await read("docs/dependencies.md");
  return text.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .slice(2);
}

Deno.test("docs/dependencies.md has every package of the lock file, and no other", async () => {
  const locked = parseLock(await read("deno.lock"));
  const documented = (await readTable())
    .map(([name = "", version = ""]) => ({ name, version }));
  const byName = (left: { name: string }, right: { name: string }) =>
    left.name < right.name ? -1 : 1;
  assertEquals(documented.toSorted(byName), locked.toSorted(byName));
});

Deno.test("docs/dependencies.md gives each package a licence and a reason", async () => {
  for (const [name, , licence = "", by, where, reason] of await readTable()) {
    assert(LICENCES.includes(licence), `${name}: ${licence}`);
    assert(by && where && reason, name);
  }
});

Deno.test("deno.json names exact versions, and what the lock file has is all there is", async () => {
  const { imports, lock, nodeModulesDir, allowScripts } = JSON.parse(
    await read("deno.json"),
  );
  const versions = new Set(
    parseLock(await read("deno.lock"))
      .map(({ name, version }) => `${name}@${version}`),
  );
  for (const specifier of Object.values<string>(imports)) {
    assertMatch(
      specifier,
      /^npm:\/?(?:@[a-z]+\/)?[a-z0-9-]+@\d+\.\d+\.\d+(?:\/|$)/,
    );
    const [, name = ""] = /^npm:\/?((?:@[a-z]+\/)?[^/]+)/.exec(specifier) ?? [];
    assert(versions.has(name), name);
  }
  assertEquals(lock, { path: "./deno.lock", frozen: true });
  assertEquals(nodeModulesDir, "none");
  assertEquals(allowScripts.allow, []);
});

Deno.test("every package of the lock file has its digest", async () => {
  const { npm }: { npm: Record<string, { integrity?: string }> } = JSON.parse(
    await read("deno.lock"),
  );
  for (const [name, { integrity = "" }] of Object.entries(npm)) {
    assertMatch(integrity, /^sha512-/, name);
  }
});

Deno.test("a lock file that is not about these packages ends the run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const settings = JSON.parse(await read("deno.json"));
    delete settings.imports["@grpc/grpc-js"];
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(settings));
    await Deno.copyFile(new URL("deno.lock", ROOT), `${folder}/deno.lock`);
    await Deno.writeTextFile(`${folder}/a.ts`, "export {};\n");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--cached-only", "a.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(success, false);
    assertMatch(new TextDecoder().decode(stderr), /lockfile is out of date/i);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("parseOutdated() tells what is newer than what is used", () => {
  const locked = [
    { name: "a", version: "1.0.0" },
    { name: "b", version: "2.0.0" },
  ];
  const text = '{"a":{"latest":"1.0.1"},"b":{"latest":"2.0.0"},"c":{}}';
  assertEquals(parseOutdated(text, locked), [
    { name: "a", version: "1.0.0", latest: "1.0.1" },
  ]);
  assertEquals(parseOutdated("", locked), []);
});

Deno.test("parseAudit() lists advisories, or says that there is no telling", () => {
  const text = JSON.stringify({
    vulnerabilities: {
      a: { severity: "high", via: [{ title: "Eats all" }, "b"] },
      b: {},
    },
  });
  assertEquals(parseAudit(text), [
    { name: "a", severity: "high", title: "Eats all" },
  ]);
  assertEquals(
    parseAudit('{"message":"405 Method Not Allowed - POST https://x/y"}'),
    "405 Method Not Allowed",
  );
  assertEquals(parseAudit(""), "no answer");
});
