import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { makeUserKey, readPublicKey } from "../../../src/devstack/user_key.ts";
import { makeTempDir } from "../../support/temp_dir.ts";

Deno.test("makeUserKey() makes a pair once and finds it again", async () => {
  using folder = makeTempDir();
  const env = Deno.env.toObject();
  const made = await makeUserKey(`${folder.path}/keys`, env);
  assertMatch(made?.publicKey ?? "", /^ssh-ed25519 AAAA\S+ devstack$/);
  assertEquals(await makeUserKey(`${folder.path}/keys`, env), made);
  const { mode } = await Deno.stat(made?.privateKeyFile ?? "");
  assertEquals((mode ?? 0) & 0o777, 0o600);
});

Deno.test("makeUserKey() does without ssh-keygen", async () => {
  using folder = makeTempDir();
  const env = { PATH: folder.path };
  assertEquals(await makeUserKey(`${folder.path}/keys`, env), undefined);
});

Deno.test("readPublicKey() takes the first line of a public key file", async () => {
  using folder = makeTempDir({ "a.pub": "ssh-rsa AAAAB3+/== me@here\nmore\n" });
  assertEquals(await readPublicKey(`${folder.path}/a.pub`), {
    publicKey: "ssh-rsa AAAAB3+/== me@here",
    privateKeyFile: undefined,
  });
});

for (
  const text of [
    "",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "ssh-rsa",
    "ssh-rsa !",
  ]
) {
  Deno.test(`readPublicKey() refuses ${JSON.stringify(text)}`, async () => {
    using folder = makeTempDir({ "a.pub": text });
    await assertRejects(
      () => readPublicKey(`${folder.path}/a.pub`),
      SyntaxError,
    );
  });
}
