/**
 * gitlab-keys as a program: several of them at once, and on file systems that
 * do not let it have its way. Cases are numbered as in the specification of
 * keys and configuration.
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KeysRoot } from "../support/keys_root.ts";
import { ed25519Key } from "../support/key_samples.ts";

const SILENT = { exitStatus: 0, stdout: "", stderr: "" };
const lines = (root: KeysRoot, from: number, to: number) => {
  let text = "";
  for (let at = from; at < to; at++) {
    text += root.line(`key-${at}`, ed25519Key(at));
  }
  return text;
};
const records = (from: number, to: number) => {
  let text = "";
  for (let at = from; at < to; at++) text += `key-${at}\t${ed25519Key(at)}\n`;
  return text;
};

Deno.test("keys-and-config.md case 87: a writer waits for the lock", async () => {
  using root = new KeysRoot("x\n");
  const lock = root.lock();
  const adding = root.run("add-key", "key-1", ed25519Key(1));
  const startMs = performance.now();
  setTimeout(() => lock[Symbol.dispose](), 2_000);
  assertEquals(await adding, SILENT);
  assert(performance.now() - startMs >= 1_990);
  assertEquals(root.read(), `x\n${lines(root, 1, 2)}`);
});

for (
  const args of [
    ["add-key", "key-1", ed25519Key(1)],
    ["rm-key", "key-1"],
    ["batch-add-keys"],
    ["clear"],
    ["compact"],
    ["dedupe"],
    ["rebuild", "--allow-empty"],
    ["verify", "--fix"],
  ]
) {
  Deno.test(`keys-and-config.md case 88: ${args[0]} gives up on a lock that is not freed`, async () => {
    using root = new KeysRoot("x\n");
    using _lock = root.lock();
    assertEquals(await root.run(...args, "--lock-timeout=0.2"), {
      exitStatus: 1,
      stdout: "",
      stderr:
        `gitlab-keys: could not lock ${root.authFile}.lock within 0.2 s\n`,
    });
    assertEquals(root.read(), "x\n");
    assertEquals(root.names(), ["authorized_keys", "authorized_keys.lock"]);
  });
}

Deno.test("readers do not wait for the lock", async () => {
  using root = new KeysRoot();
  root.write(lines(root, 1, 3));
  using _lock = root.lock();
  assertEquals((await root.run("list-key-ids")).stdout, "1\n2\n");
  assertEquals((await root.run("list-keys")).stdout.split("\n").length, 3);
  const input = records(1, 3);
  const { exitStatus } = await root.runWith({ args: ["verify"], stdin: input });
  assertEquals(exitStatus, 0);
});

Deno.test("keys-and-config.md case 89: 50 writers at once lose no line", async () => {
  using root = new KeysRoot("# mine\n");
  const ids = [...Array(50).keys()];
  const outcomes = await Promise.all(
    ids.map((id) => root.run("add-key", `key-${id}`, ed25519Key(id))),
  );
  for (const outcome of outcomes) assertEquals(outcome, SILENT);
  const [first, ...added] = root.read().trimEnd().split("\n");
  assertEquals(first, "# mine");
  assertEquals(added.sort(), lines(root, 0, 50).trimEnd().split("\n").sort());
});

Deno.test("16 writers of every kind at once lose no line", async () => {
  using root = new KeysRoot();
  root.write(`# mine\n${lines(root, 0, 40)}`);
  const all = [...Array(4).keys()].flatMap((lane) => [
    root.run("add-key", `key-${100 + lane}`, ed25519Key(100 + lane)),
    root.run("rm-key", `key-${lane}`),
    root.runWith({
      args: ["batch-add-keys"],
      stdin: records(200 + 10 * lane, 210 + 10 * lane),
    }),
    root.run(lane % 2 === 0 ? "compact" : "dedupe"),
  ]);
  for (const { exitStatus } of await Promise.all(all)) {
    assertEquals(exitStatus, 0);
  }
  assertEquals(await root.run("compact"), SILENT);
  const wanted = `${lines(root, 4, 40)}${lines(root, 100, 104)}${
    lines(root, 200, 240)
  }`;
  const [first, ...kept] = root.read().trimEnd().split("\n");
  assertEquals(first, "# mine");
  assertEquals(kept.sort(), wanted.trimEnd().split("\n").sort());
  assertEquals(root.names(), ["authorized_keys", "authorized_keys.lock"]);
});

Deno.test("keys-and-config.md case 90: adding while others compact loses no key", async () => {
  using root = new KeysRoot();
  root.write(lines(root, 1_000, 3_000));
  const adding = (async () => {
    for (let id = 0; id < 12; id++) {
      assertEquals(
        await root.run("add-key", `key-${id}`, ed25519Key(id)),
        SILENT,
      );
    }
  })();
  const compacting = (async () => {
    for (let round = 0; round < 12; round++) {
      assertEquals(await root.run("rm-key", `key-${1_000 + round}`), SILENT);
      assertEquals(await root.run("compact"), SILENT);
    }
  })();
  await Promise.all([adding, compacting]);
  assertEquals(root.read(), lines(root, 1_012, 3_000) + lines(root, 0, 12));
});

Deno.test("the mode of the file is 0600 whatever the umask", async () => {
  using root = new KeysRoot();
  for (
    const args of ['add-key key-1 "ssh-rsa AAAA"', "clear", "check-permissions"]
  ) {
    const { exitStatus } = await root.runWith({
      shell: `umask 0; "$0" ${args}`,
    });
    assertEquals(exitStatus, 0);
    for (const name of root.names()) {
      const { mode } = Deno.statSync(`${root.folder}/${name}`);
      assertEquals((mode ?? 0) & 0o777, 0o600, name);
    }
    Deno.removeSync(root.authFile);
  }
});

Deno.test("a list whose reader has gone ends quietly", async () => {
  using root = new KeysRoot();
  root.write(lines(root, 0, 20_000));
  const { stdout, stderr } = await root.runWith({
    shell: '"$0" list-keys | head -n 1',
  });
  assertEquals(stdout.split("\n").length, 2);
  assertEquals(stderr, "");
});

Deno.test("a list comes whole through a pipe that is full", async () => {
  using root = new KeysRoot();
  root.write(lines(root, 0, 20_000));
  const { stdout } = await root.run("list-keys");
  assertEquals(stdout.split("\n").length, 20_001);
  assertStringIncludes(stdout, "key-19999 ");
});

Deno.test("rebuild takes a stream, and a file through standard input", async () => {
  using root = new KeysRoot("# mine\n");
  Deno.writeTextFileSync(`${root.path}/list`, records(1, 5_000));
  const wanted = `# Managed by gitlab-shell\n# mine\n${lines(root, 1, 5_000)}`;
  for (const source of ["< list", "list", "- < list"]) {
    const { exitStatus, stdout, stderr } = await root.runWith({
      shell: `cd ${root.path}; "$0" rebuild ${source}`,
    });
    assertEquals([exitStatus, stdout], [0, ""]);
    assertStringIncludes(stderr, "4999 added");
    assertEquals(root.read(), wanted);
  }
});

Deno.test("a long list that repeats itself is told apart on disk", async () => {
  using root = new KeysRoot();
  const twice = records(1, 30_000) + records(1, 30_000);
  const { exitStatus, stderr } = await root.runWith({
    args: ["rebuild"],
    stdin: twice,
  });
  assertEquals(exitStatus, 0);
  assertStringIncludes(stderr, "29999 added");
  assertStringIncludes(stderr, "29999 duplicates dropped");
  assertEquals(
    root.read(),
    `# Managed by gitlab-shell\n${lines(root, 1, 30_000)}`,
  );
});
