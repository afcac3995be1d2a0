/**
 * Sends EXT_INFO with what this server really accepts.
 * Row F14: ssh2's own list is fixed and lacks a comma, which fuses the names
 * `ecdsa-sha2-nistp521` and `rsa-sha2-512`, so that clients do without both.
 * Source: RFC 8308; OpenSSH, PROTOCOL, section 1.9 (ping).
 * @module
 */
import { encodeExtInfo } from "../ssh_messages.ts";
import type { Ssh2Library, Ssh2Protocol } from "../ssh2_types.ts";
import { sendPayload } from "./raw_packet.ts";

/**
 * Replaces the message that follows the first exchange of keys.
 * @param signatureAlgorithms What a user key may sign with, in this order.
 */
export function patchExtInfo(
  ssh2: Ssh2Library,
  protocol: Ssh2Protocol,
  signatureAlgorithms: readonly string[],
): void {
  const complete = protocol._onHandshakeComplete;
  let isFirst = true;
  protocol._onHandshakeComplete = (negotiated) => {
    const exchange = protocol._kex;
    if (isFirst && exchange?.remoteExtInfoEnabled) {
      exchange.remoteExtInfoEnabled = false;
      const payload = encodeExtInfo([
        ["server-sig-algs", signatureAlgorithms.join(",")],
        ["ping@openssh.com", "0"],
      ]);
      sendPayload(ssh2, protocol, payload);
    }
    isFirst = false;
    complete(negotiated);
  };
}
