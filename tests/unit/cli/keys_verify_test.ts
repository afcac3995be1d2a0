import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ed25519Key, encodeKey } from "../../support/key_samples.ts";
import { KeysStand, OPTS } from "../../support/keys_stand.ts";
import { json, openScriptedApi, whole } from "../../support/scripted_api.ts";

const KEYS = [1, 2, 3].map(ed25519Key);
const list = (...numbers: readonly number[]) =>
  numbers.map((number) => `key-${number}\t${ed25519Key(number)} c${number}\n`)
    .join("");
const lines = (stand: KeysStand, ...numbers: readonly number[]) =>
  numbers.map((number) => stand.line(`key-${number}`, ed25519Key(number)))
    .join("");

Deno.test("verify says that a file is as it should be, comments aside", async () => {
  using stand = new KeysStand();
  stand.write(`# mine\n${lines(stand, 2, 1)}${"#".repeat(300)}\n`);
  assertEquals(await stand.runWith(list(1, 2), "verify"), {
    exitStatus: 0,
    stdout: "2 managed lines, 2 as they should be\n",
    stderr: "",
  });
});

/** One line of each fault, and the list that they are judged by. */
function spoil(stand: KeysStand): string {
  const rsa = encodeKey(
    "ssh-rsa",
    new Uint8Array([3]),
    new Uint8Array(129).fill(0x7f, 1),
  );
  stand.write([
    "# mine",
    stand.line("key-1", ed25519Key(1)).trimEnd(),
    stand.line("key-2", ed25519Key(22)).trimEnd(),
    stand.line("key-3", ed25519Key(3)).trimEnd().replace(OPTS, "no-pty"),
    stand.line("key-1", ed25519Key(1)).trimEnd(),
    stand.line("key-77", ed25519Key(77)).trimEnd(),
    stand.line("key-4", rsa).trimEnd(),
    stand.line("key-5", "ssh-dsa ASDF").trimEnd(),
    stand.line("key-6", "ssh-ed25519").trimEnd(),
    "ssh-rsa AAAA foreign",
  ].join("\n"));
  return list(1, 2, 3, 6, 8) + `key-4\t${rsa}\nkey-5\tssh-dsa ASDF\n`;
}

Deno.test("verify tells every kind of fault, and exits 1", async () => {
  using stand = new KeysStand();
  const wanted = spoil(stand);
  const before = stand.read();
  const { exitStatus, stdout } = await stand.runWith(wanted, "verify");
  assertEquals(exitStatus, 1);
  assertEquals(stdout.split("\n"), [
    "altered key-2 line 3",
    "options key-3 line 4",
    "duplicate key-1 line 5",
    "extra key-77 line 6",
    "weak key-4 line 7: RSA with 1023 bits, fewer than 2048",
    'unsupported key-5 line 8: sshd does not know the type "ssh-dsa"',
    "malformed key-6 line 9",
    "missing key-8",
    "8 managed lines, 3 as they should be: 1 missing, 1 extra, 1 duplicate, " +
    "1 altered, 1 options, 1 malformed, 1 weak, 1 unsupported",
    "",
  ]);
  assertEquals(stand.read(), before);
});

Deno.test("verify --json prints an object a line and a summary", async () => {
  using stand = new KeysStand();
  const wanted = spoil(stand);
  const { stdout } = await stand.runWith(wanted, "verify", "--json");
  const objects = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(objects[0], { kind: "altered", id: "key-2", line: 3 });
  assertEquals(objects[7], { kind: "missing", id: "key-8" });
  assertEquals(objects[8].summary.managed, 8);
  assertEquals(objects[8].summary.repaired, false);
});

Deno.test("verify --fix repairs what it can, and then finds no fault", async () => {
  using stand = new KeysStand();
  const wanted = spoil(stand);
  const dry = await stand.runWith(wanted, "verify", "--fix", "--dry-run");
  assertEquals(dry.exitStatus, 1);
  assertStringIncludes(dry.stdout, ", would be repaired\n");
  const { exitStatus, stdout } = await stand.runWith(wanted, "verify", "--fix");
  assertEquals(exitStatus, 0);
  assertStringIncludes(stdout, ", repaired\n");
  assertStringIncludes(stand.read(), "# mine\n");
  assertStringIncludes(stand.read(), "ssh-rsa AAAA foreign\n");
  const again = await stand.runWith(wanted, "verify");
  assertEquals(again.exitStatus, 0);
  assertEquals(again.stdout.split("\n").slice(0, -2), [
    "weak key-4 line 7: RSA with 1023 bits, fewer than 2048",
    'unsupported key-5 line 8: sshd does not know the type "ssh-dsa"',
  ]);
});

Deno.test("verify applies the rule of rebuild to repeated records", async () => {
  using stand = new KeysStand();
  const repeated = `${list(1, 2)}key-3\t${ed25519Key(1)}\nkey-2\t${
    ed25519Key(9)
  }\n`;
  assertEquals((await stand.runWith(repeated, "rebuild")).exitStatus, 0);
  const { exitStatus, stderr } = await stand.runWith(repeated, "verify");
  assertEquals(exitStatus, 0);
  assertStringIncludes(
    stderr,
    "ignored in the list 1 duplicate ID and 1 duplicate key: key-3, key-2",
  );
});

Deno.test("verify of a missing file finds everything missing and makes none", async () => {
  using stand = new KeysStand();
  const { exitStatus, stdout } = await stand.runWith(list(1), "verify");
  assertEquals(exitStatus, 1);
  assertEquals(
    stdout,
    "missing key-1\n0 managed lines, 0 as they should be: 1 missing\n",
  );
  assertEquals(stand.names(), []);
});

Deno.test("verify of a list with a bad record judges nothing", async () => {
  using stand = new KeysStand({ content: "x\n" });
  const { exitStatus, stdout, stderr } = await stand.runWith(
    "bad\n",
    "verify",
    "--fix",
  );
  assertEquals([exitStatus, stdout], [1, ""]);
  assertStringIncludes(stderr, "in line 1");
});

const NOT_FOUND = json(404, { message: "404 Key Not Found" });

Deno.test("verify --from-api asks GitLab about every key and repairs by its answers", async () => {
  await using api = openScriptedApi([async (peer, attempt) => {
    const url = new URL(attempt.target, "http://x");
    const key = url.searchParams.get("key") ?? "";
    const number = [1, 2, 3].find((at) => KEYS[at - 1]?.endsWith(key));
    const answer = number === 1
      ? json(200, { id: 1, key: `${KEYS[0]} Mira (gitlab.example)` })
      : number === 2
      ? json(200, { id: 22, key: `${KEYS[1]} Mira` })
      : NOT_FOUND;
    await answer(peer, attempt);
  }]);
  using stand = new KeysStand({
    config: `gitlab_url: ${api.url}\nsecret: s3cret\n`,
  });
  stand.write(`# mine\n${lines(stand, 1, 2, 3)}`);
  const { exitStatus, stdout } = await stand.run("verify", "--from-api");
  assertEquals(exitStatus, 1);
  assertEquals(stdout.split("\n").slice(0, 3), [
    "extra key-2 line 3",
    "extra key-3 line 4",
    "missing key-22",
  ]);
  assertEquals(
    (await stand.run("verify", "--from-api", "--fix")).exitStatus,
    0,
  );
  const [, first = "", second = "", third = "", last = ""] = stand.read()
    .split("\n");
  assertEquals(`${first}\n`, lines(stand, 1));
  assert(/^#+$/.test(second) && /^#+$/.test(third));
  assertEquals(`${last}\n`, stand.line("key-22", `${KEYS[1]} Mira`));
  assertEquals((await stand.run("verify", "--from-api")).exitStatus, 0);
  assertEquals((await stand.run("rebuild", "--from-api")).exitStatus, 0);
  assertEquals(stand.read().split("\n").length, 5);
});

Deno.test("verify --from-api takes no outage for an answer", async () => {
  for (const answer of [json(403, {}), whole(200, "junk"), json(200, {})]) {
    await using api = openScriptedApi([answer]);
    using stand = new KeysStand({
      config: `gitlab_url: ${api.url}\nsecret: s3cret\n`,
    });
    stand.write(lines(stand, 1, 2));
    const before = stand.read();
    const outcome = await stand.run("verify", "--from-api", "--fix");
    assertEquals([outcome.exitStatus, outcome.stdout], [1, ""]);
    assertEquals(stand.read(), before);
  }
});

Deno.test("verify --from-api and a list exclude each other", async () => {
  using stand = new KeysStand({ config: "secret: x\n" });
  const { exitStatus } = await stand.run("verify", "--from-api", "list.tsv");
  assertEquals(exitStatus, 1);
});
