/**
 * The hybrid key exchange of ML-KEM-768 and X25519, so that no recording can
 * be opened by a quantum computer of later days; OpenSSH's clients from 10.1
 * on warn of servers without it.
 * Row F7: ssh2 lacks it. It is told of `curve25519-sha256`, whose exchange is
 * made to carry the other half too. WebCrypto encapsulates asynchronously
 * where ssh2 computes at once, so the client's message is held back until the
 * secret is there; until our answer the client has nothing more to say.
 * Source: draft-ietf-sshm-mlkem-hybrid-kex, section 2; ssh2 1.17.0,
 * lib/protocol/kex.js, KeyExchange and Curve25519Exchange.
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  encapsulate,
  type Encapsulated,
  ML_KEM_PUBLIC_BYTES,
} from "../ml_kem.ts";
import type { Ssh2KeyExchange } from "../ssh2_types.ts";
import { SshReader, toFixedSize } from "../wire.ts";

const KEXDH_INIT = 30;
const X25519_BYTES = 32;
const CLIENT_BYTES = ML_KEM_PUBLIC_BYTES + X25519_BYTES;

/** What becomes of an exchange that cannot go on. */
export interface MlkemListener {
  /** Ends the connection. */
  fail(error: unknown): void;
  /** Whether there is nobody left to answer. */
  isOver(): boolean;
}

/**
 * Makes an exchange over X25519 the hybrid one.
 * @param exchange New, its checks of public values in place.
 */
export function patchMlkem(
  exchange: Ssh2KeyExchange,
  listener: MlkemListener,
): void {
  const parse = exchange.parse.bind(exchange);
  let isWaiting = false;
  exchange.parse = (payload) => {
    if (isWaiting) {
      listener.fail(new Error("ssh: message before the end of key exchange"));
      return Infinity;
    }
    if (payload[0] !== KEXDH_INIT) return parse(payload);
    // Views into it outlive the packet.
    const held = Buffer.from(payload);
    isWaiting = true;
    encapsulateFor(held).then((encapsulated) => {
      isWaiting = false;
      if (listener.isOver()) return;
      exchange.parse = parse;
      addSecret(exchange, encapsulated);
      parse(held);
    }).catch((error: unknown) => listener.fail(error));
    return undefined;
  };
}

/** @throws {Error} If the message does not hold both public values. */
async function encapsulateFor(payload: Buffer): Promise<Encapsulated> {
  const reader = new SshReader(payload, 1);
  const both = reader.readString();
  reader.expectEnd();
  if (both.length !== CLIENT_BYTES) {
    throw new Error(`Cannot use public values of ${both.length} bytes`);
  }
  return await encapsulate(both.subarray(0, ML_KEM_PUBLIC_BYTES));
}

function addSecret(
  exchange: Ssh2KeyExchange,
  { secret, ciphertext }: Encapsulated,
): void {
  const computeX25519 = exchange.computeSecret.bind(exchange);
  const getX25519Public = exchange.getPublicKey.bind(exchange);
  // Strings to the hash, not numbers: zeros in front stay.
  exchange.convertPublicKey = (key) => key;
  exchange.getPublicKey = () => Buffer.concat([ciphertext, getX25519Public()]);
  exchange.computeSecret = (both) => {
    const classical = computeX25519(both.subarray(ML_KEM_PUBLIC_BYTES));
    if (classical instanceof Error) return classical;
    const fixed = toFixedSize(classical, X25519_BYTES);
    if (!fixed) return new Error("Shared secret is too long");
    return createHash("sha256").update(secret).update(fixed).digest();
  };
}
