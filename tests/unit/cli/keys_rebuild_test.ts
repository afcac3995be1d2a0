import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ed25519Key } from "../../support/key_samples.ts";
import { KeysStand, OPTS } from "../../support/keys_stand.ts";

const FAKE = "ssh-rsa AAAAB3NzaDAxx2E";
const MARKER = "# Managed by gitlab-shell\n";

const input = (...numbers: readonly number[]) =>
  numbers.map((number) => `key-${number}\t${ed25519Key(number)}\n`).join("");
const lines = (stand: KeysStand, ...numbers: readonly number[]) =>
  numbers.map((number) => stand.line(`key-${number}`, ed25519Key(number)))
    .join("");

Deno.test("keys-and-config.md case 92: rebuild keeps foreign lines and their order", async () => {
  using stand = new KeysStand();
  const other = `command="/x/bin/gitlab-shell key-1",${OPTS} ${FAKE}\n`;
  const foreign = `# mine\n\n${other}ssh-rsa AAAA \r\n${"#".repeat(80)}\nlast`;
  const parts = foreign.split("\n");
  stand.write(
    `# Managed by gitlab-rails\n${lines(stand, 9)}` +
      parts.join(`\n${lines(stand, 8)}${"#".repeat(300)}\n`),
  );
  const { exitStatus, stdout, stderr } = await stand.runWith(
    input(2, 1),
    "rebuild",
  );
  assertEquals([exitStatus, stdout], [0, ""]);
  assertEquals(
    stderr,
    "gitlab-keys: rebuild: 2 added, 6 foreign lines kept, " +
      "0 duplicates dropped, 0 skipped\n",
  );
  assertEquals(stand.read(), `${MARKER}${foreign}\n${lines(stand, 2, 1)}`);
  assertEquals(stand.mode, 0o600);
});

Deno.test("keys-and-config.md case 93: a bad record leaves the file as it was", async () => {
  using stand = new KeysStand({ content: "before\n" });
  for (
    const [bad, message] of [
      ["foo\tbar\tbaz\n", 'invalid input "foo\\tbar\\tbaz\\n" in line 3'],
      ["KEY-1\tx y\n", 'Invalid key_id: "KEY-1" in line 3'],
      ["\n", 'invalid input "\\n" in line 3'],
    ] as const
  ) {
    assertEquals(await stand.runWith(input(1, 2) + bad + input(3), "rebuild"), {
      exitStatus: 1,
      stdout: "",
      stderr: `gitlab-keys: ${message}\n`,
    });
    assertEquals(stand.read(), "before\n");
    assertEquals(stand.names(), ["authorized_keys", "authorized_keys.lock"]);
  }
});

Deno.test("rebuild --skip-invalid counts bad records", async () => {
  using stand = new KeysStand();
  const long = `key-5\tssh-rsa ${"A".repeat(8_100)}\n`;
  const { exitStatus, stderr } = await stand.runWith(
    `${input(1)}bad\n${long}${input(2)}`,
    "rebuild",
    "--skip-invalid",
  );
  assertEquals(exitStatus, 0);
  assertStringIncludes(
    stderr,
    'skipped 2, the first: invalid input "bad\\n" in line 2',
  );
  assertStringIncludes(
    stderr,
    "2 added, 0 foreign lines kept, 0 duplicates dropped, 2 skipped",
  );
  assertEquals(stand.read(), MARKER + lines(stand, 1, 2));
});

Deno.test("keys-and-config.md case 95: an empty list is refused unless it is meant", async () => {
  using stand = new KeysStand({ content: "before\n" });
  const refused = await stand.run("rebuild");
  assertEquals(refused.exitStatus, 1);
  assertEquals(
    refused.stderr,
    "gitlab-keys: the input holds no keys; nothing was changed\n",
  );
  assertEquals(stand.read(), "before\n");
  assertEquals((await stand.run("rebuild", "--allow-empty")).exitStatus, 0);
  assertEquals(stand.read(), `${MARKER}before\n`);
});

Deno.test("keys-and-config.md case 96: without a terminal nothing but plain lines is said", async () => {
  using stand = new KeysStand();
  const { stdout, stderr } = await stand.runWith(input(1), "rebuild");
  assertEquals(stdout, "");
  // deno-lint-ignore no-control-regex -- these are what must not be there
  assert(!/[\x00-\x09\x0b-\x1f\x7f]/.test(stderr));
  const quiet = await stand.runWith(input(1), "rebuild", "--quiet");
  assertEquals(quiet, { exitStatus: 0, stdout: "", stderr: "" });
});

Deno.test("keys-and-config.md case 98: of repeated ids and keys the first stays", async () => {
  using stand = new KeysStand();
  const records = [
    ["key-1", 10],
    ["key-2", 20],
    ["key-1", 11],
    ["key-3", 20],
    // Its id was refused to another key above, but its key is new.
    ["key-3", 30],
    ["key-2", 20],
  ] as const;
  const text = records.map(([id, key]) => `${id}\t${ed25519Key(key)}\n`).join(
    "",
  );
  const { exitStatus, stderr } = await stand.runWith(text, "rebuild");
  assertEquals(exitStatus, 0);
  assertEquals(
    stderr,
    "gitlab-keys: rebuild: 3 added, 0 foreign lines kept, " +
      "3 duplicates dropped, 0 skipped\n" +
      "gitlab-keys: warning: dropped 2 duplicate IDs and 1 duplicate key: " +
      "key-1, key-3, key-2\n",
  );
  const line = (id: number, key: number) =>
    stand.line(`key-${id}`, ed25519Key(key));
  assertEquals(stand.read(), MARKER + line(1, 10) + line(2, 20) + line(3, 30));
});

Deno.test("rebuild reads a file, and fails where there is none", async () => {
  using stand = new KeysStand();
  const list = `${stand.root}/keys.tsv`;
  const missing = await stand.run("rebuild", list);
  assertEquals(missing.exitStatus, 1);
  assertStringIncludes(missing.stderr, `could not open ${list}: No such file`);
  Deno.writeTextFileSync(list, input(1, 2));
  assertEquals((await stand.run("rebuild", list, "--total=2")).exitStatus, 0);
  assertEquals(stand.read(), MARKER + lines(stand, 1, 2));
});

Deno.test("rebuild --adopt-root drops the lines of another root as well", async () => {
  using stand = new KeysStand();
  const of = (root: string) =>
    `command="${root}/bin/gitlab-shell key-1",${OPTS} ${FAKE}\n`;
  stand.write(of("/old") + of("/other"));
  const { exitStatus } = await stand.runWith(
    input(1),
    "rebuild",
    "--adopt-root=/old/",
  );
  assertEquals(exitStatus, 0);
  assertEquals(stand.read(), MARKER + of("/other") + lines(stand, 1));
  const bad = await stand.runWith(input(1), "rebuild", "--adopt-root=old");
  assertEquals(bad.exitStatus, 1);
});

Deno.test("rebuild --dry-run counts and changes nothing", async () => {
  using stand = new KeysStand({ content: "before\n" });
  const outcome = await stand.runWith(input(1, 2, 1), "rebuild", "--dry-run");
  assertEquals(
    outcome.stdout,
    "would rebuild: 2 added, 1 foreign lines kept, 1 duplicates dropped, " +
      "0 skipped\n",
  );
  assertEquals(stand.read(), "before\n");
  assertEquals(stand.names(), ["authorized_keys"]);
});

Deno.test("rebuild is the same whatever the pieces of its input", async () => {
  using stand = new KeysStand();
  const { runGitlabKeys } = await import("../../../src/cli/gitlab_keys.ts");
  const { readerOf } = await import("../../support/fake_host.ts");
  const bytes = new TextEncoder().encode(input(1, 2, 3));
  for (const size of [1, 2, 7, 64]) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      chunks.push(bytes.subarray(at, at + size));
    }
    const { host } = stand.host(["rebuild"], readerOf(...chunks));
    assertEquals(await runGitlabKeys(host), 0);
    assertEquals(stand.read(), MARKER + lines(stand, 1, 2, 3));
  }
});
