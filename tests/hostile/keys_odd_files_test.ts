/**
 * What may lie where the managed file should be, put there by accident or by
 * somebody who wants root to write elsewhere.
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { programPath } from "../support/dist.ts";
import { ed25519Key } from "../support/key_samples.ts";
import { KeysRoot } from "../support/keys_root.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const ADD = ["add-key", "key-9", ed25519Key(9)];
const COMMANDS: readonly (readonly string[])[] = [
  ADD,
  ["rm-key", "key-1"],
  ["list-keys"],
  ["list-key-ids"],
  ["clear"],
  ["compact"],
  ["dedupe"],
  ["rebuild", "--allow-empty"],
  ["batch-add-keys"],
  ["verify"],
  ["lookup", ed25519Key(9)],
];

async function assertRefused(
  root: KeysRoot,
  commands: readonly (readonly string[])[],
  reason: string,
): Promise<void> {
  for (const args of commands) {
    const { exitStatus, stderr } = await root.run(...args);
    assertEquals(exitStatus, 1, args[0]);
    if (args[0] === "lookup") continue;
    assertMatch(
      stderr,
      new RegExp(`^gitlab-keys: could not open \\S+: ${reason}\n$`),
    );
  }
}

Deno.test("a directory in its place is refused by every command", async () => {
  using root = new KeysRoot();
  Deno.mkdirSync(root.authFile);
  await assertRefused(root, COMMANDS, "Is a directory");
});

Deno.test("a FIFO in its place holds no command up", async () => {
  using root = new KeysRoot();
  new Deno.Command("mkfifo", { args: [root.authFile] }).outputSync();
  await assertRefused(root, COMMANDS, "Not a regular file");
});

Deno.test("a FIFO in place of the lock holds no command up", async () => {
  using root = new KeysRoot("x\n");
  new Deno.Command("mkfifo", { args: [`${root.authFile}.lock`] }).outputSync();
  await assertRefused(root, [ADD, ["clear"]], "Not a regular file");
  assertEquals(root.read(), "x\n");
});

Deno.test("a link in place of the lock makes no file elsewhere", async () => {
  using root = new KeysRoot("x\n");
  Deno.symlinkSync(`${root.path}/made`, `${root.authFile}.lock`);
  await assertRefused(root, [ADD], "Not a regular file");
  assert(!root.names().includes("made"));
});

Deno.test("links that lead nowhere else but to each other are refused", async () => {
  using root = new KeysRoot();
  Deno.symlinkSync("b", root.authFile);
  Deno.symlinkSync("authorized_keys", `${root.folder}/b`);
  await assertRefused(root, [ADD], "Too many levels of symbolic links");
});

Deno.test({
  name: "root follows no link of an account to a file of another (needs root)",
  ignore: Deno.uid() !== 0,
  async fn() {
    using root = new KeysRoot();
    const target = `${root.path}/passwd`;
    Deno.writeTextFileSync(target, "root:x:0:0\n");
    Deno.symlinkSync(target, root.authFile);
    new Deno.Command("chown", { args: ["-h", "12345", root.authFile] })
      .outputSync();
    await assertRefused(
      root,
      COMMANDS,
      "It is a link to a file of another owner",
    );
    assertEquals(Deno.readTextFileSync(target), "root:x:0:0\n");
  },
});

Deno.test({
  name:
    "what root makes belongs to the account, which can go on with it (needs root)",
  ignore: Deno.uid() !== 0,
  async fn() {
    using root = new KeysRoot();
    Deno.chownSync(root.folder, 12345, 12345);
    const owners = () =>
      root.names().map((name) => Deno.statSync(`${root.folder}/${name}`).uid);
    for (const args of [ADD, ["clear"], ["check-permissions"]]) {
      assertEquals((await root.run(...args)).exitStatus, 0);
      assertEquals(owners(), [12345, 12345]);
    }
  },
});

Deno.test({
  name: "an account without the right to read or write is told so (needs root)",
  ignore: Deno.uid() !== 0,
  async fn() {
    using root = new KeysRoot("x\n");
    for (let path = root.folder; path !== "/tmp" && path.length > 1;) {
      Deno.chmodSync(path, 0o755);
      path = path.slice(0, path.lastIndexOf("/"));
    }
    Deno.chmodSync(root.path, 0o755);
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(
        programPath("gitlab-keys"),
        { args, env: root.env, uid: 65534, gid: 65534, stdin: "null" },
      ).output();
      const decoder = new TextDecoder();
      const said = decoder.decode(stdout) + decoder.decode(stderr)
        // The log cannot be opened either.
        .replace(/^failed to configure log file .*\n|^\{.*\n/gm, "");
      return [code, said];
    };
    const denied = "Permission denied";
    assertEquals(await run(...ADD), [
      1,
      `gitlab-keys: could not open ${root.authFile}.lock: ${denied}\n`,
    ]);
    assertEquals(await run("list-keys"), [
      1,
      `gitlab-keys: could not open ${root.authFile}: ${denied}\n`,
    ]);
    const [status, said] = await run("check-permissions");
    assertEquals(status, 1);
    assertMatch(
      String(said),
      new RegExp(`^error: could not open ${root.authFile}: ${denied}\n-rw-`),
    );
    assertEquals(root.read(), "x\n");
  },
});

Deno.test("junk of any kind comes through every command byte for byte", async () => {
  using root = new KeysRoot();
  const random = new SeededRandom(99);
  const junk = random.bytes(300_000);
  const encoder = new TextEncoder();
  const content = new Uint8Array([
    ...junk,
    0x0a,
    ...encoder.encode(root.line("key-1", ed25519Key(1))),
    ...encoder.encode(`${"y".repeat(1 << 20)}\n`),
    ...encoder.encode(`command="${"z".repeat(1 << 20)}\n`),
  ]);
  Deno.writeFileSync(root.authFile, content, { mode: 0o600 });
  for (
    const args of [ADD, ["rm-key", "key-1"], ["compact"], ["dedupe"], [
      "rebuild",
      "--allow-empty",
    ]]
  ) {
    assertEquals((await root.run(...args)).exitStatus, 0);
    const bytes = Deno.readFileSync(root.authFile);
    const start = args[0] === "rebuild" ? bytes.indexOf(0x0a) + 1 : 0;
    const kept = bytes.subarray(start, start + junk.length);
    assert(kept.every((byte, at) => byte === junk[at]), args[0]);
    const text = new TextDecoder("latin1").decode(bytes);
    assert(text.includes(`\n${"y".repeat(1 << 20)}\n`), args[0]);
    assert(text.includes(`\ncommand="${"z".repeat(1 << 20)}\n`), args[0]);
  }
  for (const args of [["list-keys"], ["list-key-ids"]]) {
    assertEquals((await root.run(...args)).exitStatus, 0);
  }
});

Deno.test("arguments and records of a megabyte are refused in a short line", async () => {
  using root = new KeysRoot("x\n");
  const long = "A".repeat(100_000);
  for (
    const args of [["add-key", "key-1", `ssh-rsa ${long}`], [
      "add-key",
      long,
      "ssh-rsa A",
    ]]
  ) {
    const { exitStatus, stderr } = await root.run(...args);
    assertEquals(exitStatus, args[1] === long ? 1 : 1);
    assert(stderr.length < 1_000);
  }
  for (const command of ["batch-add-keys", "rebuild", "verify"]) {
    const { exitStatus, stderr } = await root.runWith({
      args: [command],
      stdin: "x".repeat(1 << 20),
    });
    assertEquals(exitStatus, 1);
    assert(stderr.length < 1_000);
    assertEquals(stderr.trimEnd().split("\n").length, 1);
  }
  assertEquals(root.read(), "x\n");
});

Deno.test("text from outside reaches no terminal and no second line of sshd's", async () => {
  using root = new KeysRoot("x\n");
  const attack = "x\n\x1b]0;owned\x07ssh-rsa AAAA\r\u009b31m";
  for (
    const args of [
      ["add-key", "key-1", attack],
      ["add-key", attack, "ssh-rsa AAAA"],
      ["rm-key", attack],
      ["rebuild", attack],
      ["sshd-config", attack],
      [`--${attack}`],
      ["list-keys", `--auth-file=/x/${attack}/y`],
    ]
  ) {
    const { stdout, stderr } = await root.run(...args);
    // deno-lint-ignore no-control-regex -- these are what must not be there
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(stdout + stderr), stderr);
    assert(stderr.trimEnd().split("\n").length <= 1, stderr);
  }
  assertEquals(root.read(), "x\n");
});
