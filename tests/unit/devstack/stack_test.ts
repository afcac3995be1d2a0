import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadConfig } from "../../../src/config/load.ts";
import { SAMPLE } from "../../../src/devstack/sample.ts";
import { startDevstack } from "../../../src/devstack/stack.ts";
import { makeFakeHost } from "../../support/fake_host.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("startDevstack() writes a root that points to its servers, and leaves no file", async () => {
  let folder: string;
  {
    await using stack = await startDevstack();
    folder = stack.folder;
    const { shellRoot } = stack;
    const host = makeFakeHost({
      env: { GITLAB_SHELL_DIR: shellRoot.path },
    });
    const { config, warnings } = await loadConfig(host);
    assertEquals(warnings, []);
    assertEquals(config.gitlabUrl, `http+unix://${folder}/api.sock`);
    assertEquals(config.logFile, shellRoot.logFile);
    assertEquals(config.authFile, shellRoot.authorizedKeysFile);
    assertEquals(config.secret.reveal(), `${stack.secret}\n`);
    const { mode } = await Deno.stat(shellRoot.secretFile);
    assertEquals((mode ?? 0) & 0o777, 0o600);
    assertEquals(
      stack.apiUrl,
      `http+unix://${encodeURIComponent(`${folder}/api.sock`)}`,
    );
    assertEquals(stack.gitalyAddress, `unix:${folder}/gitaly.sock`);
    assertEquals(
      stack.api.state.gitaly.get("default")?.token,
      stack.gitalyToken,
    );
  }
  assertEquals(await isThere(folder), false);
});

Deno.test("startDevstack() has the sample's repositories on disk", async () => {
  await using stack = await startDevstack();
  for (const { path } of stack.api.state.directory.projects) {
    assertEquals(await isThere(`${stack.repositoryPath(path)}/HEAD`), true);
  }
  const { directory } = stack.api.state;
  assertEquals(directory.key(String(SAMPLE.keyId))?.userId, SAMPLE.userId);
  assertEquals(directory.user(SAMPLE.userId)?.username, SAMPLE.username);
  for (
    const path of [
      SAMPLE.project,
      SAMPLE.readOnlyProject,
      SAMPLE.privateProject,
      SAMPLE.busyProject,
    ]
  ) {
    assertEquals(directory.project(path)?.path, path);
  }
});

Deno.test("startDevstack() can be called through other doors", async () => {
  const tls = new URL("../../testdata/tls/", import.meta.url);
  const read = (name: string) => Deno.readTextFile(new URL(name, tls));
  await using stack = await startDevstack({
    projects: [],
    apiDoor: "tls",
    gitalyDoor: "tls",
    tls: {
      cert: await read("localhost.pem"),
      key: await read("localhost.key"),
      caFile: new URL("ca.pem", tls).pathname,
    },
    api: { pathPrefix: "/gitlab", basicAuth: { user: "u", password: "p:'" } },
    configLines: ["log_format: text"],
  });
  assertEquals(/^https:\/\/localhost:\d+\/gitlab$/.test(stack.apiUrl), true);
  assertEquals(/^tls:\/\/localhost:\d+$/.test(stack.gitalyAddress), true);
  const text = await Deno.readTextFile(stack.shellRoot.configFile);
  assertStringIncludes(
    text,
    'http_settings:\n  user: "u"\n  password: "p:\'"\n  ca_file: "',
  );
  assertEquals(text.includes("gitlab_relative_url_root"), false);
  assertEquals(text.endsWith("\nlog_format: text\n"), true);
});

Deno.test("startDevstack() writes the path prefix beside a socket", async () => {
  await using stack = await startDevstack({
    projects: [],
    api: { pathPrefix: "/gitlab" },
  });
  const text = await Deno.readTextFile(stack.shellRoot.configFile);
  assertStringIncludes(text, '\ngitlab_relative_url_root: "/gitlab"\n');
});

Deno.test("startDevstack() keeps a folder that it was given, and finds its repositories again", async () => {
  using folder = makeTempDir();
  const options = { folder: `${folder.path}/data` };
  let path: string;
  {
    await using stack = await startDevstack(options);
    path = stack.repositoryPath(SAMPLE.project);
    await Deno.writeTextFile(`${path}/description`, "mine");
  }
  assertEquals(await Deno.readTextFile(`${path}/description`), "mine");
  assertEquals(await isThere(`${options.folder}/api.sock`), false);
  await using again = await startDevstack(options);
  assertEquals(again.repositoryPath(SAMPLE.project), path);
  assertEquals(await Deno.readTextFile(`${path}/description`), "mine");
});

Deno.test("startDevstack() takes over the sockets of a stack that was killed", async () => {
  using folder = makeTempDir();
  const path = `${folder.path}/api.sock`;
  const script = `Deno.listen({transport:"unix",path:${
    JSON.stringify(path)
  }});Deno.exit(0)`;
  await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assertEquals(await isThere(path), true);
  await using stack = await startDevstack({
    folder: folder.path,
    projects: [],
  });
  assertEquals(stack.folder, folder.path);
});

Deno.test("startDevstack() refuses a port that is taken, and leaves nothing behind", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  for (const options of [{ apiPort: port }, { gitalyPort: port }]) {
    using folder = makeTempDir();
    const error = await assertRejects(
      () => startDevstack({ ...options, folder: folder.path }),
      Deno.errors.AddrInUse,
    );
    const expected =
      `Cannot listen on 127.0.0.1:${port}: the address is in use`;
    assertEquals(error.message, expected);
    assertEquals(await isThere(`${folder.path}/gitaly.sock`), false);
  }
});

Deno.test("startDevstack() refuses a folder whose path is too long for a socket", async () => {
  using folder = makeTempDir();
  const long = `${folder.path}/${"x".repeat(90)}`;
  await assertRejects(
    () => startDevstack({ folder: long }),
    RangeError,
    "above the limit of 100",
  );
  assertEquals(await isThere(long), false);
});

Deno.test("repositoryPath() does not know every project", async () => {
  await using stack = await startDevstack({ projects: [] });
  try {
    stack.repositoryPath("a/b");
    throw new Error("It knew one");
  } catch (error) {
    assertEquals(error instanceof RangeError, true);
  }
});
