import { assertEquals, assertThrows } from "@std/assert";
import type { Identity } from "../../../src/api/access.ts";
import {
  decodeLfsAccess,
  encodeLfsQuestion,
  formatLfsAuthorization,
} from "../../../src/api/lfs_authenticate.ts";
import { ProtocolError } from "../../../src/core/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const MIRA: Identity = { kind: "username", username: "mira" };

const QUESTIONS: readonly (readonly [
  name: string,
  identity: Identity,
  glId: string,
  members: string,
])[] = [
  [
    "4.2: a key",
    { kind: "key", keyId: "4711" },
    "user-5",
    ',"key_id":"4711"',
  ],
  ["case 78: a user name", MIRA, "user-5", ',"user_id":"5"'],
  ["4.2: a bare number", MIRA, "100", ',"user_id":"100"'],
  ["4.2: a token", MIRA, "deploy-token-5", ',"user_id":"deploy-token-5"'],
  ["4.2: one prefix only", MIRA, "user-user-5", ',"user_id":"user-5"'],
  ["4.2: nobody", MIRA, "", ""],
  ["4.2: a prefix alone", { kind: "none" }, "user-", ""],
];
for (const [name, identity, glId, members] of QUESTIONS) {
  Deno.test(`internal-api.md ${name}, ${glId || "no gl_id"}, asks for LFS (lfs.md case 5)`, () => {
    const access = { glId, cellAddress: "" };
    assertEquals(
      encodeLfsQuestion({
        operation: "upload",
        project: "/tanuki/reef.git",
        identity,
        access,
      }),
      `{"operation":"upload","project":"/tanuki/reef.git"${members}}`,
    );
  });
}

Deno.test("internal-api.md 4.2: decodeLfsAccess() reads every field", () => {
  const text =
    '{"username":"mira","lfs_token":"tok-123","repository_http_path":"https://git.example/tanuki/reef.git","expires_in":1800}';
  assertEquals(decodeLfsAccess(bytes(text)), {
    username: "mira",
    lfsToken: "tok-123",
    repositoryHttpPath: "https://git.example/tanuki/reef.git",
    expiresInSeconds: 1800,
  });
});

for (const text of ["null", "{}", '{"username":null,"expires_in":null}x']) {
  Deno.test(`decodeLfsAccess() finds nothing in ${text} (lfs.md 1.3)`, () => {
    assertEquals(decodeLfsAccess(bytes(text)), {
      username: "",
      lfsToken: "",
      repositoryHttpPath: "",
      expiresInSeconds: 0,
    });
  });
}

const UNDECODABLE = [
  "",
  "[]",
  "<html></html>",
  '{"username":1}',
  '{"lfs_token":["x"]}',
  '{"repository_http_path":{}}',
  '{"expires_in":"1800"}',
  '{"expires_in":1800.0}',
  '{"expires_in":1e3}',
  '{"expires_in":18',
];
for (const text of UNDECODABLE) {
  Deno.test(`decodeLfsAccess() refuses ${text || "an empty body"} (lfs.md 1.3)`, () => {
    assertThrows(() => decodeLfsAccess(bytes(text)), ProtocolError);
  });
}

Deno.test("formatLfsAuthorization() pads its Base64 and counts bytes (lfs.md 1.4)", () => {
  assertEquals(
    formatLfsAuthorization({ username: "demo", lfsToken: "token123" }),
    "Basic ZGVtbzp0b2tlbjEyMw==",
  );
  assertEquals(
    formatLfsAuthorization({ username: "ä", lfsToken: "" }),
    "Basic w6Q6",
  );
});
