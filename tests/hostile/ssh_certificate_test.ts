/**
 * The attacks: be taken for the owner of a certificate without the key in it,
 * change what an authority said, bring an authority of one's own, pass one kind
 * of key off as another, and cost more than a certificate may.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";
import {
  makeCertificate,
  makeEd25519,
  makeSkEd25519,
  type TestKey,
} from "../support/certificate_maker.ts";
import { makeTempDir } from "../support/temp_dir.ts";
import { RawClient } from "../unit/ssh/raw_client.ts";
import { type SshFixture, startFixture } from "../unit/ssh/ssh_fixture.ts";

const AUTHORITY = makeEd25519();
const VICTIM = makeEd25519();
const OWN = makeEd25519();
const CERTIFIED = "ssh-ed25519-cert-v01@openssh.com";
const FAILED =
  "connection: initServerConn: failed to initialize SSH connection";

/** A server that trusts the authority and knows every plain key as 666. */
async function setUp() {
  using dir = makeTempDir({
    "ca.pub": `${AUTHORITY.type} ${AUTHORITY.blob.toBase64()}\n`,
  });
  const fixture = await startFixture({
    sshd: { trustedUserCaKeys: [`${dir.path}/ca.pub`] },
    authorizedKey: (key) => Promise.resolve({ id: 666, key }),
  });
  const client = await RawClient.connect(fixture.port);
  await client.requestAuth();
  return { fixture, client };
}

/** A request; a query without a signer. */
function request(
  client: RawClient,
  { algorithm, blob, signer }: {
    algorithm: string;
    blob: Uint8Array;
    signer?: TestKey["sign"];
  },
): Uint8Array {
  const head = new SshWriter().byte(MESSAGE.userauthRequest).string("git")
    .string("ssh-connection").string("publickey").bool(signer !== undefined)
    .string(algorithm).string(blob).bytes();
  if (!signer) return head;
  const signed = new SshWriter().string(client.sessionId).raw(head).bytes();
  return new SshWriter().raw(head).string(signer(signed)).bytes();
}

async function whoAmI(client: RawClient): Promise<string> {
  client.exec(await client.openSession(), "x");
  return new SshReader(await client.next(MESSAGE.channelData), 5).readText();
}

async function reasonOf(fixture: SshFixture): Promise<string> {
  const record = await fixture.logged(FAILED);
  return String(record["error_message"]);
}

Deno.test("a certificate that is only asked about leaves no identity", async () => {
  const { fixture, client } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  const blob = makeCertificate(VICTIM, AUTHORITY, { keyId: "victim" });
  client.send(request(client, { algorithm: CERTIFIED, blob }));
  await client.next(MESSAGE.userauthPkOk);
  client.send(
    request(client, {
      algorithm: "ssh-ed25519",
      blob: OWN.blob,
      signer: OWN.sign,
    }),
  );
  await client.next(MESSAGE.userauthSuccess);
  assertMatch(await whoAmI(client), /^key-666 /);
});

Deno.test("the holder of a certificate gets its identity, and not that of one asked about later", async () => {
  const { fixture, client } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  const own = makeCertificate(OWN, AUTHORITY, { keyId: "mallory" });
  const victim = makeCertificate(VICTIM, AUTHORITY, { keyId: "victim" });
  client.send(
    request(client, { algorithm: CERTIFIED, blob: own, signer: OWN.sign }),
  );
  client.send(request(client, { algorithm: CERTIFIED, blob: victim }));
  await client.next(MESSAGE.userauthSuccess);
  assertMatch(await whoAmI(client), /^mallory@/);
});

const FORGED: [string, () => Uint8Array, RegExp][] = [
  [
    "the certificate of somebody else",
    () => makeCertificate(VICTIM, AUTHORITY, { keyId: "victim" }),
    /signature did not verify/,
  ],
  [
    "another name in one's own certificate",
    () => {
      const blob = makeCertificate(OWN, AUTHORITY, { keyId: "mallory" });
      const at = new TextDecoder("latin1").decode(blob).indexOf("mallory");
      blob.set(new TextEncoder().encode("victim1"), at);
      return blob;
    },
    /certificate signature does not verify/,
  ],
  [
    "one's own key in the certificate of somebody else",
    () => {
      const blob = makeCertificate(VICTIM, AUTHORITY, { keyId: "victim" });
      const at = blob.toHex().indexOf(VICTIM.fields.toHex()) / 2;
      blob.set(OWN.fields, at);
      return blob;
    },
    /certificate signature does not verify/,
  ],
  [
    "the trusted authority's key over one's own signature",
    () =>
      makeCertificate(OWN, makeEd25519(), {
        keyId: "victim",
        authorityBlob: AUTHORITY.blob,
      }),
    /certificate signature does not verify/,
  ],
  [
    "an authority of one's own",
    () => makeCertificate(OWN, makeEd25519(), { keyId: "victim" }),
    /feature is disabled/,
  ],
  [
    "a certificate that one has signed oneself",
    () => makeCertificate(OWN, OWN, { keyId: "victim" }),
    /feature is disabled/,
  ],
  [
    "one's own certificate as an authority",
    () =>
      makeCertificate(OWN, OWN, {
        keyId: "victim",
        authorityBlob: makeCertificate(OWN, AUTHORITY),
      }),
    /unknown key algorithm/,
  ],
  [
    "a host's certificate",
    () => makeCertificate(OWN, AUTHORITY, { keyId: "victim", kind: 2 }),
    /cert has type 2/,
  ],
];
for (const [what, makeBlob, told] of FORGED) {
  Deno.test(`${what} lets nobody in`, async () => {
    const { fixture, client } = await setUp();
    await using _fixture = fixture;
    await using _client = client;
    const blob = makeBlob();
    client.send(
      request(client, { algorithm: CERTIFIED, blob, signer: OWN.sign }),
    );
    const reply = await client.next(
      MESSAGE.userauthSuccess,
      MESSAGE.userauthFailure,
      MESSAGE.disconnect,
    );
    assert(reply[0] !== MESSAGE.userauthSuccess);
    client.kill();
    assertMatch(await reasonOf(fixture), told);
    assertEquals(fixture.lookups, []);
  });
}

const CONFUSED: [string, string, () => Uint8Array, TestKey][] = [
  [
    "a certificate under the name of its key",
    "ssh-ed25519",
    () => makeCertificate(OWN, AUTHORITY),
    OWN,
  ],
  [
    "a key under the name of a certificate",
    CERTIFIED,
    () => OWN.blob,
    OWN,
  ],
  [
    "a certificate under the name of another",
    "rsa-sha2-512-cert-v01@openssh.com",
    () => makeCertificate(OWN, AUTHORITY),
    OWN,
  ],
];
for (const [what, algorithm, makeBlob, { sign }] of CONFUSED) {
  Deno.test(`${what} lets nobody in`, async () => {
    const { fixture, client } = await setUp();
    await using _fixture = fixture;
    await using _client = client;
    client.send(request(client, { algorithm, blob: makeBlob(), signer: sign }));
    await client.next(MESSAGE.userauthFailure);
    client.kill();
    assertMatch(await reasonOf(fixture), /does not match algorithm/);
    assertEquals(fixture.lookups, []);
  });
}

Deno.test("a security key's signature does not pass for a plain one's, nor the other way round", async () => {
  const sk = makeSkEd25519();
  for (
    const [blob, algorithm, signer] of [
      [sk.blob, sk.type, OWN.sign],
      [OWN.blob, OWN.type, sk.sign],
    ] as const
  ) {
    const { fixture, client } = await setUp();
    await using _fixture = fixture;
    await using _client = client;
    client.send(request(client, { algorithm, blob, signer }));
    await client.next(MESSAGE.userauthFailure);
    client.kill();
    assertMatch(await reasonOf(fixture), /not compatible with/);
  }
});

Deno.test("a certificate as large as a packet costs its own connection's time and no more", async () => {
  const { fixture, client } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  const principals = Array.from({ length: 3_500 }, (_, at) => `u${at}`);
  const blob = makeCertificate(OWN, AUTHORITY, { principals });
  assert(blob.length > 28_000);
  const startMs = performance.now();
  client.send(request(client, { algorithm: CERTIFIED, blob }));
  await client.next(MESSAGE.userauthFailure);
  assert(performance.now() - startMs < 5_000);
  client.kill();
  // All of them in the log would be an attack on the log.
  assert((await reasonOf(fixture)).length < 1_000);
});

Deno.test("long names in a certificate do not fill the log", async () => {
  const { fixture, client } = await setUp();
  await using _fixture = fixture;
  await using _client = client;
  const blob = makeCertificate(OWN, AUTHORITY, {
    keyId: "x".repeat(20_000),
    criticalOptions: [["y".repeat(8_000), ""]],
  });
  client.send(request(client, { algorithm: CERTIFIED, blob }));
  await client.next(MESSAGE.userauthFailure);
  client.kill();
  await fixture.logged("access: finish");
  const sizes = fixture.records.map((each) => JSON.stringify(each).length);
  assert(Math.max(...sizes) < 2_000, `${Math.max(...sizes)} bytes`);
});
