import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KeysStand, OPTS, SILENT } from "../../support/keys_stand.ts";
import { ed25519Key } from "../../support/key_samples.ts";

const FAKE = "ssh-rsa AAAAB3NzaDAxx2E";

Deno.test("keys-and-config.md case 59: add-key appends one line", async () => {
  using stand = new KeysStand({ content: "existing content\n" });
  assertEquals(await stand.run("add-key", "key-741", FAKE), SILENT);
  assertEquals(
    stand.read(),
    `existing content\n${stand.line("key-741", FAKE)}`,
  );
  assertEquals(stand.mode, 0o600);
});

Deno.test("keys-and-config.md case 60: add-key makes the file", async () => {
  using stand = new KeysStand();
  assertEquals(await stand.run("add-key", "key-741", FAKE), SILENT);
  assertEquals(stand.read(), stand.line("key-741", FAKE));
  assertEquals(stand.mode, 0o600);
  assertEquals(stand.names(), ["authorized_keys", "authorized_keys.lock"]);
});

Deno.test("keys-and-config.md case 61: one line end behind the key is dropped", async () => {
  using stand = new KeysStand();
  await stand.run("add-key", "key-741", `${FAKE}\n`);
  assertEquals(stand.read(), stand.line("key-741", FAKE));
});

Deno.test("keys-and-config.md case 62: a key of two lines is refused", async () => {
  using stand = new KeysStand({ content: "existing content\n" });
  assertEquals(await stand.run("add-key", "key-741", "ssh-rsa A\nssh-rsa B"), {
    exitStatus: 1,
    stdout: "",
    stderr: 'gitlab-keys: Invalid public_key: "ssh-rsa A\\nssh-rsa B"\n',
  });
  assertEquals(stand.read(), "existing content\n");
});

for (const id of ["key-1\nkey-2", "KEY-2", "key 1", ""]) {
  Deno.test(`keys-and-config.md case 63: the id ${JSON.stringify(id)} is refused`, async () => {
    using stand = new KeysStand({ content: "existing content\n" });
    const { exitStatus, stdout, stderr } = await stand.run("add-key", id, FAKE);
    assertEquals([exitStatus, stdout], [1, ""]);
    assertEquals(
      stderr,
      `gitlab-keys: Invalid key_id: ${JSON.stringify(id)}\n`,
    );
    assertEquals(stand.read(), "existing content\n");
  });
}

for (
  const command of [
    ["add-key", "key-1", FAKE],
    ["add-key", "key-2", FAKE],
    ["rm-key", "key-1"],
    ["rm-key", "key-7"],
    ["list-key-ids"],
    ["clear"],
    ["compact"],
    ["dedupe"],
    ["check-permissions"],
    ["batch-add-keys"],
    ["rebuild", "--allow-empty"],
  ]
) {
  Deno.test(`keys-and-config.md case 64: ${command.join(" ")} sets mode 0600`, async () => {
    using stand = new KeysStand();
    stand.write(stand.line("key-1", FAKE));
    Deno.chmodSync(stand.authFile, 0o644);
    assertEquals((await stand.run(...command)).exitStatus, 0);
    assertEquals(stand.mode, 0o600);
  });
}

for (
  const [name, tail] of [
    ["a foreign line", "ssh-ed25519 AAAA somebody"],
    ["a made-up key", "ours ssh-rsa AAAAB3NzaDAxx2E"],
    ["a whole key", `ours ${ed25519Key(5)}`],
    ["a key with comment", `ours ${ed25519Key(5)} mira`],
  ] as const
) {
  Deno.test(`keys-and-config.md case 65: add-key ends ${name} first`, async () => {
    using stand = new KeysStand();
    const last = tail.startsWith("ours ")
      ? stand.line("key-5", tail.slice(5)).trimEnd()
      : tail;
    stand.write(`first\n${last}`);
    assertEquals((await stand.run("add-key", "key-741", FAKE)).exitStatus, 0);
    assertEquals(
      stand.read(),
      `first\n${last}\n${stand.line("key-741", FAKE)}`,
    );
  });
}

Deno.test("add-key turns a torn last line of ours into a comment", async () => {
  using probe = new KeysStand();
  const whole = probe.line("key-5", ed25519Key(5)).trimEnd();
  const keyStart = whole.length - ed25519Key(5).length;
  for (
    const end of [
      keyStart - 30,
      keyStart - 1,
      keyStart,
      keyStart + 5,
      keyStart + 40,
      whole.length - 1,
    ]
  ) {
    using stand = new KeysStand();
    const torn = stand.line("key-5", ed25519Key(5)).slice(0, end);
    stand.write(`first\n${torn}`);
    assertEquals(await stand.run("add-key", "key-741", FAKE), SILENT);
    assertEquals(
      stand.read(),
      `first\n${"#".repeat(torn.length)}\n${stand.line("key-741", FAKE)}`,
    );
  }
});

Deno.test("add-key replaces its own torn line", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-5", ed25519Key(5));
  stand.write(line.slice(0, -9));
  assertEquals(await stand.run("add-key", "key-5", ed25519Key(5)), SILENT);
  assertEquals(stand.read(), `${"#".repeat(line.length - 9)}\n${line}`);
});

Deno.test("keys-and-config.md case 66: adding twice leaves one line", async () => {
  using stand = new KeysStand();
  for (let round = 0; round < 2; round++) {
    assertEquals(await stand.run("add-key", "key-741", FAKE), SILENT);
  }
  assertEquals(stand.read(), stand.line("key-741", FAKE));
});

Deno.test("add-key takes a line with CRLF, or without line end, for the same", async () => {
  for (const end of ["\r\n", ""]) {
    using stand = new KeysStand();
    const content = stand.line("key-741", FAKE).trimEnd() + end;
    stand.write(content);
    assertEquals(await stand.run("add-key", "key-741", FAKE), SILENT);
    assertEquals(stand.read(), content);
  }
});

Deno.test("keys-and-config.md case 67: another key of the same id replaces it", async () => {
  using stand = new KeysStand();
  const old = stand.line("key-741", FAKE);
  const other = stand.line("key-742", "ssh-rsa ZZZZ");
  stand.write(`# mine\n${old}${other}`);
  assertEquals(await stand.run("add-key", "key-741", ed25519Key(1)), SILENT);
  assertEquals(
    stand.read(),
    `# mine\n${"#".repeat(old.length - 1)}\n${other}${
      stand.line("key-741", ed25519Key(1))
    }`,
  );
});

Deno.test("add-key removes older lines of an id whose line is there", async () => {
  using stand = new KeysStand();
  const old = stand.line("key-741", FAKE);
  const line = stand.line("key-741", ed25519Key(1));
  stand.write(old + line);
  assertEquals(await stand.run("add-key", "key-741", ed25519Key(1)), SILENT);
  assertEquals(stand.read(), `${"#".repeat(old.length - 1)}\n${line}`);
});

Deno.test("add-key warns of a key that another id has", async () => {
  using stand = new KeysStand();
  await stand.run("add-key", "key-1", `${ed25519Key(1)} old`);
  const { exitStatus, stderr } = await stand.run(
    "add-key",
    "key-2",
    `${ed25519Key(1)} new`,
  );
  assertEquals(exitStatus, 0);
  assertEquals(
    stderr,
    "gitlab-keys: warning: the key of key-2 belongs to key-1 already; " +
      "sshd uses the first line of a key\n",
  );
  assertEquals(stand.read().split("\n").length, 3);
});

Deno.test("add-key does not warn of a longer key that begins alike, or of a comment", async () => {
  using stand = new KeysStand();
  stand.write(
    stand.line("key-1", "ssh-rsa AAAAB3NzaDAxx2EXX") +
      stand.line("key-3", "ssh-rsa BBBB AAAAB3NzaDAxx2E") +
      "ssh-rsa AAAAB3NzaDAxx2E foreign\n",
  );
  assertEquals(await stand.run("add-key", "key-2", FAKE), SILENT);
});

Deno.test("add-key needs both words, and tells the key's fault first", async () => {
  using stand = new KeysStand();
  for (const words of [[], ["key-1"]]) {
    assertEquals(await stand.run("add-key", ...words), {
      exitStatus: 1,
      stdout: "",
      stderr: "gitlab-keys: add-key needs a key_id and a public key\n",
    });
  }
  const { stderr } = await stand.run("add-key", "BAD", "a\nb");
  assertStringIncludes(stderr, "Invalid public_key");
  assertEquals(stand.names(), []);
});

Deno.test("add-key ignores further arguments, as it always did", async () => {
  using stand = new KeysStand();
  assertEquals(
    await stand.run("add-key", "key-1", FAKE, "more", "words"),
    SILENT,
  );
  assertEquals(stand.read(), stand.line("key-1", FAKE));
});

Deno.test("add-key refuses a line that sshd would not read", async () => {
  using stand = new KeysStand({ content: "x\n" });
  const { exitStatus, stderr } = await stand.run(
    "add-key",
    "key-1",
    `ssh-rsa ${"A".repeat(8_150)}`,
  );
  assertEquals(exitStatus, 1);
  assert(stderr.length < 500);
  assertEquals(stand.read(), "x\n");
});

Deno.test("add-key --strict asks for a numbered id and a known type", async () => {
  using stand = new KeysStand();
  assertEquals(
    (await stand.run("add-key", "--strict", "key-1", FAKE)).exitStatus,
    0,
  );
  for (
    const [id, key] of [["bob", FAKE], ["key-2", "ssh-dsa ASDF"], [
      "key-2",
      "ssh-rsa *",
    ]] as const
  ) {
    assertEquals(
      (await stand.run("add-key", id, key, "--strict")).exitStatus,
      1,
    );
  }
  assertEquals(stand.read(), stand.line("key-1", FAKE));
});

Deno.test("keys-and-config.md case 73: rm-key hides the line in place", async () => {
  using stand = new KeysStand();
  const [first, second] = [
    stand.line("key-741", FAKE),
    stand.line("key-742", FAKE),
  ];
  stand.write(first + second);
  assertEquals(await stand.run("rm-key", "key-741"), SILENT);
  assertEquals(stand.read(), `${"#".repeat(first.length - 1)}\n${second}`);
});

Deno.test("keys-and-config.md case 74: rm-key of key-1 leaves key-12 alone", async () => {
  using stand = new KeysStand();
  stand.write(stand.line("key-12", FAKE));
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  assertEquals(stand.read(), stand.line("key-12", FAKE));
});

Deno.test("keys-and-config.md case 75: rm-key ignores the key", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-741", FAKE);
  stand.write(line);
  assertEquals(await stand.run("rm-key", "key-741", "anything"), SILENT);
  assertEquals(stand.read(), `${"#".repeat(line.length - 1)}\n`);
});

Deno.test("keys-and-config.md case 76: rm-key hides all lines of an id", async () => {
  using stand = new KeysStand();
  const [one, two] = [
    stand.line("key-1", FAKE),
    stand.line("key-1", ed25519Key(2)),
  ];
  stand.write(`${one}# keep\n${two}`);
  const inode = Deno.statSync(stand.authFile).size;
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  const hidden = (line: string) => "#".repeat(line.length - 1);
  assertEquals(stand.read(), `${hidden(one)}\n# keep\n${hidden(two)}\n`);
  assertEquals(Deno.statSync(stand.authFile).size, inode);
  assertEquals(stand.mode, 0o600);
});

Deno.test("keys-and-config.md case 77: rm-key leaves other roots, comments and quotations alone", async () => {
  using stand = new KeysStand();
  const content = `command="/x/bin/gitlab-shell key-1",${OPTS} ${FAKE}\n` +
    `# ${stand.line("key-1", FAKE)}` + ` ${stand.line("key-1", FAKE)}` +
    `ssh-rsa AAAA ${stand.line("key-1", FAKE)}`;
  stand.write(content);
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  assertEquals(stand.read(), content);
});

Deno.test("keys-and-config.md case 78: rm-key hides a last line without line end", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-1", FAKE).trimEnd();
  stand.write(`x\n${line}`);
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  assertEquals(stand.read(), `x\n${"#".repeat(line.length)}`);
});

Deno.test("keys-and-config.md case 79: rm-key counts bytes, not characters", async () => {
  using stand = new KeysStand();
  const before = stand.line("key-1", `${FAKE} J\u00f6rg \u{1f511}`);
  const line = stand.line("key-2", `${FAKE} \u00e9\u00e9\u00e9`);
  const after = stand.line("key-3", FAKE);
  stand.write(before + line + after);
  assertEquals(await stand.run("rm-key", "key-2"), SILENT);
  const length = new TextEncoder().encode(line).length - 1;
  assertEquals(stand.read(), `${before}${"#".repeat(length)}\n${after}`);
});

Deno.test("rm-key hides a line with CRLF whole", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-1", FAKE).trimEnd();
  stand.write(`${line}\r\nx\n`);
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  assertEquals(stand.read(), `${"#".repeat(line.length + 1)}\nx\n`);
});

Deno.test("rm-key hides a line of ours however long it is", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-1", `${FAKE} ${"x".repeat(3_000_000)}`);
  stand.write(`a\n${line}b\n`);
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  assertEquals(stand.read(), `a\n${"#".repeat(line.length - 1)}\nb\n`);
});

Deno.test("rm-key fails where there is no file, and for a bad id", async () => {
  using stand = new KeysStand();
  assertEquals(await stand.run("rm-key", "key-1"), {
    exitStatus: 1,
    stdout: "",
    stderr:
      `gitlab-keys: could not open ${stand.authFile}: No such file or directory\n`,
  });
  assertEquals(stand.names(), ["authorized_keys.lock"]);
  const { stderr } = await stand.run("rm-key");
  assertEquals(stderr, 'gitlab-keys: Invalid key_id: ""\n');
});

Deno.test("rm-key says in the log when it is time to compact", async () => {
  using stand = new KeysStand();
  const line = stand.line("key-1", FAKE);
  stand.write("#".repeat(2 << 20) + `\n${line}${"x".repeat(1 << 20)}\n`);
  assertEquals(await stand.run("rm-key", "key-1"), SILENT);
  assert(stand.records().some(({ msg }) => String(msg).includes("compact")));
});

Deno.test("a dry run says what would be done and does nothing", async () => {
  using stand = new KeysStand();
  const content = stand.line("key-1", FAKE) + stand.line("key-2", FAKE);
  stand.write(content);
  const said = async (...args: string[]) =>
    (await stand.run(...args, "--dry-run")).stdout;
  assertEquals(
    await said("add-key", "key-1", FAKE),
    "would change nothing: key-1 is there already\n",
  );
  assertEquals(await said("add-key", "key-3", FAKE), "would add key-3\n");
  assertEquals(
    await said("add-key", "key-1", ed25519Key(1)),
    "would add key-1 and remove 1 other line of its id\n",
  );
  assertEquals(await said("rm-key", "key-2"), "would remove 1 line of key-2\n");
  assertEquals(stand.read(), content);
  assertEquals(stand.names(), ["authorized_keys"]);
});

Deno.test("add-key and rm-key leave records as gitlab-keys always did", async () => {
  using stand = new KeysStand();
  await stand.run("add-key", "key-741", FAKE);
  await stand.run("rm-key", "key-741");
  const [added, metrics, removed] = stand.records();
  assertEquals(added?.["msg"], "Adding key");
  assertEquals(added?.["level"], "INFO");
  assertEquals(added?.["key_id"], "key-741");
  assertEquals(added?.["public_key"], FAKE);
  assertEquals(added?.["pid"], Deno.pid);
  assertEquals([metrics?.["level"], metrics?.["msg"], metrics?.["name"]], [
    "DEBUG",
    "metrics",
    "command-add-key",
  ]);
  assertEquals([removed?.["msg"], removed?.["key_id"]], [
    "Removing key",
    "key-741",
  ]);
});
