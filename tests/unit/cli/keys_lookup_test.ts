import { assertEquals, assertStringIncludes } from "@std/assert";
import { ed25519Key, encodeKey } from "../../support/key_samples.ts";
import { KeysStand } from "../../support/keys_stand.ts";
import { json, openScriptedApi } from "../../support/scripted_api.ts";

const KEY = ed25519Key(1);
const [TYPE = "", BASE64 = ""] = KEY.split(" ");

async function fingerprintOf(base64: string): Promise<string> {
  const blob = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return `SHA256:${btoa(String.fromCharCode(...digest)).replace(/=+$/, "")}`;
}

Deno.test("fingerprint prints what ssh-keygen -l prints", async () => {
  using stand = new KeysStand();
  const fingerprint = await fingerprintOf(BASE64);
  for (
    const [words, comment] of [
      [[`${KEY} mira@reef`], "mira@reef"],
      [[TYPE, BASE64, "two", "words"], "two words"],
      [[BASE64], "no comment"],
      [[stand.line("key-1", `${KEY} c`)], "c"],
    ] as const
  ) {
    assertEquals(await stand.run("fingerprint", ...words), {
      exitStatus: 0,
      stdout: `256 ${fingerprint} ${comment} (ED25519)\n`,
      stderr: "",
    });
  }
});

Deno.test("fingerprint reads a list and says what is no key", async () => {
  using stand = new KeysStand();
  const rsa = encodeKey(
    "ssh-rsa",
    new Uint8Array([3]),
    new Uint8Array([0x7f, 1]),
  );
  const { exitStatus, stdout, stderr } = await stand.runWith(
    `# comment\n\n${KEY}\nnonsense\n${rsa}\n`,
    "fingerprint",
    "-",
  );
  assertEquals(exitStatus, 1);
  const rows = stdout.trimEnd().split("\n");
  assertEquals(rows.length, 2);
  assertStringIncludes(rows[1] ?? "", "(RSA) weak: RSA with 15 bits");
  assertEquals(stderr, "gitlab-keys: warning: no public key in the input\n");
});

Deno.test("fingerprint --json, and without a key", async () => {
  using stand = new KeysStand();
  const { stdout } = await stand.run("fingerprint", "--json", `${KEY} c`);
  assertEquals(JSON.parse(stdout), {
    type: TYPE,
    bits: 256,
    fingerprint: await fingerprintOf(BASE64),
    comment: "c",
    judgement: "sound",
  });
  assertEquals(await stand.run("fingerprint"), {
    exitStatus: 1,
    stdout: "",
    stderr:
      "gitlab-keys: fingerprint needs a public key, or - for standard input\n",
  });
});

Deno.test("lookup tells owner, place in the file, and what sshd is told", async () => {
  await using api = openScriptedApi([async (peer, attempt) => {
    const isLookup = attempt.target.includes("authorized_keys");
    const answer = isLookup
      ? json(200, { id: 7, key: `${KEY} Mira (gitlab.example)` })
      : json(200, { id: 3, username: "mira", name: "Mira" });
    await answer(peer, attempt);
  }]);
  using stand = new KeysStand({
    config: `gitlab_url: ${api.url}\nsecret: s3cret\n`,
  });
  stand.write(`# mine\n${stand.line("key-7", KEY)}${KEY} foreign\n`);
  const { exitStatus, stdout } = await stand.run("lookup", KEY, "laptop");
  assertEquals(exitStatus, 0);
  assertEquals(stdout.split("\n"), [
    "key:          ssh-ed25519, 256 bits",
    `fingerprint:  ${await fingerprintOf(BASE64)}`,
    "comment:      laptop",
    "judgement:    sound",
    "in GitLab:    key-7 of @mira",
    `in file:      line 2 as key-7, line 3 of ${stand.authFile}`,
    `sshd is told: ${
      stand.line("key-7", `${KEY} Mira (gitlab.example)`).trimEnd()
    }`,
    "",
  ]);
  const json_ = await stand.run("lookup", "--json", BASE64);
  const told = JSON.parse(json_.stdout);
  assertEquals([told.key_id, told.username], ["key-7", "mira"]);
  assertEquals(told.file, [{ line: 2, id: "key-7" }, { line: 3 }]);
});

Deno.test("lookup of an unknown key, and of a GitLab that cannot be asked", async () => {
  await using api = openScriptedApi([json(404, { message: "404 Not Found" })]);
  using stand = new KeysStand({
    config: `gitlab_url: ${api.url}\nsecret: s3cret\n`,
  });
  const unknown = await stand.run("lookup", KEY);
  assertEquals(unknown.exitStatus, 1);
  assertStringIncludes(unknown.stdout, "in GitLab:    no such key\n");
  assertStringIncludes(
    unknown.stdout,
    `in file:      not in ${stand.authFile}\n`,
  );
  assertStringIncludes(
    unknown.stdout,
    `sshd is told: # No key was found for ${BASE64}\n`,
  );
  using broken = new KeysStand({
    config: "gitlab_url: ftp://x\nsecret: s3cret\n",
  });
  const failed = await broken.run("lookup", KEY);
  assertEquals(failed.exitStatus, 1);
  assertStringIncludes(
    failed.stdout,
    "in GitLab:    error creating http client: unknown GitLab URL prefix\n",
  );
  assertEquals((await stand.run("lookup", "nonsense")).exitStatus, 1);
});

for (
  const [word, wanted] of [
    ["command", ["AuthorizedKeysCommand ", "AuthorizedKeysFile none"]],
    ["file", ["AuthorizedKeysFile "]],
    ["certificates", [
      "TrustedUserCAKeys /etc/x.pub",
      "AuthorizedPrincipalsCommand ",
    ]],
  ] as const
) {
  Deno.test(`sshd-config ${word} names this installation's paths`, async () => {
    using stand = new KeysStand({ config: "user: gitty\n" });
    const { exitStatus, stdout } = await stand.run(
      "sshd-config",
      word,
      "--ca-file=/etc/x.pub",
    );
    assertEquals(exitStatus, 0);
    for (const text of wanted) assertStringIncludes(stdout, text);
    assertStringIncludes(stdout, "Match User gitty\n");
    assertEquals(stdout.endsWith("Match all\n"), true);
    const path = word === "file" ? stand.authFile : `${stand.root}/bin/`;
    assertStringIncludes(stdout, path);
  });
}

Deno.test("sshd-config refuses what sshd could misread", async () => {
  using stand = new KeysStand({
    config: 'user: "git\\nPermitRootLogin yes"\n',
  });
  assertEquals((await stand.run("sshd-config")).exitStatus, 1);
  using plain = new KeysStand();
  assertEquals((await plain.run("sshd-config", "other")).exitStatus, 1);
  for (const path of ["/a b", "/a%h", '/a"', "/a#b"]) {
    const file = await plain.run("sshd-config", "file", `--auth-file=${path}`);
    assertEquals(file.exitStatus, 1);
  }
});
