import { assertEquals, assertNotEquals } from "@std/assert";
import {
  decodeBase64,
  fingerprintBlob,
  inspectKey,
  isKeyType,
} from "../../../src/keys/public_key.ts";
import { SeededRandom } from "../../support/seeded_random.ts";
import { encodeKey } from "../../support/key_samples.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const inspect = (text: string) =>
  inspectKey(bytes(text), 0, bytes(text).length);

const SAMPLES = [
  ["ssh-ed25519", [32], 256],
  ["ecdsa-sha2-nistp256", [8, 65], 256],
  ["ecdsa-sha2-nistp384", [8, 97], 384],
  ["ecdsa-sha2-nistp521", [8, 133], 521],
  ["sk-ssh-ed25519@openssh.com", [32, 4], 256],
  ["sk-ecdsa-sha2-nistp256@openssh.com", [8, 65, 4], 256],
] as const;

for (const [type, sizes, bits] of SAMPLES) {
  Deno.test(`inspectKey() knows a whole ${type} and its beginnings`, () => {
    const key = encodeKey(type, ...sizes.map((size) => new Uint8Array(size)));
    assertEquals(inspect(`${key} a comment`), {
      type,
      form: "complete",
      bits,
      isSupported: true,
      weakness: undefined,
    });
    for (let end = 1; end < key.length; end++) {
      const { form } = inspect(key.slice(0, end));
      // Padding is not missed: sshd reads the blob without it.
      const isWhole = key.slice(end).replaceAll("=", "") === "";
      assertEquals(form, isWhole ? form : "torn", key.slice(0, end));
    }
    const longer = encodeKey(
      type,
      ...sizes.map((size) => new Uint8Array(size)),
      new Uint8Array(1),
    );
    assertEquals(inspect(longer).form, "unknown");
  });
}

function rsa(bits: number): string {
  const modulus = new Uint8Array(Math.ceil(bits / 8) + 1);
  modulus[1] = 1 << ((bits - 1) % 8);
  return encodeKey("ssh-rsa", new Uint8Array([1, 0, 1]), modulus);
}

for (
  const [bits, weakness] of [
    [1024, "RSA with 1024 bits, fewer than 2048"],
    [2047, "RSA with 2047 bits, fewer than 2048"],
    [2048, undefined],
    [4096, undefined],
  ] as const
) {
  Deno.test(`inspectKey() counts the bits of an RSA key of ${bits}`, () => {
    const facts = inspect(rsa(bits));
    assertEquals(facts.bits, bits);
    assertEquals(facts.weakness, weakness);
  });
}

Deno.test("inspectKey() calls DSA weak and certificates unsupported", () => {
  const number = new Uint8Array(128).fill(0x80);
  const dsa = inspect(encodeKey("ssh-dss", number, number, number, number));
  assertEquals(dsa.bits, 1024);
  assertEquals(dsa.weakness, "DSA is refused by OpenSSH since 7.0");
  const type = "ssh-ed25519-cert-v01@openssh.com";
  const certificate = inspect(encodeKey(type, new Uint8Array(32)));
  assertEquals(certificate.isSupported, false);
  assertEquals(certificate.form, "unknown");
});

for (
  const made of [
    "ssh-rsa AAAAB3NzaDAxx2E",
    "ssh-dsa ASDF",
    "public-key",
    "ssh-rsa ****",
    `ssh-rsa ${encodeKey("ssh-ed25519", new Uint8Array(32)).split(" ")[1]}`,
  ]
) {
  Deno.test(`inspectKey() does not take "${made.slice(0, 40)}" for a torn key`, () => {
    assertEquals(inspect(made).form, "unknown");
  });
}

Deno.test("isKeyType() knows the types of a public key alone", () => {
  assertEquals(isKeyType("ssh-ed25519"), true);
  assertEquals(isKeyType("constructor"), false);
  assertEquals(isKeyType(""), false);
});

Deno.test("decodeBase64() agrees with atob(), padded or not", () => {
  const random = new SeededRandom(3);
  for (let round = 0; round < 200; round++) {
    const data = random.bytes(random.below(70));
    const text = btoa(String.fromCharCode(...data));
    for (const form of [text, text.replace(/=+$/, "")]) {
      assertEquals(decodeBase64(bytes(form), 0, form.length), data);
    }
  }
  for (
    const bad of [
      "A",
      "AA=",
      "AAA==",
      "AA A",
      "AAA\n",
      "AA==AA",
      "A===",
      "-_AA",
    ]
  ) {
    assertEquals(decodeBase64(bytes(bad), 0, bad.length), undefined, bad);
  }
});

Deno.test("fingerprintBlob() prints what ssh-keygen -l prints", async () => {
  // Golden: a key made for this test, and `ssh-keygen -lf` of OpenSSH 10.0.
  const base64 =
    "AAAAC3NzaC1lZDI1NTE5AAAAIPs2Iw5jRjULCLOZ9MSxaBQpbHh3bZP9hHrpR0RIrmYL";
  const blob = decodeBase64(bytes(base64), 0, base64.length);
  assertNotEquals(blob, undefined);
  assertEquals(
    await fingerprintBlob(blob ?? new Uint8Array()),
    "SHA256:1tGyWSAewqNnxBY/v93lPHZt2a1KEHShvdkaIt26YuQ",
  );
});
