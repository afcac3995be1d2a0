import { assertEquals, assertStringIncludes } from "@std/assert";
import { KeysStand, OPTS, SILENT } from "../../support/keys_stand.ts";

const FAKE = "ssh-rsa AAAAB3NzaDAxx2E";

Deno.test("keys-and-config.md case 80: list-key-ids finds ids anywhere", async () => {
  using stand = new KeysStand({
    content: "key-1\tssh-dsa AAA\nkey-2\tssh-dsa BBB\nkey-3\tssh-rsa CCC\n" +
      "key-9000\tssh-rsa DDD\n",
  });
  assertEquals(await stand.run("list-key-ids"), {
    ...SILENT,
    stdout: "1\n2\n3\n9000\n",
  });
});

Deno.test("list-key-ids prints the first id of each line, comments included", async () => {
  using stand = new KeysStand();
  stand.write(
    "# key-77\nssh-rsa AAAA my-key-2\nkey-x key-5 key-6\n#key-\nkey-\n\n" +
      stand.line("key-8", `${FAKE} key-9`) +
      stand.line("username-bob", `${FAKE} key-10`) + "key-11",
  );
  const { stdout } = await stand.run("list-key-ids");
  assertEquals(stdout, "77\n2\n5\n8\n10\n11\n");
});

Deno.test("list-key-ids of a root named like a key prints what it always did", async () => {
  using stand = new KeysStand();
  const root = `${stand.root}/key-5`;
  Deno.mkdirSync(root);
  Deno.copyFileSync(`${stand.root}/config.yml`, `${root}/config.yml`);
  stand.write(
    `command="${root}/bin/gitlab-shell key-8",${OPTS} ${FAKE}\n`,
  );
  Object.defineProperty(stand, "root", { value: root });
  assertEquals((await stand.run("list-key-ids")).stdout, "5\n");
  assertEquals(
    (await stand.run("list-key-ids", "--managed-only")).stdout,
    "8\n",
  );
});

Deno.test("keys-and-config.md cases 81 and 82: list-keys prints ids and keys, and exits 0", async () => {
  using stand = new KeysStand();
  stand.write(stand.line("key-741", FAKE) + stand.line("key-742", FAKE));
  assertEquals(await stand.run("list-keys"), {
    exitStatus: 0,
    stdout: "key-741 AAAAB3NzaDAxx2E\nkey-742 AAAAB3NzaDAxx2E\n",
    stderr: "",
  });
});

Deno.test("list-keys matches as loosely as it always did", async () => {
  using stand = new KeysStand();
  stand.write([
    `command="/x/bin/gitlab-shell username-bob",no-pty ecdsa-sha2-nistp256 AAAA c d`,
    `command="/x y z",no-pty sk-ssh-ed25519@openssh.com BBBB`,
    `#command="/x key-1",no-pty ssh-rsa AAAA`,
    `command="/x",no-pty ssh-rsa AAAA`,
    `command="/x key-1",no-pty rsa AAAA`,
    `command="/x key-1",no-pty ssh-rsa`,
    `command="/x key-1",no-pty ssh-rsa `,
    `command="/x key-1`,
    `ssh-rsa AAAA key-1`,
    `${"#".repeat(300)}`,
    stand.line("key-3", "sk-ecdsa-sha2-nistp256@openssh.com CCCC e").trimEnd(),
    `${stand.line("key-4", FAKE).trimEnd()}`,
  ].join("\n"));
  assertEquals(
    (await stand.run("list-keys")).stdout,
    "username-bob AAAA c d\ny z BBBB\nkey-3 CCCC e\nkey-4 AAAAB3NzaDAxx2E\n",
  );
});

Deno.test("--managed-only leaves other lines out", async () => {
  using stand = new KeysStand();
  stand.write(
    `command="/x/bin/gitlab-shell key-1",${OPTS} ${FAKE}\n# key-2\n` +
      stand.line("key-3", `${FAKE} c`) + stand.line("username-bob", FAKE) +
      stand.line("key-4x", FAKE),
  );
  assertEquals(
    (await stand.run("list-keys", "--managed-only")).stdout,
    "key-3 AAAAB3NzaDAxx2E c\nusername-bob AAAAB3NzaDAxx2E\n" +
      "key-4x AAAAB3NzaDAxx2E\n",
  );
  assertEquals(
    (await stand.run("list-key-ids", "--managed-only")).stdout,
    "3\n",
  );
});

Deno.test("lists of nothing print nothing", async () => {
  for (const content of [undefined, "", "# nothing\n"]) {
    using stand = new KeysStand(content === undefined ? {} : { content });
    assertEquals(await stand.run("list-keys"), SILENT);
    assertEquals(await stand.run("list-key-ids"), SILENT);
    assertEquals(
      stand.names(),
      content === undefined ? [] : ["authorized_keys"],
    );
  }
});

Deno.test("list-keys leaves the mode alone", async () => {
  using stand = new KeysStand({ content: "x\n" });
  Deno.chmodSync(stand.authFile, 0o640);
  await stand.run("list-keys");
  assertEquals(stand.mode, 0o640);
});

Deno.test("keys-and-config.md case 84: check-permissions makes the file", async () => {
  using stand = new KeysStand();
  assertEquals(await stand.run("check-permissions"), SILENT);
  assertEquals([stand.read(), stand.mode], ["", 0o600]);
});

Deno.test("keys-and-config.md case 85: check-permissions tells what is in the way", async () => {
  using stand = new KeysStand();
  const missing = `${stand.folder}/none/authorized_keys`;
  const none = await stand.run("check-permissions", `--auth-file=${missing}`);
  assertEquals([none.exitStatus, none.stderr], [1, ""]);
  assertEquals(
    none.stdout,
    `error: could not open ${missing}: No such file or directory\n`,
  );
  Deno.mkdirSync(stand.authFile, { mode: 0o755 });
  const { exitStatus, stdout } = await stand.run("check-permissions");
  assertEquals(exitStatus, 1);
  const [error = "", listing = ""] = stdout.split("\n");
  assertEquals(
    error,
    `error: could not open ${stand.authFile}: Is a directory`,
  );
  assertStringIncludes(listing, "drwxr-xr-x ");
  assertStringIncludes(listing, ` ${stand.authFile}`);
});

for (
  const words of [["change-key"], [], ["add-keys", "key-1"], ["constructor"]]
) {
  Deno.test(`keys-and-config.md case 86: "${words.join(" ")}" is not allowed`, async () => {
    using stand = new KeysStand();
    const { exitStatus, stdout } = await stand.run(...words);
    assertEquals([exitStatus, stdout], [1, "not allowed\n"]);
    const [record] = stand.records();
    assertEquals(record?.["level"], "WARN");
    assertEquals(
      record?.["msg"],
      "Attempt to execute invalid gitlab-keys command",
    );
    assertEquals(record?.["command"], JSON.stringify(words[0] ?? ""));
  });
}
