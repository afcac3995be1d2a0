/** Our AES-GCM against ssh2's own decipher. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { patchAesGcm } from "../../../../src/ssh/patch/aes_gcm.ts";
import { OutputQueue } from "../../../../src/ssh/output_queue.ts";
import type {
  Ssh2Decipher,
  Ssh2GcmCipher,
  Ssh2Protocol,
} from "../../../../src/ssh/ssh2_types.ts";

const NAMES = [["aes128-gcm@openssh.com", 16], ["aes256-gcm@openssh.com", 32]];
const SIZES = [0, 1, 15, 16, 4_000, 4_096, 10, 32_768, 32_768, 5, 20_000, 2];

/** A cipher of ours and a decipher of ssh2 with one key. */
async function makePair(name: string, keyBytes: number, isRemote: boolean) {
  const { default: ssh2 } = await import("ssh2/lib/protocol/crypto.js");
  await ssh2.init;
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(keyBytes)));
  // The counter is about to wrap.
  const iv = Buffer.from("0102030400000000ffffffffffffffff", "hex")
    .subarray(0, 12);
  iv.fill(0xff, 4);
  const queue = new OutputQueue();
  let later = 0;
  const payloads: Buffer[] = [];
  const config = {
    outbound: {
      cipherInfo: ssh2.CIPHER_INFO[name],
      cipherKey: key,
      cipherIV: Buffer.from(iv),
      seqno: 2 ** 32 - 2,
      onWrite: (bytes: Buffer) => queue.push(bytes),
    },
    inbound: {
      decipherInfo: ssh2.CIPHER_INFO[name],
      decipherKey: key,
      decipherIV: Buffer.from(iv),
      seqno: 2 ** 32 - 2,
      onPayload: (payload: Buffer) => void payloads.push(Buffer.from(payload)),
    },
  };
  const cipher: Ssh2GcmCipher = ssh2.createCipher(config);
  const decipher: Ssh2Decipher & {
    decrypt(data: Buffer, at: number, end: number): void;
  } = ssh2.createDecipher(config);
  const output = {
    writeLater: (_sizeBytes: number, bytes: Promise<Uint8Array>) => {
      later++;
      queue.pushLater(bytes);
    },
  };
  patchAesGcm(
    { _cipher: cipher } as unknown as Ssh2Protocol,
    isRemote ? output : undefined,
  );
  const drain = async () => {
    const target = new Uint8Array(64 * 1024);
    while (!queue.isEmpty) {
      await queue.untilReady();
      const bytes = Buffer.from(queue.take(target).slice());
      decipher.decrypt(bytes, 0, bytes.length);
    }
  };
  return { cipher, decipher, payloads, drain, laterCount: () => later };
}

function send(cipher: Ssh2GcmCipher, payload: Uint8Array): void {
  const packet = cipher.allocPacket(payload.length);
  packet.set(payload, 5);
  cipher.encrypt(packet);
  // The next packet is written over this one.
  packet.fill(0xee);
}

for (const [name, keyBytes] of NAMES) {
  for (const isRemote of [false, true]) {
    const where = isRemote ? "on another thread" : "here";
    Deno.test(`${name} ${where} fits ssh2's other half`, async () => {
      const { cipher, decipher, payloads, drain, laterCount } = await makePair(
        String(name),
        Number(keyBytes),
        isRemote,
      );
      // The first large packet has the key imported and is encrypted here.
      do {
        send(cipher, new Uint8Array(10_000));
        await drain();
        await new Promise((turn) => setTimeout(turn, 0));
      } while (isRemote && laterCount() === 0);
      const { length: before } = payloads;
      const laterBefore = laterCount();
      const sent = SIZES.map((sizeBytes, at) => Buffer.alloc(sizeBytes, at));
      for (const payload of sent) send(cipher, payload);
      await drain();
      assertEquals(payloads.length, before + sent.length);
      for (const [at, payload] of sent.entries()) {
        assert(payloads[before + at]?.equals(payload), `payload ${at}`);
      }
      assertEquals(decipher.inSeqno, cipher.outSeqno);
      assertEquals(laterCount() - laterBefore, isRemote ? 4 : 0);
    });
  }
}

Deno.test("a cipher that ssh2 has freed encrypts nothing", async () => {
  const { cipher, drain, payloads } = await makePair(
    "aes128-gcm@openssh.com",
    16,
    true,
  );
  cipher.free();
  send(cipher, new Uint8Array(10));
  await drain();
  assertEquals(payloads, []);
});

Deno.test("the ground: WebCrypto copies what it is given before it returns", async () => {
  const key = await crypto.subtle.importKey(
    "raw",
    new Uint8Array(16),
    "AES-GCM",
    false,
    ["encrypt"],
  );
  const data = new Uint8Array(40_000).fill(7);
  const seal = () =>
    crypto.subtle.encrypt(
      { name: "AES-GCM", iv: new Uint8Array(12) },
      key,
      data,
    );
  const before = new Uint8Array(await seal());
  const sealing = seal();
  data.fill(9);
  assertEquals(new Uint8Array(await sealing), before);
});
