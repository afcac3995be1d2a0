import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeTempDir } from "../support/temp_dir.ts";

const MAIN = new URL("../../src/cli/dev_main.ts", import.meta.url).pathname;

/** Starts the task with a temporary folder of its own. */
function startDev(args: readonly string[], folder: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", MAIN, ...args],
    env: { TMPDIR: folder },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads standard output until `text` is in it. */
async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  text: string,
): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  while (!said.includes(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Ended before ${text}: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
  return said;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`deno task dev says where things are, and cleans up after ${signal}`, async () => {
    using folder = makeTempDir();
    const child = startDev(["--rate-limit", "7"], folder.path);
    const reader = child.stdout.getReader();
    const said = await readUntil(reader, "Ctrl-C");
    assertMatch(said, /user +mira, key 1\n/);
    assertMatch(said, /rate limit +7 a minute\n/);
    assertMatch(said, /public key +ssh-ed25519 \S+ devstack\n/);
    const config = /configuration +(\S+)/.exec(said)?.[1] ?? "";
    assertStringIncludes(await Deno.readTextFile(config), "gitlab_url:");
    assertMatch(said, /git clone ssh:\/\/git@\S+\/tanuki\/reef\.git\n/);
    child.kill(signal);
    assertEquals((await child.status).code, 0);
    await reader.cancel();
    assertEquals(await new Response(child.stderr).text(), "");
    assertEquals([...Deno.readDirSync(folder.path)], []);
  });
}

Deno.test("deno task dev keeps the folder that it was given", async () => {
  using folder = makeTempDir();
  const data = `${folder.path}/data`;
  const child = startDev(["--data", data], folder.path);
  const reader = child.stdout.getReader();
  await readUntil(reader, "the data stays");
  child.kill("SIGINT");
  assertEquals((await child.status).code, 0);
  await reader.cancel();
  await child.stderr.cancel();
  const names = [...Deno.readDirSync(data)].map(({ name }) => name);
  for (const kept of ["bin", "home", "keys", "repositories", "shell"]) {
    assertEquals(names.includes(kept), true, kept);
  }
  assertEquals(names.filter((name) => name.endsWith(".sock")), []);
});

Deno.test("deno task dev has a Geo primary and another cell", async () => {
  using folder = makeTempDir();
  const args = ["--geo", "direct", "--cells"];
  const child = startDev(args, folder.path);
  const reader = child.stdout.getReader();
  const said = await readUntil(reader, "Ctrl-C");
  assertMatch(said, /Geo primary +http:\/\/\S+, by one request\n/);
  assertMatch(said, /Topology +127\.0\.0\.1:\d+\n/);
  const config = /configuration +(\S+)/.exec(said)?.[1] ?? "";
  assertStringIncludes(await Deno.readTextFile(config), "topology_service:");
  const [, script = ""] = /(\S+\/bin\/\S+) git@localhost/.exec(said) ?? [];
  // Both neighbours are asked by the words that are printed.
  const clones = [...said.matchAll(/git clone (ssh:\S+)/g)];
  assertEquals(clones.length, 2);
  const ssh = /GIT_SSH_COMMAND='([^']+)'/.exec(said)?.[1] ?? script;
  for (const [index, [, url = ""]] of clones.entries()) {
    const { success, stderr } = await new Deno.Command("git", {
      args: ["clone", "-q", url, `${folder.path}/clone${index}`],
      env: { GIT_SSH_COMMAND: ssh, GIT_SSH_VARIANT: "ssh" },
      stdin: "null",
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    await Deno.remove(`${folder.path}/clone${index}`, { recursive: true });
  }
  child.kill("SIGINT");
  assertEquals((await child.status).code, 0);
  await reader.cancel();
  await child.stderr.cancel();
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("deno task dev says that a port is taken, and exits with 1", async () => {
  using folder = makeTempDir();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const child = startDev(["--gitaly-port", String(port)], folder.path);
  const { code, stdout, stderr } = await child.output();
  assertEquals([code, stdout.length], [1, 0]);
  assertEquals(
    new TextDecoder().decode(stderr),
    `Cannot listen on 127.0.0.1:${port}: the address is in use\n`,
  );
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("deno task dev says what it cannot use, and exits with 1", async () => {
  using folder = makeTempDir({ "a.pub": "no key" });
  const faults = [
    [["--port", "1"], 'Cannot use "--port"\nTry --help.\n'],
    [
      ["--key", `${folder.path}/a.pub`],
      `Cannot read "${folder.path}/a.pub" as an OpenSSH public key\n`,
    ],
  ] as const;
  for (const [args, message] of faults) {
    const { code, stderr } = await startDev(args, folder.path).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [1, message]);
  }
});
