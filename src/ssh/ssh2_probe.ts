/**
 * Checks ssh2 at the start, without a network: a connection at the moment we
 * hook into it, the key exchange that its KEXINIT begins, and the ciphers.
 * Source: ssh2 1.17.0, lib/server.js, lib/protocol/kex.js and crypto.js.
 * @module
 */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { makeKexInit } from "./patch/kex_choice.ts";
import { onKeyExchange } from "./patch/key_exchange_hook.ts";
import {
  checkCiphers,
  checkKeyExchange,
  checkSsh2,
  memberOf,
  type ProbedCiphers,
} from "./ssh2_check.ts";
import { MESSAGE } from "./ssh_messages.ts";
import type { Ssh2Client, Ssh2Library, Ssh2Offer } from "./ssh2_types.ts";
import { SshWriter } from "./wire.ts";

const PROBE_TIMEOUT_MS = 5_000;
const PROBE_IDENT = Buffer.from("SSH-2.0-probe\r\n");
const CHACHA = "chacha20-poly1305@openssh.com";
const GCM = "aes128-gcm@openssh.com";
const DIRECTION = {
  cipher: [GCM],
  mac: [],
  compress: ["none"],
  lang: [],
};
const OFFER: Ssh2Offer = {
  kex: ["curve25519-sha256"],
  serverHostKey: ["ssh-ed25519"],
  cs: DIRECTION,
  sc: DIRECTION,
};

/** @throws {Error} Naming the first difference from what is relied on. */
export async function probeConnection(library: Ssh2Library): Promise<void> {
  const socket = new ProbeSocket();
  const server = new library.Server({ hostKeys: [] });
  const checked = Promise.withResolvers<void>();
  server.on("connection", (client: Ssh2Client) => {
    client.on("error", checked.reject);
    try {
      checkSsh2(client, socket.written);
      const { _protocol: protocol } = client;
      protocol._offer = makeKexInit(library, OFFER);
      onKeyExchange(protocol, (exchange) => {
        checkKeyExchange(exchange);
        checked.resolve();
      });
      queueMicrotask(() => socket.emit("data", frame(kexInit())));
    } catch (error) {
      checked.reject(error);
    }
  });
  const timer = setTimeout(
    () => checked.reject(new Error("Cannot use ssh2: it does not answer")),
    PROBE_TIMEOUT_MS,
  );
  try {
    server.injectSocket(socket);
    await checked.promise;
  } finally {
    clearTimeout(timer);
    socket.emit("close");
  }
}

/** @throws {Error} Naming the first difference from what is relied on. */
export async function probeCiphers(): Promise<void> {
  const { default: library } = await import("ssh2/lib/protocol/crypto.js");
  await memberOf(library, "init");
  checkCiphers(makeCiphers(library, CHACHA), makeCiphers(library, GCM));
}

function makeCiphers(library: unknown, name: string): ProbedCiphers {
  const info = memberOf(memberOf(library, "CIPHER_INFO"), name);
  const createCipher = memberOf(library, "createCipher");
  const createDecipher = memberOf(library, "createDecipher");
  if (
    typeof createCipher !== "function" || typeof createDecipher !== "function"
  ) {
    throw new Error("Cannot use ssh2: it makes no ciphers");
  }
  const key = Buffer.alloc(Number(memberOf(info, "keyLen")));
  const iv = Buffer.alloc(Number(memberOf(info, "ivLen")));
  const done = () => {};
  const config = {
    outbound: {
      seqno: 0,
      onWrite: done,
      cipherInfo: info,
      cipherKey: key,
      cipherIV: iv,
    },
    inbound: {
      seqno: 0,
      onPayload: done,
      decipherInfo: info,
      decipherKey: key,
      decipherIV: iv,
    },
  };
  return { cipher: createCipher(config), decipher: createDecipher(config) };
}

/** What a client with one algorithm of each kind sends. */
function kexInit(): Uint8Array {
  const { kex, serverHostKey, cs, sc } = OFFER;
  const lists = [kex, serverHostKey, cs.cipher, sc.cipher, cs.mac, sc.mac]
    .concat([cs.compress, sc.compress, [], []]);
  const writer = new SshWriter().byte(MESSAGE.kexInit).raw(new Uint8Array(16));
  for (const names of lists) writer.nameList(names);
  return writer.bool(false).uint32(0).bytes();
}

/** An unencrypted packet; RFC 4253, section 6. */
function frame(payload: Uint8Array): Buffer {
  const paddingBytes = 16 - (5 + payload.length) % 8;
  const packet = new SshWriter().uint32(1 + payload.length + paddingBytes)
    .byte(paddingBytes).raw(payload).raw(new Uint8Array(paddingBytes));
  return Buffer.from(packet.bytes());
}

/** As much of a socket as ssh2 uses until keys are exchanged. */
class ProbeSocket extends EventEmitter {
  readonly writable = true;
  readonly _readableState = { ended: false };
  written = "";

  write(bytes: Uint8Array): boolean {
    // What follows the identification is our own KEXINIT.
    if (this.written === "") this.written = Buffer.from(bytes).toString();
    return true;
  }
  pause(): void {}
  resume(): void {
    queueMicrotask(() => this.emit("data", PROBE_IDENT));
  }
  end(): void {}
}
