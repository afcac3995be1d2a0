import { assertEquals } from "@std/assert";
import { ed25519Key } from "../../support/key_samples.ts";
import { KeysStand, SILENT } from "../../support/keys_stand.ts";

const FAKE = "ssh-rsa AAAAB3NzaDAxx2E";

Deno.test("keys-and-config.md case 68: a batch is appended in order", async () => {
  using stand = new KeysStand({ content: "existing content\n" });
  const input = `key-12\t${ed25519Key(1)}\nkey-123\t${ed25519Key(2)}\n`;
  assertEquals(await stand.runWith(input, "batch-add-keys"), SILENT);
  assertEquals(
    stand.read(),
    "existing content\n" + stand.line("key-12", ed25519Key(1)) +
      stand.line("key-123", ed25519Key(2)),
  );
  assertEquals(stand.mode, 0o600);
});

Deno.test("keys-and-config.md cases 69 and 70: a bad record keeps the whole batch out", async () => {
  using stand = new KeysStand({ content: "existing content\n" });
  const input = `key-12\t${FAKE}\nkey-123\t${FAKE}\nfoo\tbar\tbaz\n`;
  assertEquals(await stand.runWith(input, "batch-add-keys"), {
    exitStatus: 1,
    stdout: "",
    stderr: 'gitlab-keys: invalid input "foo\\tbar\\tbaz\\n" in line 3\n',
  });
  assertEquals(stand.read(), "existing content\n");
});

Deno.test("keys-and-config.md case 71: an empty line is a bad record", async () => {
  using stand = new KeysStand({ content: "x\n" });
  const { exitStatus } = await stand.runWith(
    `key-1\t${FAKE}\n\nkey-2\t${FAKE}\n`,
    "batch-add-keys",
  );
  assertEquals(exitStatus, 1);
  assertEquals(stand.read(), "x\n");
});

Deno.test("keys-and-config.md case 72: an empty batch makes the file and adds nothing", async () => {
  using stand = new KeysStand({ content: "x\n" });
  assertEquals(await stand.runWith("", "batch-add-keys"), SILENT);
  assertEquals(stand.read(), "x\n");
  Deno.removeSync(stand.authFile);
  assertEquals(await stand.runWith("", "batch-add-keys"), SILENT);
  assertEquals(stand.read(), "");
  assertEquals(stand.mode, 0o600);
});

Deno.test("batch-add-keys adds what is missing, replaces what differs, leaves the rest", async () => {
  using stand = new KeysStand();
  const same = stand.line("key-1", ed25519Key(1));
  const old = stand.line("key-2", ed25519Key(2));
  const other = stand.line("key-9", ed25519Key(9));
  stand.write(`# mine\n${same}${old}${other}last`);
  const input = [1, 22, 3].map((number, at) =>
    `key-${at + 1}\t${ed25519Key(number)}\n`
  ).join("");
  assertEquals(await stand.runWith(input, "batch-add-keys"), SILENT);
  assertEquals(
    stand.read(),
    `# mine\n${same}${"#".repeat(old.length - 1)}\n${other}last\n` +
      stand.line("key-2", ed25519Key(22)) + stand.line("key-3", ed25519Key(3)),
  );
});

Deno.test("batch-add-keys hides a torn last line", async () => {
  for (const count of [1, 2]) {
    using stand = new KeysStand();
    const torn = stand.line("key-5", ed25519Key(5)).slice(0, -9);
    stand.write(`a\n${torn}`);
    const ids = [...Array(count).keys()];
    const input = ids.map((id) => `key-${id}\t${ed25519Key(id)}\n`).join("");
    assertEquals(await stand.runWith(input, "batch-add-keys"), SILENT);
    const added = ids.map((id) => stand.line(`key-${id}`, ed25519Key(id)));
    assertEquals(
      stand.read(),
      `a\n${"#".repeat(torn.length)}\n${added.join("")}`,
    );
  }
});

Deno.test("batch-add-keys takes the last of several records of an id", async () => {
  using stand = new KeysStand();
  const input = [1, 2, 1].map((number) => `key-1\t${ed25519Key(number)}\n`)
    .join("") + `key-2\t${ed25519Key(4)}\nkey-2\t${ed25519Key(3)}\n`;
  assertEquals(await stand.runWith(input, "batch-add-keys"), SILENT);
  assertEquals(
    stand.read(),
    stand.line("key-1", ed25519Key(1)) + stand.line("key-2", ed25519Key(3)),
  );
});

Deno.test("batch-add-keys warns of keys that other ids have", async () => {
  using stand = new KeysStand();
  stand.write(stand.line("key-9", ed25519Key(1)));
  const input = `key-1\t${ed25519Key(1)}\nkey-2\t${ed25519Key(2)}\n` +
    `key-3\t${ed25519Key(2)}\n`;
  const { exitStatus, stderr } = await stand.runWith(input, "batch-add-keys");
  assertEquals(exitStatus, 0);
  assertEquals(
    stderr,
    "gitlab-keys: warning: 2 keys already under another id (key-9, key-3); " +
      "sshd uses the first line of a key\n",
  );
});

Deno.test("batch-add-keys is idempotent, CRLF and comments included", async () => {
  using stand = new KeysStand();
  const input = "key-1\tssh-rsa AAAA comment \u00e9\r\nkey-2\tssh-rsa BBBB\r\n";
  await stand.runWith(input, "batch-add-keys");
  const once = stand.read();
  const before = Deno.statSync(stand.authFile);
  assertEquals(await stand.runWith(input, "batch-add-keys"), SILENT);
  assertEquals(stand.read(), once);
  assertEquals(Deno.statSync(stand.authFile).ino, before.ino);
  assertEquals(once.includes("\r"), false);
});

Deno.test("batch-add-keys keeps comments that are not UTF-8", async () => {
  using stand = new KeysStand();
  const comment = new Uint8Array([0xff, 0xfe, 0xc0]);
  const head = new TextEncoder().encode("key-1\tssh-rsa AAAA ");
  const input = new Uint8Array([...head, ...comment, 0x0a]);
  assertEquals(await stand.runWith(input, "batch-add-keys"), SILENT);
  assertEquals(stand.readBytes().subarray(-4, -1), comment);
});

Deno.test("batch-add-keys takes a batch that does not fit into memory", async () => {
  using stand = new KeysStand();
  const comment = "c".repeat(4_000);
  const ids = [...Array(6_000).keys()];
  const input = ids.map((id) =>
    `key-${id + 1}\tssh-rsa AAAA${id} ${comment}\n`
  );
  const outcome = await stand.runWith(input.join(""), "batch-add-keys");
  assertEquals(outcome, SILENT);
  const listed = await stand.run("list-key-ids");
  assertEquals(listed.stdout, ids.map((id) => `${id + 1}\n`).join(""));
  assertEquals((await stand.run("list-keys")).stdout.split("\n").length, 6_001);
});

Deno.test("batch-add-keys --dry-run and --strict", async () => {
  using stand = new KeysStand({ content: "x\n" });
  const input = `key-1\t${ed25519Key(1)}\nbob\t${ed25519Key(2)}\n`;
  assertEquals(
    (await stand.runWith(input, "batch-add-keys", "--dry-run")).stdout,
    "would add 2 keys\n",
  );
  assertEquals(
    (await stand.runWith(input, "batch-add-keys", "--strict")).stderr,
    'gitlab-keys: Invalid key_id: "bob" in line 2\n',
  );
  assertEquals(stand.read(), "x\n");
});
