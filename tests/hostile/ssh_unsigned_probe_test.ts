/**
 * The attack (CVE-2024-45337): ask about somebody's public key, log in with
 * one's own, and be taken for the other.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader } from "../../src/ssh/wire.ts";
import { RawClient, readUserKey } from "../unit/ssh/raw_client.ts";
import { keygen, startFixture } from "../unit/ssh/ssh_fixture.ts";

/** A server that knows two keys, and both of them. */
async function setUp() {
  const folder = await Deno.makeTempDir();
  await keygen(`${folder}/victim`, ["-t", "ed25519"]);
  await keygen(`${folder}/own`, ["-t", "ed25519"]);
  const victim = await readUserKey(`${folder}/victim`);
  const own = await readUserKey(`${folder}/own`);
  await Deno.remove(folder, { recursive: true });
  const victimText = victim.blob.toBase64({ omitPadding: true });
  const fixture = await startFixture({
    authorizedKey: (key) =>
      Promise.resolve({ id: key === victimText ? 1 : 666, key }),
  });
  const client = await RawClient.connect(fixture.port);
  await client.requestAuth();
  return { fixture, client, victim, own };
}

async function whoAmI(client: RawClient): Promise<string> {
  client.exec(await client.openSession(), "x");
  return new SshReader(await client.next(MESSAGE.channelData), 5).readText();
}

Deno.test("the login is the signer's, whatever was asked about before", async () => {
  const { fixture, client, victim, own } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  client.send(client.publicKeyRequest({ ...own, isQuery: true }));
  await client.next(MESSAGE.userauthPkOk);
  client.send(client.publicKeyRequest({ ...victim, isQuery: true }));
  await client.next(MESSAGE.userauthPkOk);
  client.send(client.publicKeyRequest(own));
  await client.next(MESSAGE.userauthSuccess);
  assertStringIncludes(await whoAmI(client), "key-666 ");
});

Deno.test("requests sent without waiting change nothing", async () => {
  const { fixture, client, victim, own } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  client.send(client.publicKeyRequest(own));
  client.send(client.publicKeyRequest({ ...victim, isQuery: true }));
  await client.next(MESSAGE.userauthSuccess);
  assertStringIncludes(await whoAmI(client), "key-666 ");
});

Deno.test("a query alone opens nothing", async () => {
  const { fixture, client, victim } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  client.send(client.publicKeyRequest({ ...victim, isQuery: true }));
  await client.next(MESSAGE.userauthPkOk);
  const reply = client.openChannel();
  await reply.catch(() => {});
  await client.ended;
  const record = await fixture.logged("access: finish");
  assertEquals(record["written_bytes"], 0);
});

Deno.test("a signature of one key does not prove another", async () => {
  const { fixture, client, victim, own } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  client.send(
    client.publicKeyRequest({ key: own.key, blob: victim.blob }),
  );
  await client.next(MESSAGE.disconnect);
  await client.ended;
  assertEquals(fixture.lookups, []);
});

Deno.test("a signature of another session is worth nothing", async () => {
  const first = await setUp();
  await using _first = first.fixture;
  await using _client = first.client;
  const replay = first.client.publicKeyRequest(first.victim);
  await using other = await RawClient.connect(first.fixture.port);
  await other.requestAuth();
  other.send(replay);
  await other.next(MESSAGE.disconnect);
  await other.ended;
});

Deno.test("after the login nobody becomes anybody else", async () => {
  const { fixture, client, victim, own } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  client.send(client.publicKeyRequest(own));
  await client.next(MESSAGE.userauthSuccess);
  client.send(client.publicKeyRequest(victim));
  client.send(client.publicKeyRequest({ ...victim, user: "root" }));
  assertStringIncludes(await whoAmI(client), "key-666 ");
  assertEquals(fixture.lookups.length, 1);
});
