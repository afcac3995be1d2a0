/** Our AES-GCM decipher against ssh2's own cipher. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  type GatedInput,
  patchAesGcmDecipher,
} from "../../../../src/ssh/patch/aes_gcm_decipher.ts";
import type {
  Ssh2Encrypter,
  Ssh2GcmDecipher,
  Ssh2Protocol,
} from "../../../../src/ssh/ssh2_types.ts";

const NAMES = [["aes128-gcm@openssh.com", 16], ["aes256-gcm@openssh.com", 32]];
const SIZES = [0, 1, 15, 5_000, 3, 32_768, 32_768, 5, 20_000, 4_080, 4_081, 2];

/** A cipher of ssh2 and a decipher of ours with one key. */
async function makePair(name = "aes128-gcm@openssh.com", keyBytes = 16) {
  const { default: ssh2 } = await import("ssh2/lib/protocol/crypto.js");
  await ssh2.init;
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(keyBytes)));
  // The counter is about to wrap.
  const iv = Buffer.alloc(12, 0xff);
  const written: Buffer[] = [];
  const payloads: Buffer[] = [];
  const failures: string[] = [];
  const answers = new Map<number, number | false>();
  const common = { cipherKey: key, decipherKey: key, seqno: 2 ** 32 - 2 };
  const config = {
    outbound: {
      ...common,
      cipherInfo: ssh2.CIPHER_INFO[name],
      cipherIV: Buffer.from(iv),
      onWrite: (bytes: Buffer) => written.push(bytes),
    },
    inbound: {
      ...common,
      decipherInfo: ssh2.CIPHER_INFO[name],
      decipherIV: Buffer.from(iv),
      onPayload: (payload: Buffer) => {
        payloads.push(Buffer.from(payload));
        return answers.get(payloads.length);
      },
    },
  };
  const cipher: Ssh2Encrypter = ssh2.createCipher(config);
  const decipher: Ssh2GcmDecipher = ssh2.createDecipher(config);
  const input: GatedInput = { gate: undefined };
  patchAesGcmDecipher(
    { _decipher: decipher } as unknown as Ssh2Protocol,
    input,
    (error) => failures.push(error instanceof Error ? error.message : "?"),
  );
  /** What ssh2 sends for these payloads. */
  const seal = (...sent: Uint8Array[]) => {
    for (const payload of sent) {
      const packet = cipher.allocPacket(payload.length);
      packet.set(payload, 5);
      cipher.encrypt(packet);
    }
    return Buffer.concat(written.splice(0));
  };
  const take = async (bytes: Buffer, stepBytes = Infinity) => {
    for (let at = 0; at < bytes.length; at += stepBytes) {
      const step = Buffer.from(bytes.subarray(at, at + stepBytes));
      decipher.decrypt(step, 0, step.length);
      await input.gate?.();
    }
  };
  /** Goes on until large packets are decrypted elsewhere. */
  const warmUp = async () => {
    for (;;) {
      const bytes = seal(new Uint8Array(8_000));
      decipher.decrypt(bytes, 0, bytes.length);
      const running = input.gate?.();
      await (running ?? new Promise((turn) => setTimeout(turn, 0)));
      if (running) break;
    }
    payloads.length = 0;
  };
  return { cipher, decipher, seal, take, warmUp, answers, payloads, failures };
}

for (const [name, keyBytes] of NAMES) {
  for (const stepBytes of [1, 100, 30_000, Infinity]) {
    Deno.test(`${name} fits ssh2's other half, ${stepBytes} bytes at a time`, async () => {
      const pair = await makePair(String(name), Number(keyBytes));
      await pair.warmUp();
      const sent = SIZES.map((sizeBytes, at) => Buffer.alloc(sizeBytes, at));
      await pair.take(pair.seal(...sent), stepBytes);
      assertEquals(pair.payloads.length, sent.length);
      for (const [at, payload] of sent.entries()) {
        assert(pair.payloads[at]?.equals(payload), `payload ${at}`);
      }
      assertEquals(pair.decipher.inSeqno, pair.cipher.outSeqno);
      assertEquals(pair.failures, []);
    });
  }
}

/** A test after which packets that nobody wants may still be decrypted. */
function testDropping(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, fn });
}

const LARGE = new Uint8Array(10_000);
const SMALL = new Uint8Array(10);

for (const [what, sizeBytes] of [["large", 10_000], ["small", 10]] as const) {
  testDropping(
    `a forged ${what} packet ends the connection, and those behind it are not heard`,
    async () => {
      const pair = await makePair();
      await pair.warmUp();
      const bytes = pair.seal(LARGE, new Uint8Array(sizeBytes), SMALL, LARGE);
      // In the second packet: the first takes 4 + 10016 + 16 bytes.
      const at = 10_036 + 8;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await pair.take(bytes);
      assertEquals(pair.failures, ["Invalid MAC"]);
      assertEquals(pair.payloads.length, 1);
    },
  );
}

testDropping("a handler that is done stops what waits", async () => {
  const pair = await makePair();
  await pair.warmUp();
  pair.answers.set(2, Infinity);
  await pair.take(pair.seal(LARGE, SMALL, LARGE, SMALL));
  assertEquals([pair.payloads.length, pair.failures], [2, []]);
});

testDropping(
  "keys that change while packets wait end the connection",
  async () => {
    const pair = await makePair();
    await pair.warmUp();
    pair.answers.set(2, false);
    await pair.take(pair.seal(LARGE, SMALL, LARGE));
    assertEquals(pair.failures, ["Keys change too early"]);
    assertEquals(pair.payloads.length, 2);
  },
);

Deno.test("keys that change when nothing waits leave the rest to the next cipher", async () => {
  const pair = await makePair();
  pair.answers.set(1, false);
  const first = pair.seal(SMALL);
  const both = Buffer.concat([first, Buffer.alloc(50)]);
  assertEquals(pair.decipher.decrypt(both, 0, both.length), first.length);
});

for (const lengthBytes of [0, 8, 17, 24, 36_000, 0xffff_fff0]) {
  Deno.test(`a packet of ${lengthBytes} bytes is refused before it is there`, async () => {
    const { decipher } = await makePair();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(lengthBytes);
    let told = "";
    try {
      decipher.decrypt(head, 0, 4);
    } catch (error) {
      told = String(error);
    }
    assertEquals(told, "Error: Bad packet length");
  });
}
