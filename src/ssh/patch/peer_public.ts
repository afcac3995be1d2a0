/**
 * Refuses public values that make the shared secret known to everyone.
 * Not in sshd.md's table: neither ssh2 nor Deno checks that a Diffie-Hellman
 * value lies between 1 and p-1, and an X25519 secret of zeros is accepted
 * unless the library refuses it, so both are checked here.
 * Source: RFC 4253, section 8 (1 < e < p-1); RFC 8731, section 3.
 * @module
 */
import { createDiffieHellmanGroup } from "node:crypto";
import { stripZeros } from "../wire.ts";
import type { Ssh2KeyExchange } from "../ssh2_types.ts";

const X25519_BYTES = 32;

/** Wraps the computation of an exchange of one of these types. */
export function patchPeerPublic(exchange: Ssh2KeyExchange): void {
  const compute = exchange.computeSecret.bind(exchange);
  if (exchange.type === "group") {
    exchange.computeSecret = (peer) =>
      isGroupValue(peer, exchange.groupName ?? "")
        ? compute(peer)
        : new Error("Public value is out of range");
  } else if (exchange.type === "25519") {
    exchange.computeSecret = (peer) => {
      if (peer.length !== X25519_BYTES) {
        return new Error(`Public value has ${peer.length} bytes`);
      }
      const secret = compute(peer);
      const isZero = !(secret instanceof Error) &&
        stripZeros(secret).length === 0;
      return isZero ? new Error("Shared secret is zero") : secret;
    };
  }
}

/**
 * Whether 1 < value < p-1 for the prime of a named group.
 * @param value Big-endian; a set top bit is a negative number.
 */
export function isGroupValue(value: Uint8Array, groupName: string): boolean {
  if (((value[0] ?? 0) & 0x80) !== 0) return false;
  const number = toBigInt(value);
  const prime = toBigInt(createDiffieHellmanGroup(groupName).getPrime());
  return number > 1n && number < prime - 1n;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x0${bytes.toHex()}`);
}
