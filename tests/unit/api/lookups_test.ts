import { assertEquals, assertThrows } from "@std/assert";
import type { Identity } from "../../../src/api/access.ts";
import {
  decodeHealth,
  decodeKey,
  decodeUser,
  discoverQuery,
} from "../../../src/api/lookups.ts";
import { ProtocolError } from "../../../src/core/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

const QUERIES: readonly (readonly [Identity, Record<string, string>])[] = [
  [{ kind: "username", username: "a b&c" }, { username: "a b&c" }],
  [{ kind: "key", keyId: "0042" }, { key_id: "0042" }],
  [{ kind: "kerberos", principal: "m@R" }, { krb5principal: "m@R" }],
];
for (const [identity, query] of QUERIES) {
  Deno.test(`internal-api.md 4.4: discoverQuery() asks about a ${identity.kind}`, () => {
    assertEquals(discoverQuery(identity), query);
  });
}

const NOBODY: readonly Identity[] = [
  { kind: "none" },
  { kind: "key", keyId: "" },
  { kind: "username", username: "" },
];
for (const identity of NOBODY) {
  Deno.test(`internal-api.md case 83: discoverQuery() refuses ${JSON.stringify(identity)}`, () => {
    assertThrows(() => discoverQuery(identity), Error, "who='' is invalid");
  });
}

Deno.test("internal-api.md case 82: decodeUser() reads null as nobody", () => {
  assertEquals(decodeUser(bytes("null")), { id: 0, username: "" });
  assertEquals(
    decodeUser(bytes('{"id":5,"name":"Mira Reef","username":"mira"}')),
    {
      id: 5,
      username: "mira",
    },
  );
});

for (
  const text of ['{"id":"5"}', '{"name":1}', '{"username":[]}', "not json", ""]
) {
  Deno.test(`decodeUser() refuses ${JSON.stringify(text)} (shell.md case 88)`, () => {
    assertThrows(() => decodeUser(bytes(text)), ProtocolError);
  });
}

Deno.test("keys-and-config.md cases 15, 45 and 46: decodeKey() reads id and key", () => {
  const text =
    '{"id":1,"key":"ssh-rsa AAAA a (b c)","title":"t","created_at":"x","expires_at":null}';
  assertEquals(decodeKey(bytes(text)), { id: 1, key: "ssh-rsa AAAA a (b c)" });
  assertThrows(() => decodeKey(bytes('{"id":"1"}')), ProtocolError);
  assertThrows(() => decodeKey(bytes('{"message":"broken')), ProtocolError);
});

const HEALTH: readonly (readonly [text: string, hasRedis: boolean])[] = [
  [
    '{"api_version":"v4","gitlab_version":"18.0","gitlab_rev":"x","redis":true}',
    true,
  ],
  ['{"redis":false}', false],
  ["{}", false],
  ["null", false],
];
for (const [text, hasRedis] of HEALTH) {
  Deno.test(`internal-api.md case 101: decodeHealth() reads ${text}`, () => {
    assertEquals(decodeHealth(bytes(text)), { hasRedis });
  });
}
for (const text of ["boom", '{"redis":"true"}', '{"api_version":4}']) {
  Deno.test(`internal-api.md case 103: decodeHealth() refuses ${text}`, () => {
    assertThrows(() => decodeHealth(bytes(text)), ProtocolError);
  });
}
