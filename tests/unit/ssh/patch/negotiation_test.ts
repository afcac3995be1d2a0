import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../../src/core/errors.ts";
import { findMismatch } from "../../../../src/ssh/patch/negotiation.ts";
import { SshWriter } from "../../../../src/ssh/wire.ts";

const direction = {
  cipher: ["aes128-gcm@openssh.com", "aes128-ctr"],
  mac: ["hmac-sha2-256"],
  compress: ["none"],
  lang: [],
};
const OFFER = {
  kex: ["curve25519-sha256"],
  serverHostKey: ["ssh-ed25519"],
  cs: direction,
  sc: direction,
};

/** A KEXINIT that agrees with the offer but for `lists`. */
function kexInit(lists: Record<number, string[]>): Uint8Array {
  const agreed = [
    ["x", "curve25519-sha256"],
    ["ssh-ed25519"],
    ["aes128-ctr"],
    ["aes128-ctr"],
    ["hmac-sha2-256"],
    ["hmac-sha2-256"],
    ["none"],
    ["none"],
    [],
    [],
  ];
  const writer = new SshWriter().byte(20).raw(new Uint8Array(16));
  for (const [at, names] of agreed.entries()) {
    writer.nameList(lists[at] ?? names);
  }
  return writer.bool(false).uint32(0).bytes();
}

Deno.test("findMismatch() is content when every list has a common name", () => {
  assertEquals(findMismatch(OFFER, kexInit({})), undefined);
});

const KINDS = [
  [0, "key exchange", "curve25519-sha256"],
  [1, "host key", "ssh-ed25519"],
  [2, "client to server cipher", "aes128-gcm@openssh.com aes128-ctr"],
  [3, "server to client cipher", "aes128-gcm@openssh.com aes128-ctr"],
  [4, "client to server MAC", "hmac-sha2-256"],
  [5, "server to client MAC", "hmac-sha2-256"],
  [6, "client to server compression", "none"],
  [7, "server to client compression", "none"],
] as const;
for (const [at, what, ours] of KINDS) {
  Deno.test(`findMismatch() names the ${what}`, () => {
    assertEquals(
      findMismatch(OFFER, kexInit({ [at]: ["a", "b"] })),
      `ssh: no common algorithm for ${what}; ` +
        `we offered: [${ours}], peer offered: [a b]`,
    );
  });
}

Deno.test("findMismatch() needs no MAC for a cipher that has its own", () => {
  const lists = { 2: ["aes128-gcm@openssh.com"], 4: ["x"] };
  assertEquals(findMismatch(OFFER, kexInit(lists)), undefined);
});

Deno.test("findMismatch() refuses a message that is cut off", () => {
  const whole = kexInit({});
  for (let size = 1; size < whole.length - 13; size += 7) {
    assertThrows(
      () => findMismatch(OFFER, whole.subarray(0, size)),
      ProtocolError,
    );
  }
});
