import { assertEquals } from "@std/assert";
import { ed25519Key } from "../../support/key_samples.ts";
import { KeysStand, OPTS, SILENT } from "../../support/keys_stand.ts";

const FAKE = "ssh-rsa AAAAB3NzaDAxx2E";
const MARKER = "# Managed by gitlab-shell\n";

Deno.test("keys-and-config.md case 83: clear leaves the marker alone", async () => {
  using stand = new KeysStand();
  stand.write(`# mine\n${stand.line("key-1", FAKE)}ssh-rsa AAAA foreign\n`);
  assertEquals(await stand.run("clear"), SILENT);
  assertEquals(stand.read(), MARKER);
  assertEquals(stand.names(), ["authorized_keys", "authorized_keys.lock"]);
});

Deno.test("clear makes the file", async () => {
  using stand = new KeysStand();
  assertEquals(await stand.run("clear"), SILENT);
  assertEquals([stand.read(), stand.mode], [MARKER, 0o600]);
});

Deno.test("clear --keep-foreign keeps what is not ours, in order", async () => {
  using stand = new KeysStand();
  const other = `command="/x/bin/gitlab-shell key-1",${OPTS} ${FAKE}\n`;
  stand.write(
    `# Managed by gitlab-rails\n# mine\n\n${
      stand.line("key-1", FAKE)
    }${other}` +
      `${"#".repeat(300)}\nssh-rsa AAAA\r\nlast`,
  );
  assertEquals(await stand.run("clear", "--keep-foreign"), SILENT);
  assertEquals(
    stand.read(),
    `${MARKER}# mine\n\n${other}ssh-rsa AAAA\r\nlast`,
  );
});

Deno.test("compact takes removed lines out and nothing else", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-1", FAKE);
  const ruler = `${"#".repeat(80)}\n`;
  stand.write(
    `${MARKER}${"#".repeat(300)}\n${ruler}${line}\n${"#".repeat(400)}\nlast`,
  );
  assertEquals(
    (await stand.run("compact", "--dry-run")).stdout,
    "would keep 5 lines and drop 2 lines of 702 bytes\n",
  );
  assertEquals(await stand.run("compact"), SILENT);
  assertEquals(stand.read(), `${MARKER}${ruler}${line}\nlast`);
});

Deno.test("compact of a missing file fails", async () => {
  using stand = new KeysStand();
  assertEquals((await stand.run("compact")).exitStatus, 1);
  assertEquals((await stand.run("dedupe")).exitStatus, 1);
});

Deno.test("dedupe keeps the newest key of an id and the first id of a key", async () => {
  using stand = new KeysStand();
  const line = (id: number, key: number) =>
    stand.line(`key-${id}`, ed25519Key(key));
  stand.write(
    `# mine\n${line(1, 10)}${line(2, 20)}${line(1, 11)}${line(3, 20)}` +
      `${line(4, 40)}${line(4, 40)}ssh-rsa AAAA key-2\n${line(5, 50)}`,
  );
  const outcome = await stand.run("dedupe");
  assertEquals(outcome.exitStatus, 0);
  assertEquals(
    outcome.stderr,
    "gitlab-keys: warning: dropped 2 duplicate IDs and 1 duplicate key: " +
      "key-1, key-3, key-4\n",
  );
  assertEquals(
    stand.read(),
    `# mine\n${line(2, 20)}${line(1, 11)}${line(4, 40)}ssh-rsa AAAA key-2\n` +
      line(5, 50),
  );
});

Deno.test("dedupe does not lose a key whose first line goes for its id", async () => {
  using stand = new KeysStand();
  const line = (id: number, key: number) =>
    stand.line(`key-${id}`, ed25519Key(key));
  stand.write(line(1, 10) + line(2, 10) + line(1, 11));
  await stand.run("dedupe");
  assertEquals(stand.read(), line(2, 10) + line(1, 11));
});

Deno.test("dedupe looks past padding and comments of a key", async () => {
  using stand = new KeysStand();
  const [one, two] = [
    stand.line("key-1", "ssh-rsa AAAAAA== a"),
    stand.line("key-2", "ssh-rsa AAAAAA b"),
  ];
  stand.write(one + two);
  await stand.run("dedupe");
  assertEquals(stand.read(), one);
});

Deno.test("dedupe of a file without duplicates changes nothing", async () => {
  using stand = new KeysStand();
  const content = `${stand.line("key-1", ed25519Key(1))}x\n\n` +
    stand.line("username-bob", ed25519Key(2));
  stand.write(content);
  assertEquals(await stand.run("dedupe"), SILENT);
  assertEquals(stand.read(), content);
});

Deno.test("keys-and-config.md case 97: a link is kept and its file replaced", async () => {
  using stand = new KeysStand();
  const real = `${stand.folder}/real_keys`;
  Deno.writeTextFileSync(real, `x\n${stand.line("key-1", FAKE)}`, {
    mode: 0o600,
  });
  Deno.symlinkSync("real_keys", stand.authFile);
  for (
    const command of [
      ["add-key", "key-2", ed25519Key(2)],
      ["add-key", "key-2", ed25519Key(3)],
      ["rm-key", "key-1"],
      ["compact"],
      ["dedupe"],
      ["clear", "--keep-foreign"],
    ]
  ) {
    assertEquals(await stand.run(...command), SILENT);
    assertEquals(Deno.readLinkSync(stand.authFile), "real_keys");
  }
  assertEquals(Deno.readTextFileSync(real), `${MARKER}x\n`);
  assertEquals(stand.names(), [
    "authorized_keys",
    "authorized_keys.lock",
    "real_keys",
  ]);
});

Deno.test("keys-and-config.md case 99: bytes that are not UTF-8 stay", async () => {
  using stand = new KeysStand();
  const encoder = new TextEncoder();
  const foreign = new Uint8Array([0xff, 0x00, 0x80, 0x0d, 0x0a, 0xc3, 0x0a]);
  const line = encoder.encode(stand.line("key-1", FAKE));
  stand.write(new Uint8Array([...foreign, ...line]));
  const expectStart = () =>
    assertEquals(stand.readBytes().subarray(0, foreign.length), foreign);
  for (
    const command of [
      ["add-key", "key-2", ed25519Key(2)],
      ["rm-key", "key-1"],
      ["compact"],
      ["add-key", "key-2", ed25519Key(3)],
      ["dedupe"],
    ]
  ) {
    assertEquals((await stand.run(...command)).exitStatus, 0);
    expectStart();
  }
});
