/**
 * The client's half of `mlkem768x25519-sha256`, on ssh2's protocol in the
 * client's role: OpenSSH has it from 9.9 on, which is not everywhere.
 * Source: draft-ietf-sshm-mlkem-hybrid-kex, section 2.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  generateMlKemKeyPair,
  type MlKemKeyPair,
} from "../../src/ssh/ml_kem.ts";
import { onKeyExchange } from "../../src/ssh/patch/key_exchange_hook.ts";
import type {
  Ssh2Encrypter,
  Ssh2KeyExchange,
  Ssh2Library,
  Ssh2PayloadHandler,
  Ssh2Protocol,
} from "../../src/ssh/ssh2_types.ts";
import { SshReader, SshWriter } from "../../src/ssh/wire.ts";

const NAME = "mlkem768x25519-sha256";
const CLASSICAL = "curve25519-sha256";
const KEXINIT = 20;
const KEXDH_INIT = 30;
const KEXDH_REPLY = 31;
const CIPHERTEXT_BYTES = 1_088;
const X25519_BYTES = 32;

/** What a test may spoil of what the client sends. */
export interface MlkemFaults {
  /** Changes the public values that are sent. */
  spoil?: (both: Buffer) => Buffer;
  cipher?: string;
  /** Sends a packet on a guess, as Dropbear does; it can never be right. */
  guesses?: boolean;
}

/** Key pairs for a few exchanges: ssh2 cannot wait for them. */
export class MlkemClientHalf {
  /** Settles when the parser may go on. */
  settled: Promise<void> = Promise.resolve();
  readonly #keys: MlKemKeyPair[];
  readonly #faults: MlkemFaults;
  #original: Buffer | undefined;

  private constructor(keys: MlKemKeyPair[], faults: MlkemFaults) {
    this.#keys = keys;
    this.#faults = faults;
  }

  /** @param exchanges How many there will be at most. */
  static async open(
    exchanges: number,
    faults: MlkemFaults = {},
  ): Promise<MlkemClientHalf> {
    const keys = await Promise.all(
      Array.from({ length: exchanges }, generateMlKemKeyPair),
    );
    return new MlkemClientHalf(keys, faults);
  }

  /** Hooks into a protocol whose server has just identified itself. */
  install(protocol: Ssh2Protocol, { KexInit }: Ssh2Library): void {
    const direction = {
      cipher: [this.#faults.cipher ?? "aes128-gcm@openssh.com"],
      mac: ["hmac-sha2-256"],
      compress: ["none"],
      lang: [],
    };
    const offer = new KexInit({
      kex: [NAME, "ext-info-c", "kex-strict-c-v00@openssh.com"],
      serverHostKey: ["ssh-ed25519"],
      cs: direction,
      sc: direction,
    });
    offer.lists.kex.array.push(CLASSICAL);
    protocol._offer = offer;
    if (this.#faults.guesses) guessOnce(protocol);
    protocol._decipher._onPayload = this.#show(protocol._decipher._onPayload);
    protocol._onPayload = this.#show(protocol._onPayload);
    onKeyExchange(protocol, (exchange) => this.#adjust(exchange));
  }

  /** Hides the name that ssh2 does not know. */
  #show(next: Ssh2PayloadHandler): Ssh2PayloadHandler {
    return (payload) => {
      if (payload[0] !== KEXINIT) return next(payload);
      this.#original = Buffer.from(payload);
      const reader = new SshReader(payload, 17);
      const names = reader.readNameList().map((name) =>
        name === NAME ? CLASSICAL : name
      );
      const shown = new SshWriter().raw(payload.subarray(0, 17))
        .nameList(names).raw(reader.readRest()).bytes();
      return next(Buffer.from(shown));
    };
  }

  #adjust(exchange: Ssh2KeyExchange): void {
    exchange._remoteKexinit = this.#original;
    const pair = this.#keys.shift();
    if (!pair) throw new Error("More exchanges than keys");
    const ownPublic = exchange.getPublicKey.bind(exchange);
    const compute = exchange.computeSecret.bind(exchange);
    const parse = exchange.parse.bind(exchange);
    let secret: Uint8Array = new Uint8Array();
    exchange.convertPublicKey = (key) => key;
    const both = Buffer.concat([pair.publicKey, ownPublic()]);
    exchange.getPublicKey = () => this.#faults.spoil?.(both) ?? both;
    exchange.computeSecret = (reply) => {
      const classical = compute(reply.subarray(CIPHERTEXT_BYTES));
      if (classical instanceof Error) return classical;
      const fixed = Buffer.alloc(X25519_BYTES);
      const bare = classical.subarray(-X25519_BYTES);
      fixed.set(bare, X25519_BYTES - bare.length);
      return createHash("sha256").update(secret).update(fixed).digest();
    };
    exchange.parse = (payload) => {
      if (payload[0] !== KEXDH_REPLY) return parse(payload);
      const held = Buffer.from(payload);
      const reader = new SshReader(held, 1);
      reader.readString();
      const ciphertext = reader.readString().subarray(0, CIPHERTEXT_BYTES);
      this.settled = pair.decapsulate(ciphertext).then((opened) => {
        secret = opened;
        parse(held);
      });
      return undefined;
    };
  }
}

/** Announces a guess in the first KEXINIT, and sends one behind it. */
function guessOnce(protocol: Ssh2Protocol): void {
  const cipher = protocol._cipher as Ssh2Encrypter;
  const encrypt = cipher.encrypt.bind(cipher);
  cipher.encrypt = (packet) => {
    const kexInit = protocol._kexinit;
    if (packet[5] !== KEXINIT || !kexInit) return encrypt(packet);
    cipher.encrypt = encrypt;
    // Flag and four reserved bytes are the last; the hash covers them too.
    const flagAt = kexInit.length - 5;
    packet[5 + flagAt] = kexInit[flagAt] = 1;
    encrypt(packet);
    const guess = new SshWriter().byte(KEXDH_INIT).string("guess").bytes();
    const second = cipher.allocPacket(guess.length);
    second.set(guess, 5);
    encrypt(second);
  };
}
