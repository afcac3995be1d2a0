import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  findRootDir,
  loadConfig,
  loadConfigFrom,
  type LoadOptions,
  RootNotFoundError,
} from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

/** A host that runs `executablePath` under `env`. */
function makeHost(
  executablePath: string | undefined,
  env: Readonly<Record<string, string>> = {},
) {
  const environment = new Map(Object.entries(env));
  return {
    executablePath,
    environment,
    env: (name: string) => environment.get(name),
    setEnv(name: string, value: string) {
      environment.set(name, value);
    },
  };
}

async function load(text: string, options: LoadOptions = {}) {
  using dir = makeTempDir({
    "config.yml": text,
    ".gitlab_shell_secret": "s\n",
  });
  const { config } = await loadConfigFrom(dir.path, options);
  return { config, path: dir.path };
}

async function faultOf(
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<{ error: ConfigError; path: string }> {
  using dir = makeTempDir(files);
  const { path } = dir;
  const error = await assertRejects(() => loadConfigFrom(path), ConfigError);
  return { error, path };
}

Deno.test("keys-and-config.md case 134, shell.md case 8: the root is above the executable's folder", () => {
  assertEquals(findRootDir(makeHost("/x/bin/tool")), "/x");
  assertEquals(findRootDir(makeHost("/usr/local/bin/tool")), "/usr/local");
  assertEquals(findRootDir(makeHost("/bin/tool")), "/");
});

Deno.test("keys-and-config.md case 136, shell.md case 7: GITLAB_SHELL_DIR replaces the root", async () => {
  using dir = makeTempDir({ "config.yml": "secret: s\n" });
  const env = { GITLAB_SHELL_DIR: `${dir.path}/./` };
  const { config } = await loadConfig(makeHost("/x/bin/tool", env));
  assertEquals(config.rootDir, dir.path);
  assertEquals(findRootDir(makeHost(undefined, env)), `${dir.path}/./`);
});

Deno.test("shell.md case 6, keys-and-config.md 7: a missing GITLAB_SHELL_DIR is an error", () => {
  using dir = makeTempDir();
  const missing = `${dir.path}/none`;
  const host = makeHost("/x/bin/tool", { GITLAB_SHELL_DIR: missing });
  const error = assertThrows(() => findRootDir(host), RootNotFoundError);
  assertEquals(error.message, `stat ${missing}: no such file or directory`);
});

Deno.test("keys-and-config.md 7: GITLAB_SHELL_DIR need not be a directory", async () => {
  using dir = makeTempDir({ file: "" });
  for (const name of ["file", "file/below"]) {
    const root = `${dir.path}/${name}`;
    const host = makeHost("/x/bin/tool", { GITLAB_SHELL_DIR: root });
    assertEquals(findRootDir(host), root);
    const error = await assertRejects(() => loadConfig(host), ConfigError);
    assertEquals(error.message, `open ${root}/config.yml: not a directory`);
  }
});

Deno.test("keys-and-config.md case 137: an empty GITLAB_SHELL_DIR is not set", () => {
  const host = makeHost("/x/bin/tool", { GITLAB_SHELL_DIR: "" });
  assertEquals(findRootDir(host), "/x");
});

Deno.test("findRootDir() cannot do without both", () => {
  assertThrows(() => findRootDir(makeHost(undefined)), RootNotFoundError);
});

Deno.test("shell.md case 10: a missing config.yml", async () => {
  const { error, path } = await faultOf({});
  const file = `${path}/config.yml`;
  assertEquals(error.message, `open ${file}: no such file or directory`);
  assertEquals([error.file, error.key], [file, undefined]);
});

Deno.test("loadConfigFrom() says when config.yml is a directory", async () => {
  const { error, path } = await faultOf({ "config.yml/a": "" });
  assertEquals(error.message, `read ${path}/config.yml: is a directory`);
});

Deno.test("keys-and-config.md 6.2: invalid UTF-8 names its line", async () => {
  const bytes = new TextEncoder().encode("user: a\nuser_: b\nx: ");
  const text = Uint8Array.from([...bytes, 0xff, 0x0a]);
  const { error } = await faultOf({ "config.yml": text });
  assertEquals(error.message, "yaml: line 3: invalid UTF-8");
});

Deno.test("loadConfigFrom() refuses a config.yml without end", async () => {
  const text = "#".repeat(1024 * 1024 + 1);
  const { error, path } = await faultOf({ "config.yml": text });
  assertEquals(error.message, `read ${path}/config.yml: file too large`);
});

Deno.test("keys-and-config.md case 111: an empty file with a secret file", async () => {
  const { config, path } = await load("");
  assertEquals(config.rootDir, path);
  assertEquals(config.logFile, `${path}/gitlab-shell.log`);
  assertEquals(config.secret.reveal(), "s\n");
});

const LOG_FILES = [
  ["log/x.log", (root: string) => `${root}/log/x.log`],
  ["../x.log", (root: string) => root.replace(/[^/]+$/, "x.log")],
  ["./a//b", (root: string) => `${root}/a/b`],
  ["/a//b", () => "/a//b"],
  ["~/x", (root: string) => `${root}/~/x`],
  ['""', () => ""],
] as const;
for (const [source, expected] of LOG_FILES) {
  Deno.test(`keys-and-config.md case 116: log_file ${source}`, async () => {
    const { config, path } = await load(`log_file: ${source}\n`);
    assertEquals(config.logFile, expected(path));
  });
}

Deno.test("keys-and-config.md case 117: an inline secret needs no file", async () => {
  using dir = makeTempDir({ "config.yml": "secret: inline\n" });
  const { config } = await loadConfigFrom(dir.path);
  assertEquals(config.secret.reveal(), "inline");
});

Deno.test("keys-and-config.md case 117: an inline secret wins over the file", async () => {
  const { config } = await load("secret: 0123\n");
  assertEquals(config.secret.reveal(), "0123");
});

Deno.test("keys-and-config.md case 118: an empty secret is read from the file", async () => {
  const { config } = await load('secret: ""\n');
  assertEquals(config.secret.reveal(), "s\n");
});

Deno.test("keys-and-config.md case 119, shell.md case 11: no secret and no file", async () => {
  const { error, path } = await faultOf({ "config.yml": "" });
  const file = `${path}/.gitlab_shell_secret`;
  assertEquals(error.message, `open ${file}: no such file or directory`);
  assertEquals([error.file, error.key], [file, "secret_file"]);
});

Deno.test("keys-and-config.md case 56: a program without requests needs no secret", async () => {
  using dir = makeTempDir({ "config.yml": "secret_file: none\n" });
  const { config } = await loadConfigFrom(dir.path, { secret: "unused" });
  assertEquals(config.secret.isEmpty, true);
});

Deno.test("keys-and-config.md case 120: secret_file is relative to the root", async () => {
  using dir = makeTempDir({
    "config.yml": "secret_file: s/x\n",
    "s/x": "in s",
  });
  assertEquals(await secretOf(dir.path), "in s");
  Deno.writeTextFileSync(
    `${dir.path}/config.yml`,
    `secret_file: ${dir.path}/s/x`,
  );
  assertEquals(await secretOf(dir.path), "in s");
});

Deno.test("keys-and-config.md 6.4: an empty secret_file means the default", async () => {
  assertEquals((await load('secret_file: ""\n')).config.secret.reveal(), "s\n");
});

Deno.test("keys-and-config.md 6.4: the secret file is kept byte for byte", async () => {
  using dir = makeTempDir({ "config.yml": "secret_file: s\n" });
  for (const text of ["", "\n", " a \r\n", "\ufeffa", "\u00e9"]) {
    Deno.writeTextFileSync(`${dir.path}/s`, text);
    assertEquals(await secretOf(dir.path), text);
  }
});

async function secretOf(root: string): Promise<string> {
  return (await loadConfigFrom(root)).config.secret.reveal();
}

Deno.test("loadConfigFrom() refuses a secret that is no text", async () => {
  const { error, path } = await faultOf({
    "config.yml": "",
    ".gitlab_shell_secret": Uint8Array.of(0xff, 0xfe),
  });
  const file = `${path}/.gitlab_shell_secret`;
  assertEquals(error.message, `read ${file}: invalid UTF-8`);
});

Deno.test("keys-and-config.md case 121: an escaped socket", async () => {
  const { config } = await load('gitlab_url: "http+unix://%2Fa%2Fb.sock"\n');
  assertEquals(config.gitlabUrl, "http+unix:///a/b.sock");
});

Deno.test("keys-and-config.md case 122, internal-api.md case 9: a bad escape", async () => {
  const { error } = await faultOf({
    "config.yml": 'gitlab_url: "http://h/%zz"\nsecret: s\n',
  });
  assertEquals(error.message, 'invalid URL escape "%zz"');
});

Deno.test("shell.md 1.5: URL, secret and topology are checked in this order", async () => {
  const topology = "topology_service:\n  enabled: true\n";
  const all = await faultOf({ "config.yml": `gitlab_url: "%"\n${topology}` });
  assertEquals(all.error.key, "gitlab_url");
  const secret = await faultOf({ "config.yml": topology });
  assertEquals(secret.error.key, "secret_file");
  const last = await faultOf({ "config.yml": `secret: s\n${topology}` });
  assertEquals(last.error.key, "topology_service.address");
});

Deno.test("keys-and-config.md case 126: topology without address", async () => {
  const text = "secret: s\ntopology_service:\n  enabled: true\n";
  const { error } = await faultOf({ "config.yml": text });
  const prefix = "invalid topology_service config: ";
  const fault = "topology_service.address is required when enabled";
  assertEquals(error.message, prefix + fault);
});

Deno.test("internal-api.md case 128: topology without cell endpoint", async () => {
  const text = "secret: s\ntopology_service: {enabled: true, address: 'h:1'}\n";
  const { error } = await faultOf({ "config.yml": text });
  assert(error.message.includes("scheme is required"), error.message);
});

Deno.test("keys-and-config.md case 131: ssl_cert_dir replaces SSL_CERT_DIR", async () => {
  using dir = makeTempDir({ "config.yml": "secret: s\nssl_cert_dir: foo\n" });
  const host = makeHost(`${dir.path}/bin/tool`, { SSL_CERT_DIR: "bar" });
  await loadConfig(host);
  assertEquals(host.environment.get("SSL_CERT_DIR"), "foo");
});

Deno.test("keys-and-config.md case 131: an empty ssl_cert_dir leaves it", async () => {
  using dir = makeTempDir({ "config.yml": 'secret: s\nssl_cert_dir: ""\n' });
  const host = makeHost(`${dir.path}/bin/tool`, { SSL_CERT_DIR: "bar" });
  await loadConfig(host);
  assertEquals([...host.environment], [["SSL_CERT_DIR", "bar"]]);
});

Deno.test("keys-and-config.md 6.6: rootdir changes nothing but the warnings", async () => {
  using dir = makeTempDir({ "config.yml": "secret: s\nrootdir: /x\n" });
  const { config, warnings } = await loadConfigFrom(dir.path);
  assertEquals(config.rootDir, dir.path);
  assertEquals(config.logFile, `${dir.path}/gitlab-shell.log`);
  const file = JSON.stringify(`${dir.path}/config.yml`);
  assertEquals(warnings, [`The key "rootdir" in ${file} is ignored`]);
});

Deno.test("loadConfigFrom() has no warning for a usual file", async () => {
  using dir = makeTempDir({ "config.yml": "secret: s\nredis: {}\n" });
  assertEquals((await loadConfigFrom(dir.path)).warnings, []);
});

Deno.test("loadConfigFrom() throws ConfigError alone, whatever the bytes", async () => {
  using dir = makeTempDir({ "config.yml": "" });
  const random = new SeededRandom(9);
  for (let round = 0; round < 300; round++) {
    const bytes = random.bytes(random.below(100));
    Deno.writeFileSync(`${dir.path}/config.yml`, bytes);
    const options = { secret: "unused" } as const;
    await loadConfigFrom(dir.path, options).catch((error) => {
      assert(error instanceof ConfigError, `${error}`);
    });
  }
});

Deno.test("loadConfigFrom() shows neither secret nor password", async () => {
  const { config } = await load(
    "secret: hunter2\nhttp_settings:\n  password: hunter2\n",
  );
  assert(!Deno.inspect(config, { depth: 9 }).includes("hunter2"));
  assert(!JSON.stringify(config).includes("hunter2"));
});
