import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseKeysArguments } from "../../../src/cli/keys_options.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { KeysStand } from "../../support/keys_stand.ts";

Deno.test("parseKeysArguments() takes options before, among and behind the words", () => {
  for (
    const args of [
      ["--dry-run", "--lock-timeout=2.5", "rm-key", "key-1"],
      ["rm-key", "--lock-timeout=2.5", "key-1", "--dry-run"],
      ["rm-key", "--dry-run", "--lock-timeout=2.5", "--", "key-1"],
    ]
  ) {
    const { command, words, options } = parseKeysArguments(args);
    assertEquals([command, words], ["rm-key", ["key-1"]]);
    assertEquals(options.has("dry-run"), true);
    assertEquals(options.number("lock-timeout"), 2.5);
    assertEquals(options.text("auth-file"), undefined);
  }
});

Deno.test("parseKeysArguments() takes everything behind -- for words", () => {
  const { words } = parseKeysArguments(["add-key", "--", "--strict", "--x"]);
  assertEquals(words, ["--strict", "--x"]);
});

Deno.test("parseKeysArguments() takes words with one dash for words", () => {
  assertEquals(parseKeysArguments(["rebuild", "-"]).words, ["-"]);
  assertEquals(parseKeysArguments(["rm-key", "-5"]).words, ["-5"]);
});

for (
  const args of [
    ["add-key", "--unknown"],
    ["add-key", "--toString"],
    ["add-key", "--from-api"],
    ["list-keys", "--dry-run"],
    ["add-key", "--strict=yes"],
    ["add-key", "--auth-file"],
    ["add-key", "--auth-file="],
    ["add-key", "--lock-timeout=x"],
    ["add-key", "--lock-timeout=-1"],
    ["add-key", "--lock-timeout=1e9"],
    ["rebuild", "--total=1.5"],
    ["add-key", "--=x"],
  ]
) {
  Deno.test(`parseKeysArguments() refuses ${args.join(" ")}`, () => {
    assertThrows(() => parseKeysArguments(args), UsageError);
  });
}

for (
  const args of [
    "compact x",
    "dedupe x",
    "rebuild a b",
    "sshd-config file x",
    "verify a b",
  ]
) {
  Deno.test(`parseKeysArguments() refuses the words of ${args}`, () => {
    assertThrows(
      () => parseKeysArguments(args.split(" ")),
      UsageError,
      "at most, not",
    );
  });
}

Deno.test("parseKeysArguments() lets rm-key have a key of any words", () => {
  const { words } = parseKeysArguments(["rm-key", "key-1", "ssh-rsa", "AA"]);
  assertEquals(words, ["key-1", "ssh-rsa", "AA"]);
});

Deno.test("a key that is not quoted leaves the file as it was", async () => {
  using stand = new KeysStand();
  const { exitStatus, stdout, stderr } = await stand.run(
    "add-key",
    "key-1",
    "ssh-rsa",
    "AAAAB3NzaDAxx2E",
  );
  assertEquals([exitStatus, stdout, stand.names()], [1, "", []]);
  assertEquals(
    stderr,
    "gitlab-keys: add-key takes a public key as one word, in quotes\n",
  );
});

Deno.test("gitlab-keys --help tells every command", async () => {
  using stand = new KeysStand();
  const { exitStatus, stdout } = await stand.run("--help");
  assertEquals(exitStatus, 0);
  for (
    const command of [
      "check",
      "principals",
      "add-key",
      "batch-add-keys",
      "rm-key",
      "list-keys",
      "list-key-ids",
      "clear",
      "check-permissions",
      "compact",
      "dedupe",
      "rebuild",
      "verify",
      "fingerprint",
      "lookup",
      "sshd-config",
    ]
  ) {
    assertStringIncludes(stdout, command);
  }
});

Deno.test("--auth-file names another file", async () => {
  using stand = new KeysStand();
  const other = `${stand.folder}/other`;
  await stand.run("add-key", "key-1", "ssh-rsa AAAA", `--auth-file=${other}`);
  assertEquals(
    Deno.readTextFileSync(other),
    stand.line("key-1", "ssh-rsa AAAA"),
  );
  assertEquals(stand.names(), ["other", "other.lock"]);
});

Deno.test("a configuration that cannot be read is one line", async () => {
  using stand = new KeysStand();
  Deno.writeTextFileSync(`${stand.root}/config.yml`, "user: [\n");
  const { exitStatus, stderr } = await stand.run("list-keys");
  assertEquals(exitStatus, 1);
  assertStringIncludes(
    stderr,
    "gitlab-keys: failed to read config: yaml: line ",
  );
  Deno.removeSync(`${stand.root}/config.yml`);
  assertStringIncludes(
    (await stand.run("list-keys")).stderr,
    "no such file or directory\n",
  );
});

Deno.test("a file command needs no secret, and a relative auth_file is under the root", async () => {
  using stand = new KeysStand();
  Deno.writeTextFileSync(
    `${stand.root}/config.yml`,
    "auth_file: keys/authorized_keys\nsecret_file: /nowhere\n",
  );
  Deno.mkdirSync(`${stand.root}/keys`);
  assertEquals(
    (await stand.run("add-key", "key-1", "ssh-rsa AAAA")).exitStatus,
    0,
  );
  assertEquals(
    Deno.readTextFileSync(`${stand.root}/keys/authorized_keys`),
    stand.line("key-1", "ssh-rsa AAAA"),
  );
});

Deno.test("without auth_file and HOME there is nothing to manage", async () => {
  using stand = new KeysStand();
  Deno.writeTextFileSync(`${stand.root}/config.yml`, "user: git\n");
  const { exitStatus, stderr } = await stand.run("list-keys");
  assertEquals(exitStatus, 1);
  assertEquals(
    stderr,
    "gitlab-keys: no auth_file in config.yml, and HOME is not set\n",
  );
});
