/**
 * The attacks: logins tried thousands of times, on one connection and on
 * many; another user asked for after a login; methods that nobody has.
 */
import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { Buffer } from "node:buffer";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import { RawClient, readUserKey } from "../unit/ssh/raw_client.ts";
import { runSsh, startFixture } from "../unit/ssh/ssh_fixture.ts";

/** A key that nobody knows. */
function makeStranger() {
  const { privateKey: key, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const blob = new SshWriter().string("ssh-ed25519")
    .string(Buffer.from(x, "base64url")).bytes();
  return { key, blob };
}

/** Tries keys until the server has had enough. */
async function guess(port: number): Promise<number> {
  await using client = await RawClient.connect(port);
  await client.requestAuth();
  for (let tries = 1;; tries++) {
    client.send(client.publicKeyRequest(makeStranger()));
    const reply = await client.next(
      MESSAGE.userauthFailure,
      MESSAGE.disconnect,
    );
    if (reply[0] === MESSAGE.disconnect) return tries;
  }
}

Deno.test("each connection has six tries, and an address does not have many connections", async () => {
  await using fixture = await startFixture({
    sshd: { perSourcePenalties: "authfail:5" },
  });
  assertEquals(await guess(fixture.port), 6);
  let connections = 1;
  // Thousands of tries would need hundreds of connections.
  for (; connections < 20; connections++) {
    const tries = await guess(fixture.port).catch(() => 0);
    if (tries === 0) break;
  }
  assert(connections <= 5, `${connections} connections`);
  assert(fixture.lookups.length <= 30, `${fixture.lookups.length} look-ups`);
  const record = await fixture.logged("login refused");
  assertEquals(record["refused_attempts"], 6);
});

Deno.test("a login cannot be changed into another user's", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const { key, blob } = await readUserKey(`${fixture.folder}/user_ed25519`);
  for (const user of ["root", "git", "admin"]) {
    client.send(client.publicKeyRequest({ user, key, blob }));
    client.send(client.publicKeyRequest({ user, ...makeStranger() }));
  }
  client.exec(await client.openSession(), "x");
  const data = await client.next(MESSAGE.channelData);
  const reader = new SshReader(data, 1);
  reader.readUint32();
  assertEquals(
    new TextDecoder().decode(reader.readString()),
    'key-42 "x" \n',
  );
  assertEquals(fixture.lookups.length, 1);
});

Deno.test("requests by the thousand after a login change and cost nothing", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.login(fixture);
  const stranger = client.publicKeyRequest(makeStranger());
  for (let round = 0; round < 5_000; round++) client.send(stranger);
  client.exec(await client.openSession(), "x");
  await client.next(MESSAGE.channelClose);
  assertEquals(fixture.lookups.length, 1);
});

Deno.test("methods that nobody has are failures that count", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.connect(fixture.port);
  await client.requestAuth();
  const methods = [
    "password",
    "keyboard-interactive",
    "hostbased",
    "gssapi-with-mic",
    "x".repeat(30_000),
    "none",
  ];
  for (const method of methods) {
    client.send(
      new SshWriter().byte(MESSAGE.userauthRequest).string("git")
        .string("ssh-connection").string(method).bool(false).string("x")
        .bytes(),
    );
  }
  const reply = new SshReader(await client.next(MESSAGE.disconnect), 1);
  reply.readUint32();
  assertEquals(reply.readText(), "too many authentication failures");
  const record = await fixture.logged("login refused");
  assert(String(record["method"]).length < 200);
});

Deno.test("user names of 30 KB do not fill the log", async () => {
  await using fixture = await startFixture();
  await using client = await RawClient.connect(fixture.port);
  await client.requestAuth();
  const { key, blob } = await readUserKey(`${fixture.folder}/user_ed25519`);
  const user = '","remote_addr":"192.0.2.1:1\n'.repeat(1_000);
  client.send(client.publicKeyRequest({ user, key, blob }));
  await client.next(MESSAGE.userauthFailure);
  client.kill();
  const record = await fixture.logged("login refused");
  assert(String(record["ssh_user"]).length < 200);
  assertEquals(record["reason"], "unknown user");
  assertEquals(fixture.lookups, []);
  assertEquals((await runSsh(fixture, ["x"])).code, 0);
});
