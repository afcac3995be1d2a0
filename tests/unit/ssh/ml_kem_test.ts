import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  checkMlKem,
  encapsulate,
  generateMlKemKeyPair,
  ML_KEM_CIPHERTEXT_BYTES,
  ML_KEM_PUBLIC_BYTES,
} from "../../../src/ssh/ml_kem.ts";

Deno.test("encapsulate() makes a new secret each time, which the owner opens", async () => {
  const { publicKey, decapsulate } = await generateMlKemKeyPair();
  assertEquals(publicKey.length, ML_KEM_PUBLIC_BYTES);
  const first = await encapsulate(publicKey);
  const second = await encapsulate(publicKey);
  assertEquals(first.ciphertext.length, ML_KEM_CIPHERTEXT_BYTES);
  assertEquals(await decapsulate(first.ciphertext), first.secret);
  assertEquals(await decapsulate(second.ciphertext), second.secret);
  assertNotEquals(first.secret, second.secret);
});

for (const sizeBytes of [0, 1, 1_183, 1_185, 2_368]) {
  Deno.test(`encapsulate() refuses a key of ${sizeBytes} bytes`, async () => {
    await assertRejects(
      () => encapsulate(new Uint8Array(sizeBytes)),
      RangeError,
      `of ${sizeBytes} bytes`,
    );
  });
}

Deno.test("encapsulate() refuses numbers that are not below the prime", async () => {
  const { publicKey } = await generateMlKemKeyPair();
  // FIPS 203, section 7.2: 12 bits of ones are above 3328.
  for (const at of [0, 384, 1_149]) {
    const spoiled = publicKey.slice();
    spoiled.fill(255, at, at + 3);
    await assertRejects(() => encapsulate(spoiled));
  }
});

Deno.test("checkMlKem() is content with this Deno", () => checkMlKem());
