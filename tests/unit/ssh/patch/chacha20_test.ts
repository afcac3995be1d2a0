/** Our chacha20-poly1305 against ssh2's own, in both directions. */
import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { patchChacha20 } from "../../../../src/ssh/patch/chacha20.ts";
import { loadSsh2 } from "../../../../src/ssh/ssh2_library.ts";
import type {
  Ssh2ChachaCipher,
  Ssh2ChachaDecipher,
  Ssh2Protocol,
} from "../../../../src/ssh/ssh2_types.ts";

const KEY = Buffer.from(crypto.getRandomValues(new Uint8Array(64)));
const NAME = "chacha20-poly1305@openssh.com";

/** A cipher and a decipher of ssh2 with one key; `patched` names ours. */
async function makePair(patched: "cipher" | "decipher") {
  const crypto = (await import("ssh2/lib/protocol/crypto.js")).default;
  await crypto.init;
  const { poly1305 } = await loadSsh2();
  const written: Buffer[] = [];
  const payloads: Buffer[] = [];
  const common = {
    cipherInfo: crypto.CIPHER_INFO[NAME],
    cipherKey: KEY,
    decipherInfo: crypto.CIPHER_INFO[NAME],
    decipherKey: KEY,
    seqno: 2 ** 32 - 2,
  };
  const config = {
    outbound: { ...common, onWrite: (bytes: Buffer) => written.push(bytes) },
    inbound: {
      ...common,
      onPayload: (payload: Buffer) => void payloads.push(Buffer.from(payload)),
    },
  };
  const cipher: Ssh2ChachaCipher & { allocPacket(bytes: number): Buffer } =
    crypto.createCipher(config);
  const decipher: Ssh2ChachaDecipher = crypto.createDecipher(config);
  const protocol = {
    _cipher: patched === "cipher" ? cipher : {},
    _decipher: patched === "decipher" ? decipher : {},
  };
  patchChacha20(poly1305, protocol as unknown as Ssh2Protocol);
  const encrypt = (payload: Uint8Array) => {
    const packet = cipher.allocPacket(payload.length);
    packet.set(payload, 5);
    cipher.encrypt(packet);
  };
  return { encrypt, decipher, written, payloads };
}

const PAYLOADS = [1, 0, 7, 8, 1_000, 32_768].map((sizeBytes) =>
  Buffer.alloc(sizeBytes, sizeBytes)
);

for (const patched of ["cipher", "decipher"] as const) {
  for (const stepBytes of [1, 3, 17, 1_000, Infinity]) {
    Deno.test({
      name:
        `our ${patched} fits ssh2's other half, ${stepBytes} bytes at a time`,
      // The half that is not ours gives nothing back: that is why there is one.
      sanitizeResources: false,
      async fn() {
        const { encrypt, decipher, written, payloads } = await makePair(
          patched,
        );
        // The number of the packet goes through its last value here.
        for (const payload of PAYLOADS) encrypt(payload);
        const bytes = Buffer.concat(written);
        for (let at = 0; at < bytes.length; at += stepBytes) {
          const chunk = Buffer.from(bytes.subarray(at, at + stepBytes));
          decipher.decrypt(chunk, 0, chunk.length);
        }
        assertEquals(payloads, PAYLOADS);
      },
    });
  }
}

Deno.test({
  name: "a changed byte anywhere is refused",
  sanitizeResources: false,
  async fn() {
    const { encrypt, written } = await makePair("cipher");
    encrypt(Buffer.from("hello"));
    const bytes = Buffer.concat(written);
    for (let at = 0; at < bytes.length; at++) {
      const { decipher, payloads } = await makePair("decipher");
      const forged = Buffer.from(bytes);
      forged[at] = (forged[at] ?? 0) ^ 1;
      // A forged length may ask for more than there is; then nothing happens.
      if (at < 4) {
        try {
          decipher.decrypt(forged, 0, forged.length);
        } catch {
          // Refused at once.
        }
      } else {
        assertThrows(
          () => decipher.decrypt(forged, 0, forged.length),
          Error,
          "Invalid MAC",
        );
      }
      assertEquals(payloads, []);
    }
  },
});
