/**
 * The documents against what they speak of: files that they link to or name,
 * commands and keys that they show.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { COMPLETIONS } from "../../src/build/package/completions.ts";
import { CONFIG_KEYS } from "../../src/config/config_keys.ts";
import { lintKeys } from "../../src/config/lint.ts";

const ROOT = new URL("../../", import.meta.url);
/** Names of checks, as the sources of doctor have them. */
const CHECKS = await readCheckNames();

async function readCheckNames(): Promise<Set<string>> {
  const names = new Set<string>();
  const folder = new URL("src/cli/", ROOT);
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.startsWith("doctor")) continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    for (const [, id = ""] of text.matchAll(/timed\(\s*"([a-z_.]+)"/g)) {
      names.add(id);
    }
  }
  return names;
}

async function* walk(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) yield* walk(url);
    else yield url;
  }
}

async function readDocuments(): Promise<
  Map<string, { url: URL; text: string }>
> {
  const documents = new Map<string, { url: URL; text: string }>();
  const urls = [new URL("README.md", ROOT)];
  for await (const url of walk(new URL("docs/", ROOT))) {
    if (url.pathname.endsWith(".md")) urls.push(url);
  }
  for (const url of urls) {
    const name = url.pathname.slice(ROOT.pathname.length);
    documents.set(name, { url, text: await Deno.readTextFile(url) });
  }
  return documents;
}

const DOCUMENTS = await readDocuments();

async function exists(url: URL): Promise<boolean> {
  return await Deno.stat(url).then(() => true, () => false);
}

Deno.test("every link of the documents leads somewhere", async () => {
  const faults: string[] = [];
  for (const [name, { url, text }] of DOCUMENTS) {
    for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!await exists(new URL(target, url))) {
        faults.push(`${name}: ${target}`);
      }
    }
  }
  assertEquals(faults, []);
});

Deno.test("every test and source that the documents name exists", async () => {
  const files = new Set(["main.ts", "gitaly_ssh.ts"]);
  for (const folder of ["tests/", "src/"]) {
    for await (const url of walk(new URL(folder, ROOT))) {
      const path = url.pathname.slice(ROOT.pathname.length);
      files.add(path).add(path.slice(path.lastIndexOf("/") + 1));
    }
  }
  const faults: string[] = [];
  for (const [name, { text }] of DOCUMENTS) {
    for (const [, file = ""] of text.matchAll(/`([\w/]+\.ts)`/g)) {
      if (!files.has(file)) faults.push(`${name}: ${file}`);
    }
  }
  assertEquals(faults, []);
});

Deno.test("every piece of config.yml in the documents has known keys alone", async () => {
  let count = 0;
  for (const [name, { text }] of DOCUMENTS) {
    for (const [, yaml = ""] of text.matchAll(/```yaml\n([^]*?)```/g)) {
      assertEquals(await lintKeys(yaml, name), []);
      assert(typeof parse(yaml) === "object", name);
      count++;
    }
  }
  assert(count > 2);
});

Deno.test("every key of config.yml that the documents name is in the table", () => {
  const known = new Set<string>(CONFIG_KEYS.map(({ path }) => path));
  // Checks of doctor have names of the same form.
  for (const name of CHECKS) known.add(name);
  const faults: string[] = [];
  for (const [name, { text }] of DOCUMENTS) {
    if (name.startsWith("docs/man/gitlab-shell-config")) continue;
    const keys = text.matchAll(
      /`((?:sshd|http_settings|lfs|pat)\.[a-z_.]+)(?:: [^`]*)?`/g,
    );
    for (const [, key = ""] of keys) {
      if (!known.has(key)) faults.push(`${name}: ${key}`);
    }
  }
  assertEquals(faults, []);
});

Deno.test("every command of ours that the documents show exists", () => {
  const faults: string[] = [];
  for (const [name, { text }] of DOCUMENTS) {
    const code = [...text.matchAll(/```[a-z]*\n([^]*?)```|`([^`]+)`/g)]
      .map(([, fenced, inline]) => fenced ?? inline).join("\n");
    const shown = code.matchAll(
      /(?:^|[|$#(] )(gitlab-shell|gitlab-keys) ([a-z][a-z-]+)/gm,
    );
    for (const [, program = "", word = ""] of shown) {
      // The forced command's own word.
      if (word.startsWith("key-") || word.startsWith("username-")) continue;
      const words = COMPLETIONS[program]?.words ?? {};
      if (!Object.hasOwn(words, word)) {
        faults.push(`${name}: ${program} ${word}`);
      }
    }
  }
  assertEquals(faults, []);
});

Deno.test("docs/asks.md answers all forty", () => {
  const text = DOCUMENTS.get("docs/asks.md")?.text ?? "";
  const rows = [
    ...text.matchAll(/^\| (\d+) \| .+ \| (Yes|Partly|No)\b.* \|$/gm),
  ];
  assertEquals(
    rows.map(([, number]) => Number(number)),
    [
      ...Array(40).keys(),
    ].map((index) => index + 1),
  );
});

Deno.test("every check that docs/troubleshooting.md names is one of doctor's", () => {
  const text = DOCUMENTS.get("docs/troubleshooting.md")?.text ?? "";
  const named = [
    ...text.matchAll(
      /`((?!config\.yml)(?:sshd|key|config)(?:\.[a-z]+)+|secret|log|host_keys|authorized_keys)`/g,
    ),
  ]
    .map(([, name = ""]) => name);
  assert(named.length > 8);
  for (const name of named) {
    if (!CONFIG_KEYS.some(({ path }) => path === name)) {
      assert(CHECKS.has(name) || name === "authorized_keys", name);
    }
  }
});
