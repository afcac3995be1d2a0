import { assertEquals, assertRejects } from "@std/assert";
import {
  claimIdentity,
  claimKey,
  claimProject,
  formatCellBase,
} from "../../../src/api/cell_claim.ts";

const PROJECTS = [
  ["group/sub/p.git", "group"],
  ["//group/p.git", "group"],
  ["/tanuki/reef.git", "tanuki"],
  ["group", "group"],
  ["group.git", "group"],
  ["group.git/p", "group.git"],
  [".git", undefined],
  ["", undefined],
  ["///", undefined],
] as const;
for (const [project, route] of PROJECTS) {
  Deno.test(`internal-api.md 6.3, case 120: ${JSON.stringify(project)} belongs to ${route}`, () => {
    assertEquals(claimProject(project), route && { route });
  });
}

Deno.test("internal-api.md cases 121, 122: of sessions only a user name is a claim", () => {
  assertEquals(claimIdentity({ kind: "key", keyId: "1" }), undefined);
  assertEquals(claimIdentity({ kind: "none" }), undefined);
  assertEquals(
    claimIdentity({ kind: "kerberos", principal: "a@B" }),
    undefined,
  );
  assertEquals(claimIdentity({ kind: "username", username: "" }), undefined);
  assertEquals(claimIdentity({ kind: "username", username: "jane" }), {
    username: "jane",
  });
});

// Base64 that ends with padding, as that of ECDSA keys does.
const PADDED = "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFv0Ukyu" +
  "XCOcwiHzmUwNQkGRVwZWdkkFmYYXHB7fHXGoKPvyH2qS3dLQyM8NGjMOhEzdXF5lZyQUL8y2ww4hGmU=";

Deno.test("internal-api.md cases 123, 124: a key is claimed by its fingerprint, padded or not", async () => {
  const blob = Uint8Array.fromBase64(PADDED);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  const sshKeyFingerprint = hash.toBase64({ omitPadding: true });
  assertEquals(sshKeyFingerprint.length, 43);
  assertEquals(await claimKey(PADDED), { sshKeyFingerprint });
  assertEquals(await claimKey(PADDED.replace("=", "")), { sshKeyFingerprint });
});

for (const key of ["", "=", "ssh-ed25519 AAAA me", "A A", "AAAAA", "A-_B"]) {
  Deno.test(`a key that is written ${JSON.stringify(key)} has no fingerprint`, async () => {
    await assertRejects(() => claimKey(key), SyntaxError);
  });
}

const ADDRESSES = [
  ["cell-7:8080", "https", 8181, "https://cell-7:8181"],
  ["cell-1", "http", 8181, "http://cell-1:8181"],
  ["cell-2:9090", "http", 80, "http://cell-2:80"],
  ["10.0.0.1:80", "http", 80, "http://10.0.0.1:80"],
  ["http://gitlab.com", "http", 80, undefined],
  ["gitlab.com/path", "http", 80, undefined],
  [":8080", "http", 80, undefined],
  ["", "http", 80, undefined],
  ["[::1]:8080", "http", 80, undefined],
  ["::1", "http", 80, undefined],
  ["[::1]", "http", 80, undefined],
  ["[2001:db8::1]", "http", 80, undefined],
  ["user@cell", "http", 80, undefined],
  ["cell?x", "http", 80, undefined],
  ["cell\r\nHost: other", "http", 80, undefined],
] as const;
for (const [address, scheme, port, url] of ADDRESSES) {
  Deno.test(`internal-api.md 6.4, case 119: ${JSON.stringify(address)} gives ${url}`, () => {
    assertEquals(formatCellBase(address, { scheme, port }), url);
  });
}
