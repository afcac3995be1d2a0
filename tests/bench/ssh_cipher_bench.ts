/**
 * What a packet of channel data costs in each direction: ssh2's own ciphers
 * against ours. Run with `deno bench --allow-all tests/bench/ssh_cipher_bench.ts`.
 */
import { Buffer } from "node:buffer";
import { OutputQueue } from "../../src/ssh/output_queue.ts";
import { patchAesGcm } from "../../src/ssh/patch/aes_gcm.ts";
import {
  type GatedInput,
  patchAesGcmDecipher,
} from "../../src/ssh/patch/aes_gcm_decipher.ts";
import { patchChacha20 } from "../../src/ssh/patch/chacha20.ts";
import { loadSsh2 } from "../../src/ssh/ssh2_library.ts";
import type {
  Ssh2Encrypter,
  Ssh2GcmDecipher,
  Ssh2Protocol,
} from "../../src/ssh/ssh2_types.ts";

const PAYLOAD = new Uint8Array(32_768);
/** As many as a connection has on their way at once. */
const PACKETS = 16;
const NAMES = ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com"];

const { default: ssh2 } = await import("ssh2/lib/protocol/crypto.js");
const { poly1305 } = await loadSsh2();

/** Both halves with one key, of ssh2 or of ours. */
function makePair(name: string, isOurs: boolean) {
  const info = ssh2.CIPHER_INFO[name];
  const queue = new OutputQueue();
  const key = Buffer.alloc(info.keyLen, 1);
  const config = {
    outbound: {
      cipherInfo: info,
      cipherKey: key,
      cipherIV: Buffer.alloc(info.ivLen),
      seqno: 0,
      onWrite: (bytes: Buffer) => queue.push(bytes),
    },
    inbound: {
      decipherInfo: info,
      decipherKey: key,
      decipherIV: Buffer.alloc(info.ivLen),
      seqno: 0,
      onPayload: () => undefined,
    },
  };
  const cipher: Ssh2Encrypter = ssh2.createCipher(config);
  const decipher: Ssh2GcmDecipher = ssh2.createDecipher(config);
  const protocol = { _cipher: cipher, _decipher: decipher };
  const input: GatedInput = { gate: undefined };
  if (isOurs) {
    const ours = protocol as unknown as Ssh2Protocol;
    patchChacha20(poly1305, ours);
    patchAesGcm(ours, {
      writeLater: (_sizeBytes, bytes) => queue.pushLater(bytes),
    });
    patchAesGcmDecipher(ours, input, (error) => console.error(error));
  }
  const target = new Uint8Array(1024 * 1024);
  const seal = async () => {
    for (let count = 0; count < PACKETS; count++) {
      const packet = cipher.allocPacket(PAYLOAD.length);
      packet.set(PAYLOAD, 5);
      cipher.encrypt(packet);
    }
    const parts: Uint8Array[] = [];
    while (!queue.isEmpty) {
      await queue.untilReady();
      parts.push(queue.take(target).slice());
    }
    return Buffer.concat(parts);
  };
  const open = async (bytes: Buffer) => {
    decipher.decrypt(bytes, 0, bytes.length);
    await input.gate?.();
  };
  return { seal, open };
}

for (const name of NAMES) {
  for (const whose of ["ssh2's", "ours"]) {
    const isOurs = whose === "ours";
    const { seal } = makePair(name, isOurs);
    Deno.bench({
      name: `${name}, ${whose}: 512 KiB`,
      group: `encrypt, ${name}`,
      baseline: !isOurs,
      fn: async () => void await seal(),
    });
  }
  for (const whose of ["ssh2's", "ours"]) {
    const isOurs = whose === "ours";
    const { seal, open } = makePair(name, isOurs);
    Deno.bench({
      name: `${name}, ${whose}: 512 KiB`,
      group: `encrypt and decrypt, ${name}`,
      baseline: !isOurs,
      fn: async () => await open(await seal()),
    });
  }
}
